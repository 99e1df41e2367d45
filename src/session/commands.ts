/** Commands of a running session, the same from its screen and from its control socket: status, leave, set, replay. */
import type { Endpoint } from '../base/connection.ts'
import type { Intercept } from './options.ts'
import { replayCommand } from './replay-command.ts'
import type { InterceptContext } from './request.ts'
import { setCommand } from './set-command.ts'

export interface SessionCommandsOptions {
  running: readonly Intercept[]
  /** By target name: where its local app listens. */
  locals: ReadonlyMap<string, Endpoint>
  context: InterceptContext
  nextId: () => string
  /** Drains these, and says how each ended. */
  leave: (leaving: readonly Intercept[]) => Promise<readonly string[]>
}

export function sessionCommands({ running, locals, context, nextId, leave }: SessionCommandsOptions): void {
  const { commands } = context
  commands.on('status', async () => ({ targets: running.map(({ name, state, inFlight }) => ({ name, state, inFlight })) }))
  commands.on('leave-targets', async args => {
    const wanted = Array.isArray(args['targets']) ? args['targets'].map(String) : []
    const leaving = running.filter(each => wanted.includes(each.name) && each.state !== 'ended' && each.state !== 'failed')
    return { left: leaving.map(({ name }) => name), reports: await leave(leaving) }
  })
  commands.on('set', setCommand(running))
  commands.on('replay', replayCommand({ locals, context, nextId }))
}
