/**
 * `kubectl intercept TARGET -- COMMAND`: a program runs here in the container's stead, with what the container has, for as long as visitors are
 * brought to it. Its port's opening starts the intercept, its end ends it; when the session ends first, the visitors go back before it is stopped.
 */
import { printable } from '../base/format.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { EXIT } from '../base/errors.ts'
import { parseHostPort } from '../discovery/address.ts'
import { childEnvironment } from '../environment/child-environment.ts'
import type { EventStream } from '../event/stream.ts'
import type { ChildEnd } from '../process/run-child.ts'
import type { InterceptContext } from '../session/request.ts'
import type { CommandContext } from './context.ts'
import type { PodHere } from './pod-here.ts'
import { sendSignal } from './send-signal.ts'

export interface Command {
  readonly words: readonly string[]
  /** As typed; undefined where a tunnel was named without a cluster. */
  readonly target: string | undefined
  /** What the program writes goes to this file. */
  readonly output: string | undefined
}

/** Runs the session and the program; the exit code is the program's, unless it is 0 and the session has something to say. */
export async function runWithCommand(
  context: CommandContext,
  { command, pod, session }: { command: Command; pod: PodHere | undefined; session: InterceptContext },
  runSession: (session: InterceptContext) => Promise<number>
): Promise<number> {
  const { stop } = context
  const over = new AbortController()
  let running: Promise<ChildEnd> | undefined
  let first: ChildEnd | undefined
  const waits = stillWaiting(context, session.events)
  const unsubscribe = session.events.subscribe(event => {
    // The first words of a session that knows where its app listens.
    if (event.type !== 'plan.resolved' || running !== undefined || stop.drain.aborted) return
    running = startChild(context, { command, pod, local: event.local, events: session.events, stop: over.signal })
    void running.then(end => {
      if (!stop.drain.aborted && !over.signal.aborted) first = end
      stop.requestDrain('the end of the command')
    })
  })
  try {
    const code = await runSession({
      ...session,
      reason: () => (first === undefined ? undefined : 'child')
    })
    over.abort()
    const end = await saying(context, running)
    return exitCodeOf(code, end, first !== undefined)
  } finally {
    over.abort()
    waits.close()
    unsubscribe()
    await running
  }
}

const PATIENCE_MS = 10_000
const SILENT_STOP_MS = 1_000

/** Said once, when the port stays closed though the command runs. */
function stillWaiting({ clock }: CommandContext, events: EventStream): { close(): void } {
  let waits = false
  const unsubscribe = events.subscribe(event => {
    if (event.type === 'target.state') waits = event.to === 'waiting'
  })
  const timer = clock.after(
    PATIENCE_MS,
    () => {
      if (!waits) return
      const message = 'the command has not opened its port yet: the cluster serves. The port is in INTERCEPT_PORT'
      events.emit('notice', { level: 'info', code: 'COMMAND', message, hint: 'name another one: --port PORT, or --port localhost:PORT' })
    },
    { unref: true }
  )
  return {
    close() {
      timer.cancel()
      unsubscribe()
    }
  }
}

/** The visitors are gone; whoever looks at a silent terminal then must know what for. */
async function saying({ io, clock }: CommandContext, running: Promise<ChildEnd> | undefined): Promise<ChildEnd | undefined> {
  const timer = clock.after(
    SILENT_STOP_MS,
    () => io.stderr.write('the command was asked to end; it is killed 10 s after that, or by Ctrl-C now\n'),
    { unref: true }
  )
  try {
    return await running
  } finally {
    timer.cancel()
  }
}

/** Whoever ends by our signal, or by the same Ctrl-C as we, has not failed. */
function exitCodeOf(code: number, end: ChildEnd | undefined, byItself: boolean): number {
  if (end === undefined) return code
  const stopped = !byItself && end.status > 128 && [1, 2, 9, 15].includes(end.status - 128)
  return stopped || end.status === EXIT.OK ? code : end.status
}

interface Start {
  command: Command
  pod: PodHere | undefined
  /** `host:port` of the app. */
  local: string
  events: EventStream
  stop: AbortSignal
}

async function startChild(context: CommandContext, { command, pod, local, events, stop }: Start): Promise<ChildEnd> {
  const { io, clock, stop: signals } = context
  const [file = '', ...args] = command.words
  const { values, kept } = childEnvironment(io.env, pod?.environment?.variables ?? [], ownVariables({ command, pod, local, io }))
  if (kept.length > 0) io.stderr.write(`note: ${kept.join(', ')} of this machine, not of the container, for ${printable(file)}\n`)
  const [{ runChild }, { dialTcpTo }] = await Promise.all([import('../process/run-child.ts'), import('../transport/tcp.ts')])
  await warnOfOpenPort(local, { to: parseHostPort(local), events, dial: dialTcpTo(), signal: signals.drain })
  let pid = 0
  const end = await runChild({
    file,
    args,
    env: values,
    cwd: io.cwd,
    // It is stopped when the visitors are gone, not before.
    signals: { on: () => {}, off: () => {} },
    send: sendSignal,
    terminal: false,
    stop,
    kill: signals.now,
    clock,
    ...(command.output === undefined ? {} : { output: command.output }),
    onStart(started) {
      pid = started
      events.emit('child.state', { pid, state: 'running' })
    }
  })
  if (end.problem !== undefined) {
    io.stderr.write(`error: ${printable(end.problem)}\n`)
    return end
  }
  events.emit('child.state', { pid, state: 'ended', status: end.status, ...(end.signal === undefined ? {} : { signal: end.signal }) })
  return end
}

interface Look {
  to: Endpoint | undefined
  events: EventStream
  dial: (to: Endpoint, signal: AbortSignal) => Promise<Connection>
  signal: AbortSignal
}

/** Whoever listens there already gets the visitors, and the command perhaps another port. */
async function warnOfOpenPort(local: string, { to, events, dial, signal }: Look): Promise<void> {
  if (to === undefined) return
  const connection = await dial(to, signal).catch(() => undefined)
  if (connection === undefined) return
  connection.destroy()
  const message = `something listens on ${local} already, before the command: the visitors reach that`
  events.emit('notice', { level: 'warn', code: 'PORT_OPEN', message, hint: 'end it, or name another port: --port PORT' })
}

function ownVariables({ command, pod, local, io }: Pick<Start, 'command' | 'pod' | 'local'> & Pick<CommandContext, 'io'>) {
  const { host = '', port = '' } = parseHostPort(local) ?? {}
  return {
    ...(pod?.access === undefined ? {} : pod.access.environment(io.env)),
    INTERCEPT_TARGET: command.target ?? '',
    INTERCEPT_NAMESPACE: pod?.cluster.namespace ?? '',
    INTERCEPT_POD: pod?.environment?.pod ?? '',
    INTERCEPT_CONTAINER: pod?.environment?.container ?? '',
    INTERCEPT_HOST: host,
    INTERCEPT_PORT: String(port),
    INTERCEPT_MOUNT: pod?.mounted?.root ?? '',
    INTERCEPT_SOCKS: pod?.access?.socksUrl ?? ''
  }
}
