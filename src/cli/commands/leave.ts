/** `kubectl intercept leave [TARGET…|PID…|--all]`: asks running sessions of this user, over their sockets, to drain and end. */
import { InterceptError } from '../../base/errors.ts'
import { nearest } from '../../base/format.ts'
import { sendCommand } from '../../control/client.ts'
import { controlDirectories } from '../../control/directory.ts'
import { listSessions, type RunningSession } from '../../control/sessions.ts'
import type { CommandContext } from '../context.ts'
import { badUsage, quoted } from '../usage-error.ts'

interface Leaving {
  session: RunningSession
  /** Empty: the whole session. */
  targets: string[]
}

export async function run({ io, args, clock, stop }: CommandContext): Promise<number> {
  const { words } = args
  if (args.on('all') && words.length > 0) {
    throw badUsage(
      `--all ends every session and cannot be combined with ${quoted(words[0] ?? '')}`,
      'choose one: kubectl intercept leave --all'
    )
  }
  const sessions = await listSessions(controlDirectories(io), { clock, signal: stop.drain, uid: io.uid })
  if (sessions.length === 0) {
    throw new InterceptError('NO_SESSION', 'no session of this user runs on this machine', {
      hint: 'start one: kubectl intercept svc/nginx --port 8080'
    })
  }
  const leaving = args.on('all') ? sessions.map(session => ({ session, targets: [] })) : chooseSessions(sessions, words)
  const failures: unknown[] = []
  await Promise.all(
    leaving.map(async ({ session, targets }) => {
      try {
        await sendCommand(session.path, 'leave', targets.length === 0 ? {} : { targets }, stop.drain)
        io.stdout.write(`${nameOf(session, targets)} left\n`)
      } catch (error) {
        // It ended while we asked: that is what was wanted.
        if (error instanceof InterceptError && error.code === 'NO_SESSION') io.stdout.write(`${nameOf(session, targets)} ended\n`)
        else failures.push(error)
      }
    })
  )
  if (failures.length > 0) throw failures[0]
  return 0
}

const targetsOf = (session: RunningSession): string[] => (session.info?.targets ?? []).map(({ name }) => name)

function nameOf(session: RunningSession, targets: readonly string[]): string {
  const names = targets.length > 0 ? targets : targetsOf(session)
  return names.length === 0 ? `session ${session.pid}` : names.join(', ')
}

/** `nginx (pid 4242, since 12:04:31)`: enough to tell two sessions of one target apart. */
function introduced(session: RunningSession): string {
  const { pid, info } = session
  const since = info === undefined || info.startedAt === '' ? '' : `, since ${new Date(info.startedAt).toLocaleTimeString('en-GB')}`
  return `${targetsOf(session).join(', ') || 'a session'} (pid ${pid}${since})`
}

function chooseSessions(sessions: readonly RunningSession[], words: readonly string[]): Leaving[] {
  const [first, second] = sessions
  if (words.length === 0) {
    if (first !== undefined && second === undefined) return [{ session: first, targets: [] }]
    throw new InterceptError('TARGET_AMBIGUOUS', `${sessions.length} sessions run here: ${sessions.map(introduced).join('; ')}`, {
      hint: `end one of them by its pid: kubectl intercept leave ${first?.pid ?? 'PID'}, or all: kubectl intercept leave --all`
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
    if (found.length === 0) throw unknownTarget(word, sessions)
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

function unknownTarget(word: string, sessions: readonly RunningSession[]): InterceptError {
  const names = sessions.flatMap(targetsOf)
  const [near] = nearest(word.split('/').at(-1) ?? word, names, 1)
  const hint = near === undefined ? `what runs here: ${names.join(', ')}` : `did you mean kubectl intercept leave ${near}?`
  return new InterceptError('NO_SESSION', `no session here intercepts ${quoted(word)}`, { hint })
}
