/** Commands of a running session, the same from its screen and from its control socket: status, leave, set, replay. */
import type { Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import type { Intercept } from './options.ts'
import { replayCommand } from './replay-command.ts'
import type { CommandRun, InterceptContext } from './request.ts'
import type { Wanted } from './share.ts'

export interface SessionCommandsOptions {
  running: readonly Intercept[]
  /** By target name: where its local app listens. */
  locals: ReadonlyMap<string, Endpoint>
  context: InterceptContext
  nextId: () => string
  /** Drains these, and says how each ended. */
  leave: (leaving: readonly Intercept[]) => Promise<readonly string[]>
}

type Args = Parameters<CommandRun>[0]

export function sessionCommands({ running, locals, context, nextId, leave }: SessionCommandsOptions): void {
  const { commands } = context
  commands.on('status', async () => ({ targets: running.map(({ name, state, inFlight }) => ({ name, state, inFlight })) }))
  commands.on('leave-targets', async args => {
    const wanted = namesIn(args)
    const leaving = running.filter(each => wanted.includes(each.name) && isHere(each))
    return { left: leaving.map(({ name }) => name), reports: await leave(leaving) }
  })
  commands.on('set', async (args, by) => {
    const targets = chosen(running, namesIn(args))
    const change = changeIn(args)
    await Promise.all(targets.map(each => apply(each, change, by === 'tui' ? 'user' : 'control')))
    return { targets: targets.map(({ name, state }) => ({ name, state })) }
  })
  commands.on('replay', replayCommand({ locals, context, nextId }))
}

type Change = 'hold' | 'release' | Wanted

function apply(target: Intercept, change: Change, by: 'user' | 'control'): Promise<void> {
  if (change === 'hold') return target.hold()
  if (change === 'release') return target.release()
  return target.setShare(change, by)
}

/** Whatever came over the socket, read strictly. */
function changeIn({ weight, split, hold, release }: Args): Change {
  const given = [weight, split, hold, release].filter(value => value !== undefined)
  if (given.length === 1) {
    if (hold === true) return 'hold'
    if (release === true) return 'release'
    if (typeof weight === 'number' && Number.isInteger(weight) && weight >= 1 && weight <= 255) return { weight }
    if (typeof split === 'number' && split > 0 && split <= 1) return { split }
  }
  throw new InterceptError('BAD_USAGE', 'set takes one of: a weight of 1…255, a split above 0 up to 1, hold, release', {
    hint: 'for example: kubectl intercept set nginx weight=30'
  })
}

const namesIn = ({ targets }: Args): string[] => (Array.isArray(targets) ? targets.map(String) : [])
const isHere = ({ state }: Intercept): boolean => state !== 'ended' && state !== 'failed'

/** Without a name the only target, or all. */
function chosen(running: readonly Intercept[], names: readonly string[]): Intercept[] {
  const here = running.filter(isHere)
  const unknown = names.find(name => !here.some(each => each.name === name))
  if (unknown !== undefined || here.length === 0) {
    throw new InterceptError(
      'NO_SESSION',
      unknown === undefined ? 'this session is being left' : `this session does not intercept ${unknown}`,
      {
        hint: 'see what runs: kubectl intercept list'
      }
    )
  }
  return names.length === 0 ? here : here.filter(each => names.includes(each.name))
}
