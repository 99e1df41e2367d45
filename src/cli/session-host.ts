/** What surrounds a running session: its event stream, output, view and control socket. The session itself is given in. */
import { closeOnce } from '../base/closable.ts'
import { asError, exitCodeFor, isAbort } from '../base/errors.ts'
import { chooseDirectory } from '../control/directory.ts'
import type { SessionInfo } from '../control/message.ts'
import { type ControlServer, serveControl } from '../control/serve.ts'
import { EMPTY_VIEW, reduce, type SessionView } from '../event/reduce.ts'
import { eventStream } from '../event/stream.ts'
import { errorShape } from '../output/error.ts'
import type { InterceptContext } from '../session/request.ts'
import { commandText } from './command-text.ts'
import { commandTable, type HostedCommands } from './command-table.ts'
import { confirmOn } from './confirm.ts'
import { connect } from './connect.ts'
import type { CommandContext } from './context.ts'
import { sessionOutput } from './session-output.ts'
import { VERSION } from './version.ts'
import { limitYoungHeap } from './young-heap.ts'

export interface HostOptions {
  format: 'plain' | 'json'
  /** A dry run has nothing to control. */
  control: boolean
}

/** Runs a session; its error is the last JSON line, or thrown for `main` to render. */
export async function hostSession(
  context: CommandContext,
  options: HostOptions,
  run: (session: InterceptContext) => Promise<number>
): Promise<number> {
  const { io, clock, log, stop, command, flagArgs } = context
  const events = eventStream(`${io.pid}-${crypto.randomUUID().slice(0, 4)}`, clock)
  let view: SessionView = EMPTY_VIEW
  events.subscribe(event => {
    view = reduce(view, event)
  })
  const output = sessionOutput(options.format, events, io)
  const commands = commandTable({ events, stop, targets: () => Object.keys(view.targets) })
  const control = options.control ? await startControl(context, { commands, info: () => infoOf(view, io.pid), events }) : undefined
  const young = limitYoungHeap(clock)
  const clusters: { close(): Promise<void> }[] = []
  const warn = (message: string): void => events.emit('notice', { level: 'warn', code: 'CLUSTER', message })
  try {
    return await run({
      clock,
      log,
      events,
      drain: stop.drain,
      now: stop.now,
      async connect() {
        const cluster = await connect(context, warn)
        clusters.push(cluster)
        return cluster
      },
      confirm: confirmOn(io, stop.drain),
      commands,
      user: io.user,
      version: VERSION,
      pid: io.pid,
      commandLine: commandText(command, flagArgs),
      controlPath: control?.path,
      memory: io.memory
    })
  } catch (error) {
    if (options.format !== 'json' || (isAbort(error) && stop.drain.aborted)) throw error
    events.emit('error', { ...errorShape(error), fatal: true })
    return exitCodeFor(error)
  } finally {
    young.cancel()
    commands.ended()
    await Promise.all([output.flushed(), control?.close(), ...clusters.map(cluster => cluster.close())])
  }
}

/** A machine without a usable folder loses `leave` and `list`, not the session. */
async function startControl(
  { io, clock, log }: CommandContext,
  parts: { commands: HostedCommands; info: () => SessionInfo; events: InterceptContext['events'] }
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
      info: parts.info,
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
  startedAt: view.startedAt ?? '',
  targets: Object.entries(view.targets).map(([name, { state, workload, local, weight, share }]) => ({
    name,
    state,
    workload,
    local,
    weight,
    share
  }))
})
