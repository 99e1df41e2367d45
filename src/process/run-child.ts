/**
 * Runs the person's own program: it has our terminal, its status is ours. Ctrl-C reaches it through the terminal's process group, as from a shell; what
 * was sent to us alone is passed on, and a program that stays all the same is killed after a while.
 */
import { ExecaError, execa } from 'execa'
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import { awaitEnd, type SendSignal, signalTree } from './signal-tree.ts'

export type ChildSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/** `process`, or what a test gives instead. */
export interface SignalEvents {
  on(name: ChildSignal, listener: () => void): unknown
  off(name: ChildSignal, listener: () => void): unknown
}

export interface ChildOptions {
  file: string
  args: readonly string[]
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  signals: SignalEvents
  send: SendSignal
  /** A terminal sends Ctrl-C to the whole group; without one SIGINT came to us alone and is passed on too. */
  terminal: boolean
  /** Ends it as SIGTERM does: what it needs is gone. */
  stop?: AbortSignal | undefined
  /** Ends it at once. */
  kill?: AbortSignal | undefined
  /** The file that what it writes is added to; it has no input then. Default: our terminal. */
  output?: string | undefined
  onStart?: ((pid: number) => void) | undefined
  /** Between SIGTERM and SIGKILL. */
  graceMs?: number | undefined
  clock?: Clock | undefined
}

export interface ChildEnd {
  /** The program's own status, 128 + n after signal n; 126 where it cannot be run, 127 where there is none, as shells say it. */
  status: number
  signal: string | undefined
  /** Why it was not run, for a person. */
  problem: string | undefined
}

const GRACE_MS = 10_000
const CANNOT_RUN = 126
const NOT_FOUND = 127
const NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15
}

/** Never rejects for what the program does. */
export async function runChild(options: ChildOptions): Promise<ChildEnd> {
  const child = execa(options.file, [...options.args], {
    env: Object.fromEntries(Object.entries(options.env).filter(entry => entry[1] !== undefined)) as Record<string, string>,
    extendEnv: false,
    cwd: options.cwd,
    ...stdioOf(options.output),
    // Its end is decided here.
    cleanup: false,
    forceKillAfterDelay: false
  })
  if (child.pid !== undefined) options.onStart?.(child.pid)
  const passing = passSignals(child, options)
  try {
    await child
    return { status: 0, signal: undefined, problem: undefined }
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error
    return endOf(error, options)
  } finally {
    await passing.stop()
  }
}

function stdioOf(output: string | undefined) {
  if (output === undefined) return { stdio: 'inherit' } as const
  const file = { file: output, append: true } as const
  return { stdin: 'ignore', stdout: file, stderr: file, buffer: false } as const
}

interface Child {
  readonly pid?: number | undefined
  kill(signal: NodeJS.Signals): boolean
}

function passSignals(child: Child, options: ChildOptions): { stop(): Promise<void> } {
  const { signals, send, terminal, stop, kill, graceMs = GRACE_MS, clock = systemClock } = options
  let killing: Timer | undefined
  /** Of every signal: who got an early one may be found no more by a later one, when the program itself has ended. */
  const told: Promise<number[]>[] = []
  const end = (name: NodeJS.Signals): void => {
    if (child.pid !== undefined) told.push(signalTree(child.pid, name, send))
  }
  const pass = (name: ChildSignal) => (): void => {
    if (name === 'SIGINT') {
      if (!terminal) child.kill(name)
      return
    }
    end(name)
    killing ??= clock.after(graceMs, () => end('SIGKILL'), { unref: true })
  }
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(name => [name, pass(name)] as const)
  for (const [name, listener] of listeners) signals.on(name, listener)
  const onKill = (): void => end('SIGKILL')
  kill?.addEventListener('abort', onKill, { once: true })
  const onStop = pass('SIGTERM')
  stop?.addEventListener('abort', onStop, { once: true })
  if (stop?.aborted === true) onStop()
  if (kill?.aborted === true) onKill()
  return {
    /** What it has started may end later than itself. */
    async stop() {
      killing?.cancel()
      stop?.removeEventListener('abort', onStop)
      kill?.removeEventListener('abort', onKill)
      for (const [name, listener] of listeners) signals.off(name, listener)
      const pids = new Set((await Promise.all(told)).flat())
      await awaitEnd([...pids], { graceMs: kill?.aborted === true ? 0 : graceMs, clock, send })
    }
  }
}

function endOf(error: ExecaError, { file, cwd }: ChildOptions): ChildEnd {
  const ended = (status: number, signal?: string, problem?: string): ChildEnd => ({ status, signal, problem })
  if (error.signal !== undefined) return ended(128 + (NUMBERS[error.signal] ?? 0), error.signal)
  if (error.exitCode !== undefined) return ended(error.exitCode)
  if (error.code === 'ENOENT') return ended(NOT_FOUND, undefined, `${file} was not found (working folder ${cwd})`)
  return ended(CANNOT_RUN, undefined, `${file} cannot be run (${error.code ?? error.originalMessage ?? 'unknown reason'})`)
}
