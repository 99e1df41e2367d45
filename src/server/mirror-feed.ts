/**
 * Copies on their way to one connector that mirrors: batches on one stream, one batch under way at a time, so that a busy server pays a write for
 * many copies. Bounded in count and bytes: what does not fit while the laptop is slow or silent is dropped, counted, and told with the next batch.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { encodeDropped, MIRROR_HOST } from '../tunnel/mirror-channel.ts'
import type { Connector, TunnelStream } from './registry.ts'

/** Memory that all copies share. */
export interface Held {
  bytes: number
  readonly limit: number
}

export interface MirrorFeedOptions {
  connector: Connector
  /** 0…1. */
  rate: number
  clock: Clock
  held: Held
  /** Of all feeds. */
  counts: { copies: number; dropped: number }
}

/** How long a copy may wait for others. */
const GATHER_MS = 10
const WAITING_COPIES = 2_048
const WAITING_BYTES = 8_388_608
/** Of one write. */
const BATCH_BYTES = 262_144
const NOBODY = { host: '0.0.0.0', port: 0 }

interface Waiting {
  pieces: readonly Buffer[]
  bytes: number
}

export class MirrorFeed {
  readonly connector: Connector
  readonly rate: number
  readonly #clock: Clock
  readonly #held: Held
  readonly #counts: MirrorFeedOptions['counts']
  #waiting: Waiting[] = []
  #bytes = 0
  #dropped = { slow: 0, large: 0 }
  #stream: TunnelStream | undefined
  #writing = false
  #closed = false
  #timer: Timer | undefined

  constructor({ connector, rate, clock, held, counts }: MirrorFeedOptions) {
    this.connector = connector
    this.rate = rate
    this.#clock = clock
    this.#held = held
    this.#counts = counts
  }

  /** The pieces of one copy, line first; they stay as they are. */
  offer(pieces: readonly Buffer[]): void {
    if (this.#closed) return
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    const full = this.#waiting.length >= WAITING_COPIES || this.#bytes + bytes > WAITING_BYTES
    if (full || this.#held.bytes + bytes > this.#held.limit) {
      this.dropped('slow')
      return
    }
    this.#waiting.push({ pieces, bytes })
    this.#counts.copies += 1
    this.#count(bytes)
    this.#schedule()
  }

  dropped(why: 'slow' | 'large'): void {
    this.#dropped[why] += 1
    this.#counts.dropped += 1
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#stream?.connection.destroy()
    this.#waiting = []
    this.#count(-this.#bytes)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#held.bytes += bytes
  }

  #schedule(): void {
    if (this.#closed || this.#writing || this.#timer !== undefined) return
    this.#timer = this.#clock.after(
      GATHER_MS,
      () => {
        this.#timer = undefined
        this.#send()
      },
      { unref: true }
    )
  }

  #send(): void {
    const stream = this.#open()
    if (stream === undefined) return
    const batch = this.#batch()
    if (batch.length === 0) return
    this.#writing = true
    stream.connection.write(batch, () => {
      if (stream !== this.#stream) return
      this.#writing = false
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #open(): TunnelStream | undefined {
    if (this.#stream !== undefined || this.#closed || this.connector.condition !== 'mirror') return this.#stream
    try {
      const stream = this.connector.open({ source: NOBODY, destination: { host: MIRROR_HOST, port: 80 } })
      this.#stream = stream
      stream.connection.resume() // it says nothing
      stream.connection.once('close', () => {
        this.#stream = undefined
        this.#writing = false
      })
      return stream
    } catch {
      return undefined // closed in this moment: `close` follows
    }
  }

  #batch(): Buffer {
    const pieces: Buffer[] = []
    let bytes = 0
    let copies = 0
    for (const waiting of this.#waiting) {
      if (copies > 0 && bytes + waiting.bytes > BATCH_BYTES) break
      pieces.push(...waiting.pieces)
      bytes += waiting.bytes
      copies += 1
    }
    this.#waiting.splice(0, copies)
    this.#count(-bytes)
    const { slow, large } = this.#dropped
    if (slow + large > 0) {
      pieces.push(encodeDropped(this.#dropped))
      this.#dropped = { slow: 0, large: 0 }
    }
    return Buffer.concat(pieces)
  }
}
