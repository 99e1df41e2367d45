/** The socket by which `list`, `leave` and `set` find a running session and speak to it. */
import { closeOnce } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import { chooseDirectory } from '../control/directory.ts'
import type { SessionInfo } from '../control/message.ts'
import { type ControlServer, serveControl } from '../control/serve.ts'
import { EMPTY_VIEW, reduce, type SessionView } from '../event/reduce.ts'
import type { EventStream } from '../event/stream.ts'
import type { HostedCommands } from './command-table.ts'
import type { CommandContext } from './context.ts'
import { VERSION } from './version.ts'

/** What the events have told so far. */
export function viewOf(events: EventStream): () => SessionView {
  let view: SessionView = EMPTY_VIEW
  events.subscribe(event => {
    view = reduce(view, event)
  })
  return () => view
}

/** A machine without a usable folder loses `leave` and `list`, not the session. */
export async function startControl(
  { io, clock, log }: CommandContext,
  parts: { commands: HostedCommands; view: () => SessionView; events: EventStream }
): Promise<ControlServer | undefined> {
  try {
    const directory = await chooseDirectory(io)
    if (directory === undefined) return undefined
    const { pid, platform } = io
    const server = await serveControl({
      directory,
      pid,
      platform,
      clock,
      info: () => infoOf(parts.view(), pid),
      onCommand: request => parts.commands.run(request, 'control'),
      subscribe: parts.events.subscribe
    })
    return { path: server.path, close: closeOnce(server.close) }
  } catch (error) {
    log.warn('no control socket', { error: asError(error) })
    return undefined
  }
}

const infoOf = (view: SessionView, pid: number): SessionInfo => ({
  pid,
  session: view.session ?? '',
  user: view.user ?? '',
  version: VERSION,
  command: view.command ?? '',
  kind: view.kind,
  startedAt: view.startedAt ?? '',
  cluster: view.cluster,
  targets: Object.entries(view.targets).map(([name, { state, workload, namespace, local, weight, share, mirror }]) => ({
    name,
    state,
    workload,
    namespace,
    local,
    weight,
    share,
    mirror
  }))
})
