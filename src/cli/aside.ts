/** A session that intercepts nothing (`access`, `env --mount`), as `list` and `leave` know it: with a socket, and events for whoever subscribes there. */
import { type EventStream, eventStream } from '../event/stream.ts'
import type { Cluster } from '../kube/types.ts'
import { commandTable } from './command-table.ts'
import { commandText } from './command-text.ts'
import type { CommandContext } from './context.ts'
import { startControl, viewOf } from './start-control.ts'
import { VERSION } from './version.ts'

export interface AsideOptions {
  kind: 'access' | 'mount'
  cluster: Pick<Cluster, 'context' | 'server'>
}

/** `run` ends when `stop.drain` says so; whoever asked to leave is answered after it. */
export async function runAside(
  context: CommandContext,
  { kind, cluster }: AsideOptions,
  run: (events: EventStream) => Promise<number>
): Promise<number> {
  const { io, clock, stop, command, flagArgs } = context
  const events = eventStream(`${io.pid}-${crypto.randomUUID().slice(0, 4)}`, clock)
  const commands = commandTable({ events, stop, targets: () => [] })
  const control = await startControl(context, { commands, view: viewOf(events), events })
  const startedAt = clock.now()
  const end = (reason: 'done' | 'error', exitCode: number): void =>
    events.emit('session.ended', { reason, exitCode, summary: { ...NOTHING, durationMs: Math.round(clock.now() - startedAt) } })
  events.emit('session.started', {
    pid: io.pid,
    user: io.user,
    version: VERSION,
    command: commandText(command, flagArgs),
    kind,
    targets: [],
    cluster: { context: cluster.context, server: cluster.server },
    ...(control !== undefined && { controlPath: control.path })
  })
  try {
    const code = await run(events)
    end('done', code)
    return code
  } catch (error) {
    end('error', 1)
    throw error
  } finally {
    commands.ended()
    await control?.close()
  }
}

const NOTHING = { requests: 0, errors: 0, returned: 0, bytesIn: 0, bytesOut: 0 }
