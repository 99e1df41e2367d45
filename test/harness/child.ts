/** A program started by a test: its output kept, its end awaited, ended with the test. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

/** How much of a program's output is kept, from its end. */
const LOG_BYTES = 1_048_576

export interface Program {
  readonly pid: number
  /** What it has printed so far (both outputs, at most the last MiB). */
  log(): string
  kill(signal: NodeJS.Signals): void
  /** Ends it (SIGTERM, then SIGKILL after `graceMs`, default 5 s) and resolves when it is gone. */
  stop(graceMs?: number): Promise<void>
  /** Resolves when it has ended, with its status as a shell sees it. */
  readonly ended: Promise<number>
  /** Its status once it has ended. */
  readonly status: () => number | undefined
  [Symbol.asyncDispose](): Promise<void>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const exitStatus = (status: number | null, signal: NodeJS.Signals | null): number => status ?? (signal === null ? 1 : 128)

/** Starts a program; rejects when it cannot be started at all. */
export async function startProgram(command: string, argv: readonly string[], options: SpawnOptions = {}): Promise<Program> {
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const chunks: Buffer[] = []
  let kept = 0
  const keep = (chunk: Buffer): void => {
    chunks.push(chunk)
    kept += chunk.length
    while (kept > LOG_BYTES && chunks.length > 1) kept -= chunks.shift()?.length ?? 0
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  let status: number | undefined
  child.once('close', (code, signal) => {
    running.delete(child)
    status = exitStatus(code, signal)
    end(status)
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  running.add(child)
  const stop = async (graceMs = 5_000): Promise<void> => {
    if (status !== undefined) return
    child.kill('SIGTERM')
    // A stopped process sees SIGTERM only when it goes on.
    child.kill('SIGCONT')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await ended
    clearTimeout(timer)
  }
  return {
    pid: child.pid ?? 0,
    log: () => Buffer.concat(chunks).toString(),
    kill: signal => void child.kill(signal),
    stop,
    ended,
    status: () => status,
    [Symbol.asyncDispose]: () => stop()
  }
}
