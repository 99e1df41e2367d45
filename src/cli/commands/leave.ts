/** `kubectl intercept leave [TARGET…|PID…|--all]`: asks running sessions of this user, over their sockets, to drain and end. */
import { InterceptError } from '../../base/errors.ts'
import { sendCommand } from '../../control/client.ts'
import { chooseSessions, nameOf, runningSessions, sayElsewhere, type Verb } from '../choose-sessions.ts'
import type { CommandContext } from '../context.ts'
import { cleanLeftovers } from '../leftovers.ts'
import { placeHere } from '../place-here.ts'
import { badUsage, quoted } from '../usage-error.ts'

const LEAVE: Verb = {
  hint: target => `kubectl intercept leave ${target}`,
  several: pid => `end one of them by its pid: kubectl intercept leave ${pid}, or all: kubectl intercept leave --all`
}

export async function run(context: CommandContext): Promise<number> {
  const { io, args, clock, stop } = context
  const { words } = args
  if (args.on('all') && words.length > 0) {
    throw badUsage(
      `--all ends every session and cannot be combined with ${quoted(words[0] ?? '')}`,
      'choose one: kubectl intercept leave --all'
    )
  }
  const removed = await cleanLeftovers(io)
  for (const line of removed) io.stdout.write(`${line}\n`)
  const sessions = await runningSessions({ io, clock, stop }).catch((error: unknown) => {
    // What a crash left behind was all there was to end.
    if (removed.length > 0 && words.length === 0 && error instanceof InterceptError && error.code === 'NO_SESSION') return []
    throw error
  })
  if (sessions.length === 0) return 0
  const here = await placeHere(context, sessions)
  const leaving = args.on('all')
    ? sessions.map(session => ({ session, targets: [] }))
    : chooseSessions({ sessions, words, verb: LEAVE, here })
  sayElsewhere(leaving, here, io)
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
