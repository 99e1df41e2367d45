/**
 * Runs a program to its end and says in words why it failed. No shell. Long-lived children (`-- COMMAND`) are not run by this.
 */
import { ExecaError, execa } from 'execa'

export interface RunOptions {
  /** The whole environment of the child; nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>
  cwd?: string | undefined
  /** `inherit` lets the child ask the person at the terminal; a string is written to it; `ignore` is the default. */
  stdin?: 'inherit' | 'ignore' | { text: string }
  /** `inherit` shows it live on our stderr; `capture` (default) keeps its last 4 KiB. */
  stderr?: 'inherit' | 'capture' | 'both'
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
}

export interface RunResult {
  stdout: string
  /** Empty when it was only inherited. */
  stderr: string
}

export type RunFailure = 'not-found' | 'not-executable' | 'exit' | 'signal' | 'timeout' | 'output' | 'other'

/** The child did not end with status 0. `message` is a clause for people: `gke-auth was not found`. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly failure: RunFailure
  readonly exitCode: number | undefined
  readonly stderr: string

  constructor(message: string, details: { failure: RunFailure; exitCode: number | undefined; stderr: string; cause: unknown }) {
    super(message, { cause: details.cause })
    this.failure = details.failure
    this.exitCode = details.exitCode
    this.stderr = details.stderr
  }
}

const MAX_OUTPUT_BYTES = 1024 * 1024
const STDERR_TAIL = 4096

/** Throws CommandError, or the signal's reason when aborted. */
export async function runCommand(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal?.throwIfAborted()
  try {
    const result = await execa(command, [...args], execaOptions(options))
    return { stdout: text(result.stdout), stderr: text(result.stderr).slice(-STDERR_TAIL) }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error instanceof ExecaError ? commandError(command, error, options) : error
  }
}

function execaOptions(options: RunOptions) {
  const { stdin = 'ignore', stderr = 'capture' } = options
  return {
    env: Object.fromEntries(Object.entries(options.env).filter(entry => entry[1] !== undefined)) as Record<string, string>,
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(typeof stdin === 'object' ? { input: stdin.text } : { stdin }),
    stdout: 'pipe' as const,
    stderr: stderr === 'both' ? (['inherit', 'pipe'] as const) : stderr === 'inherit' ? ('inherit' as const) : ('pipe' as const),
    maxBuffer: MAX_OUTPUT_BYTES,
    stripFinalNewline: true,
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    forceKillAfterDelay: 2_000
  }
}

function commandError(command: string, error: ExecaError, options: RunOptions): CommandError {
  const stderr = text(error.stderr).slice(-STDERR_TAIL).trim()
  const [failure, words] = explain(command, error, options)
  const tail = stderr === '' ? '' : `: ${lastLines(stderr, 3)}`
  return new CommandError(`${words}${tail}`, { failure, exitCode: error.exitCode, stderr, cause: error })
}

function explain(command: string, error: ExecaError, options: RunOptions): [RunFailure, string] {
  if (error.code === 'ENOENT') {
    return options.cwd !== undefined && !command.includes('/')
      ? ['not-found', `${command} was not found (looked in PATH, working folder ${options.cwd})`]
      : ['not-found', `${command} was not found`]
  }
  if (error.code === 'EACCES' || error.code === 'ENOEXEC') return ['not-executable', `${command} cannot be executed (${error.code})`]
  if (error.timedOut) return ['timeout', `${command} did not finish within ${(options.timeoutMs ?? 0) / 1000} s`]
  if (error.isMaxBuffer) return ['output', `${command} wrote more than ${MAX_OUTPUT_BYTES / 1024} KiB`]
  if (error.signal !== undefined) return ['signal', `${command} was ended by ${error.signal}`]
  if (error.exitCode !== undefined) return ['exit', `${command} ended with exit code ${error.exitCode}`]
  return ['other', `${command} failed (${error.code ?? error.originalMessage ?? 'unknown reason'})`]
}

const text = (output: unknown): string => (typeof output === 'string' ? output : '')
const lastLines = (output: string, count: number): string => output.split('\n').slice(-count).join(' · ')
