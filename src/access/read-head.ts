/** Reads one HTTP/1 head. A message that has begun has to come to its end within a time; before its first byte there is a longer one. */
import { type Clock, deadline } from '../base/clock.ts'
import { HeadReader } from '../http/head-reader.ts'
import type { ByteSource } from './byte-source.ts'

export interface HeadLimits {
  clock: Clock
  signal: AbortSignal
  /** Before the first byte; absent: as long as it takes. */
  idleMs?: number | undefined
  messageMs: number
}

/** It took too long: `begun` tells a stalled message from a connection without use. */
export class HeadLate extends Error {
  override readonly name = 'HeadLate'
  readonly begun: boolean

  constructor(begun: boolean) {
    super(begun ? 'the head of the message did not come to its end in time' : 'nothing came')
    this.begun = begun
  }
}

/** Undefined when the connection ended before the first byte. Throws HeadLate, ProtocolError, what broke the connection, or the signal's reason. */
export async function readHead(source: ByteSource, limits: HeadLimits): Promise<Buffer | undefined> {
  const first = await within(limits, limits.idleMs, false, signal => source.next(signal))
  if (first === undefined) return undefined
  const reader = new HeadReader()
  let read = reader.push(first)
  if (read === undefined) {
    read = await within(limits, limits.messageMs, true, async signal => {
      for (;;) {
        const chunk = await source.next(signal)
        if (chunk === undefined) throw Object.assign(new Error('the connection ended within a head'), { code: 'ECONNRESET' })
        const done = reader.push(chunk)
        if (done !== undefined) return done
      }
    })
  }
  source.putBack(read.rest)
  return read.raw
}

async function within<T>(
  { clock, signal }: HeadLimits,
  ms: number | undefined,
  begun: boolean,
  read: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  if (ms === undefined) return read(signal)
  const limit = deadline(clock, ms, () => new HeadLate(begun), signal)
  try {
    return await read(limit.signal)
  } finally {
    limit.done()
  }
}
