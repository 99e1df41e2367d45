/** Which sessions of this user, and which of their targets, the words of a command mean: by name, by pid, or the only one there is. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { controlDirectories } from '../control/directory.ts'
import { listSessions, type RunningSession } from '../control/sessions.ts'
import type { CommandContext } from './context.ts'
import { quoted } from './usage-error.ts'

export interface Chosen {
  session: RunningSession
  /** Empty: the whole session. */
  targets: string[]
}

/** How the command that asks would be typed. */
export interface Verb {
  hint: (target: string) => string
  /** What to do when several sessions run and none was named. */
  several: (pid: string) => string
}

/** Throws NO_SESSION when none runs. */
export async function runningSessions({ io, clock, stop }: Pick<CommandContext, 'io' | 'clock' | 'stop'>): Promise<RunningSession[]> {
  const sessions = await listSessions(controlDirectories(io), { clock, signal: stop.drain, uid: io.uid })
  if (sessions.length > 0) return sessions
  throw new InterceptError('NO_SESSION', 'no session of this user runs on this machine', {
    hint: 'start one: kubectl intercept svc/nginx --port 8080'
  })
}

const targetsOf = (session: RunningSession): string[] => (session.info?.targets ?? []).map(({ name }) => name)

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

/** Throws TARGET_AMBIGUOUS without a word among several, and NO_SESSION for a word that nothing here has. */
export function chooseSessions(sessions: readonly RunningSession[], words: readonly string[], verb: Verb): Chosen[] {
  const [first, second] = sessions
  if (words.length === 0) {
    if (first !== undefined && second === undefined) return [{ session: first, targets: [] }]
    throw new InterceptError('TARGET_AMBIGUOUS', `${sessions.length} sessions run here: ${sessions.map(introduced).join('; ')}`, {
      hint: verb.several(String(first?.pid ?? 'PID'))
    })
  }
  const leaving = new Map<RunningSession, Set<string>>()
  for (const word of words) {
    const byPid = sessions.find(({ pid }) => String(pid) === word)
    if (byPid !== undefined) {
      leaving.set(byPid, new Set(targetsOf(byPid)))
      continue
    }
    const found = sessions.flatMap(session => matching(session, word).map(target => ({ session, target })))
    if (found.length === 0) throw unknownTarget(word, sessions, verb)
    for (const { session, target } of found) leaving.set(session, (leaving.get(session) ?? new Set()).add(target))
  }
  return [...leaving].map(([session, targets]) => ({ session, targets: [...targets] }))
}

/** By the name on the screen, or as `kind/name` of its workload, or as it was typed when the session was started. */
function matching(session: RunningSession, word: string): string[] {
  const [kind, name = kind] = word.split('/')
  return (session.info?.targets ?? [])
    .filter(target => target.name === word || target.name === name || target.workload === word)
    .map(target => target.name)
}

function unknownTarget(word: string, sessions: readonly RunningSession[], verb: Verb): InterceptError {
  const names = sessions.flatMap(targetsOf)
  const [near] = nearest(word.split('/').at(-1) ?? word, names, 1)
  const hint = near === undefined ? `what runs here: ${names.join(', ')}` : `did you mean ${verb.hint(near)}?`
  return new InterceptError('NO_SESSION', `no session here intercepts ${quoted(word)}`, { hint })
}
