/** Which running sessions of this user a command is about: by target, by pid, or the only one. */
import type { Clock } from '../base/clock.ts'
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { controlDirectories } from '../control/directory.ts'
import { listSessions, type RunningSession } from '../control/sessions.ts'
import type { Io } from './io.ts'
import { quoted } from './usage-error.ts'

export type Asking = 'leave' | 'set'

export interface Chosen {
  session: RunningSession
  /** Empty: the whole session. */
  targets: string[]
}

const HINTS: Readonly<Record<Asking, (pid: number | undefined) => string>> = {
  leave: pid => `end one of them by its pid: kubectl intercept leave ${pid ?? 'PID'}, or all: kubectl intercept leave --all`,
  set: pid => `name one by its pid: kubectl intercept set ${pid ?? 'PID'} weight=30`
}

/** Throws NO_SESSION when there is none. */
export async function runningSessions(io: Io, clock: Clock, signal: AbortSignal): Promise<RunningSession[]> {
  const sessions = await listSessions(controlDirectories(io), { clock, signal, uid: io.uid })
  if (sessions.length > 0) return sessions
  throw new InterceptError('NO_SESSION', 'no session of this user runs on this machine', {
    hint: 'start one: kubectl intercept svc/nginx --port 8080'
  })
}

export const targetsOf = (session: RunningSession): string[] => (session.info?.targets ?? []).map(({ name }) => name)

export function nameOf(session: RunningSession, targets: readonly string[]): string {
  const names = targets.length > 0 ? targets : targetsOf(session)
  return names.length === 0 ? `session ${session.pid}` : names.join(', ')
}

/** `nginx (pid 4242, since 12:04:31)`: enough to tell two sessions of one target apart. */
function introduced(session: RunningSession): string {
  const { pid, info } = session
  const since = info === undefined || info.startedAt === '' ? '' : `, since ${new Date(info.startedAt).toLocaleTimeString('en-GB')}`
  return `${targetsOf(session).join(', ') || 'a session'} (pid ${pid}${since})`
}

/** Without a word the only session. Throws TARGET_AMBIGUOUS with several, NO_SESSION for a word that is none. */
export function chooseSessions(sessions: readonly RunningSession[], words: readonly string[], command: Asking): Chosen[] {
  const [first, second] = sessions
  if (words.length === 0) {
    if (first !== undefined && second === undefined) return [{ session: first, targets: [] }]
    throw new InterceptError('TARGET_AMBIGUOUS', `${sessions.length} sessions run here: ${sessions.map(introduced).join('; ')}`, {
      hint: HINTS[command](first?.pid)
    })
  }
  const chosen = new Map<RunningSession, Set<string>>()
  for (const word of words) {
    const byPid = sessions.find(({ pid }) => String(pid) === word)
    if (byPid !== undefined) {
      chosen.set(byPid, new Set(targetsOf(byPid)))
      continue
    }
    const found = sessions.flatMap(session => matching(session, word).map(target => ({ session, target })))
    if (found.length === 0) throw unknownTarget(word, sessions, command)
    for (const { session, target } of found) chosen.set(session, (chosen.get(session) ?? new Set()).add(target))
  }
  return [...chosen].map(([session, targets]) => ({ session, targets: [...targets] }))
}

/** By the name on the screen, or as `kind/name` of its workload, or as it was typed when the session was started. */
function matching(session: RunningSession, word: string): string[] {
  const [kind, name = kind] = word.split('/')
  return (session.info?.targets ?? [])
    .filter(target => target.name === word || target.name === name || target.workload === word)
    .map(target => target.name)
}

function unknownTarget(word: string, sessions: readonly RunningSession[], command: Asking): InterceptError {
  const names = sessions.flatMap(targetsOf)
  const [near] = nearest(word.split('/').at(-1) ?? word, names, 1)
  const hint = near === undefined ? `what runs here: ${names.join(', ')}` : `did you mean kubectl intercept ${command} ${near}?`
  return new InterceptError('NO_SESSION', `no session here intercepts ${quoted(word)}`, { hint })
}
