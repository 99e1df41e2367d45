/** The process as this program sees it: everything a command may touch of the outside, given in, so that tests give their own. */
import type { Readable, Writable } from 'node:stream'

export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }
export type InputStream = Readable & { readonly isTTY?: boolean }

export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
export type SignalName = (typeof SIGNALS)[number]

export interface SignalSource {
  on(name: SignalName | 'SIGWINCH', listener: () => void): unknown
  off(name: SignalName | 'SIGWINCH', listener: () => void): unknown
}

export interface Io {
  /** Without the runtime and the script. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly signals: SignalSource
  readonly cwd: string
  readonly home: string
  readonly tmp: string
  readonly platform: string
  readonly pid: number
  /** Undefined on Windows. */
  readonly uid: number | undefined
  /** `name@host`, for sessions. */
  readonly user: string
  readonly memory: () => number
  /** Stops the process as Ctrl-Z does; resolves when it goes on. */
  readonly suspend: () => Promise<void>
}

/** Colour only where a person looks: a terminal that can, and that was not told otherwise (no-color.org). */
export const wantsColor = (stream: OutputStream, env: Io['env']): boolean =>
  stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
