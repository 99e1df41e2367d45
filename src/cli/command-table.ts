/** Commands from the control socket or the screen → the session's runners. `leave` without a runner of the session ends the whole session. */
import { deferred } from '../base/closable.ts'
import { InterceptError } from '../base/errors.ts'
import type { ControlRequest, Result } from '../control/message.ts'
import type { EventStream } from '../event/stream.ts'
import { asError } from '../base/errors.ts'
import { shownFilterText } from '../filter/shown.ts'
import { errorShape } from '../output/error.ts'
import type { By } from '../session/change.ts'
import type { Args, CommandTable } from '../session/request.ts'
import type { StopSignals } from './signals.ts'

type Runner = Parameters<CommandTable['on']>[1]

export interface HostedCommands extends CommandTable {
  run(request: Pick<ControlRequest, 'command' | 'args'>, by: By): Promise<Result | undefined>
  /** The session is over: whoever waits for that gets the answer. */
  ended(): void
}

export function commandTable(options: { events: EventStream; stop: StopSignals; targets: () => readonly string[] }): HostedCommands {
  const { events, stop, targets } = options
  const runners = new Map<string, Runner>()
  const end = deferred<void>()
  let count = 0
  const leaveAll = async (args: Args, by: By): Promise<Result> => {
    const wanted = Array.isArray(args['targets']) ? args['targets'].map(String) : []
    const here = targets()
    if (wanted.length > 0 && here.some(name => !wanted.includes(name))) {
      const some = runners.get('leave-targets')
      if (some !== undefined) return (await some(args, by)) ?? {}
      throw new InterceptError('BAD_USAGE', `one session holds ${here.join(', ')}: its targets leave together`, {
        hint: 'name all of them, or leave every session: kubectl intercept leave --all'
      })
    }
    stop.requestDrain('leave')
    await end.promise
    return { left: here }
  }
  return {
    on: (name, run) => void runners.set(name, run),
    ended: () => end.resolve(),
    async run({ command, args }, by) {
      const run = runners.get(command) ?? (command === 'leave' ? leaveAll : undefined)
      if (run === undefined) {
        throw new InterceptError('BAD_USAGE', `this session has no command "${command}"`, { hint: 'see what runs: kubectl intercept list' })
      }
      count += 1
      const id = `${by}-${count}`
      events.emit('command', { id, by, name: command, args: shown(args) })
      try {
        const result = await run(args, by)
        events.emit('command.result', { id, ok: true })
        return result
      } catch (error) {
        events.emit('command.result', { id, ok: false, error: errorShape(error) })
        throw asError(error)
      }
    }
  }
}

/** An edited message holds what its exchange held, secrets too: events say only that there was one. So may the filter. */
function shown(args: Args): Args {
  const { text, filter } = args
  return {
    ...args,
    ...(text !== undefined && { text: '…' }),
    ...(typeof filter === 'string' && filter !== '' && { filter: shownFilterText(filter) })
  }
}
