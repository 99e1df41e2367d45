/** `kubectl intercept set [TARGET…|PID] weight=N|split=PERCENT|hold|release`: changes a running session of this user, over its socket. */
import { formatShare, printable } from '../../base/format.ts'
import { sendCommand } from '../../control/client.ts'
import type { Result } from '../../control/message.ts'
import { chooseSessions, runningSessions, sayElsewhere } from '../choose-sessions.ts'
import type { CommandContext } from '../context.ts'
import { placeHere } from '../place-here.ts'
import { readSetting } from '../read-setting.ts'

export async function run(context: CommandContext): Promise<number> {
  const { io, args, clock, stop } = context
  const setting = await readSetting(args.words, args.on('through-laptop'))
  const sessions = await runningSessions({ io, clock, stop })
  const here = await placeHere(context, sessions)
  const verb = {
    hint: (target: string) => `kubectl intercept set ${target} ${setting.text}`,
    intercepts: true,
    several: (pid: string) => `name one by its pid, or by a target: kubectl intercept set ${pid} ${setting.text}`
  }
  const chosen = chooseSessions({ sessions, words: setting.words, verb, here })
  sayElsewhere(chosen, here, io)
  const results = await Promise.allSettled(
    chosen.map(async ({ session, targets }) => {
      const result = await sendCommand(session.path, 'set', { ...setting.args, ...(targets.length === 0 ? {} : { targets }) }, stop.drain)
      for (const line of linesOf(result, setting.args)) io.stdout.write(`${line}\n`)
    })
  )
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return 0
}

/** Without a connector the change is kept for the next one. */
const NOT_REGISTERED: ReadonlySet<unknown> = new Set(['resolving', 'waiting', 'connecting', 'reconnecting'])

function linesOf({ targets }: Result, args: Setting): string[] {
  const all: unknown[] = Array.isArray(targets) ? targets : []
  return all.filter(isObject).map(({ target, changed, state, weight, share, filter }) => {
    const name = printable(String(target), 100)
    if (args['hold'] === true) return `${name} ${changed === true ? 'held' : 'was held already'}; the cluster serves`
    if (args['release'] === true) return `${name} ${changed === true ? `released; ${printable(String(state), 40)}` : 'was not held'}`
    const now =
      typeof filter === 'string'
        ? `only what matches ${printable(filter, 200)}`
        : `weight ${Number(weight)}, ${typeof share === 'number' ? `${formatShare(share)} of the visitors` : 'share of the visitors not known'}`
    const when = state === 'held' ? '; in force when it is released' : NOT_REGISTERED.has(state) ? '; in force once it is registered' : ''
    return `${name} ${changed === true ? '' : 'has already '}${now}${when}`
  })
}

type Setting = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
