/**
 * `kubectl intercept TARGET -- COMMAND`: a program runs here in the container's stead, with what the container has, for as long as visitors are
 * brought to it. Its port's opening starts the intercept, its end ends it; when the session ends first, the visitors go back before it is stopped.
 */
import { printable } from '../base/format.ts'
import { EXIT } from '../base/errors.ts'
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
    const end = await running
    return exitCodeOf(code, end, first !== undefined)
  } finally {
    over.abort()
    unsubscribe()
    await running
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
  const { runChild } = await import('../process/run-child.ts')
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
  if (end.problem !== undefined) io.stderr.write(`error: ${printable(end.problem)}\n`)
  events.emit('child.state', { pid, state: 'ended', status: end.status, ...(end.signal === undefined ? {} : { signal: end.signal }) })
  return end
}

function ownVariables({ command, pod, local, io }: Pick<Start, 'command' | 'pod' | 'local'> & Pick<CommandContext, 'io'>) {
  const colon = local.lastIndexOf(':')
  return {
    ...(pod?.access === undefined ? {} : { NODE_USE_ENV_PROXY: '1', ...pod.access.environment(io.env) }),
    INTERCEPT_TARGET: command.target ?? '',
    INTERCEPT_NAMESPACE: pod?.cluster.namespace ?? '',
    INTERCEPT_POD: pod?.environment?.pod ?? '',
    INTERCEPT_CONTAINER: pod?.environment?.container ?? '',
    INTERCEPT_HOST: local.slice(0, colon).replace(/^\[|\]$/g, ''),
    INTERCEPT_PORT: local.slice(colon + 1),
    INTERCEPT_MOUNT: pod?.mounted?.root ?? '',
    INTERCEPT_SOCKS: pod?.access?.socksUrl ?? ''
  }
}
