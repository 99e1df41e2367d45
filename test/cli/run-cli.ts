/** The command line in this process: an argv in, what a person would see out. Streams are memory, signals are sent by the test. */
import { EventEmitter } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import type { InputStream, Io, OutputStream } from '../../src/cli/io.ts'
import { main } from '../../src/cli/main.ts'
import { type Parts, realParts } from '../../src/cli/parts.ts'

export interface CliResult {
  code: number
  atOnce: boolean
  stdout: string
  stderr: string
}

export interface FakeIo {
  env?: Record<string, string | undefined>
  parts?: Partial<Parts>
  /** Lines that a person types; a terminal when given. */
  typed?: string
  columns?: number
  cwd?: string
  home?: string
  pid?: number
  signals?: EventEmitter
  /** Called with the streams before the command starts. */
  onStart?: (io: Io) => void
}

/** Remembers what was written; a terminal when it has columns. */
export class MemoryStream extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns: number | undefined

  constructor(columns?: number) {
    super({ decodeStrings: false })
    this.isTTY = columns !== undefined
    this.columns = columns
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

export async function runCli(argv: readonly string[], fake: FakeIo = {}): Promise<CliResult> {
  const stdout = new MemoryStream(fake.columns)
  const stderr = new MemoryStream(fake.columns)
  const io: Io = {
    argv,
    env: { ...fake.env },
    stdin: stdin(fake.typed),
    stdout: stdout as OutputStream,
    stderr: stderr as OutputStream,
    signals: fake.signals ?? new EventEmitter(),
    cwd: fake.cwd ?? '/nonexistent',
    home: fake.home ?? '/nonexistent',
    tmp: '/nonexistent',
    platform: 'linux',
    pid: fake.pid ?? 4242,
    uid: undefined,
    user: 'ada@laptop',
    memory: () => 50_000_000,
    suspend: async () => {}
  }
  fake.onStart?.(io)
  const { code, atOnce } = await main(io, { ...realParts, ...fake.parts })
  return { code, atOnce, stdout: stdout.text, stderr: stderr.text }
}

function stdin(typed: string | undefined): InputStream {
  if (typed === undefined) return Readable.from([])
  const stream = Object.assign(new PassThrough(), { isTTY: true as const })
  stream.write(typed)
  return stream
}

/** Starts a command that runs until it is signalled. */
export function startCli(argv: readonly string[]): { said: () => string; stop: () => Promise<number> } {
  const signals = new EventEmitter()
  let stderr: Writable | undefined
  const done = runCli(argv, {
    signals,
    onStart: io => {
      ;({ stderr } = io)
    }
  })
  return {
    said: () => (stderr instanceof MemoryStream ? stderr.text : ''),
    async stop() {
      signals.emit('SIGTERM')
      return (await done).code
    }
  }
}
