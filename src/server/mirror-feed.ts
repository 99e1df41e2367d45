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
const WAITING_BYTES = 8_388_608
/** Of one batch. */
const BATCH_BYTES = 262_144
/** Memory that copies are written into, one behind the other. */
const CHUNK_BYTES = 65_536
const NOBODY = { host: '0.0.0.0', port: 0 }

/** One that is collected, and stays as it is while it is offered. */
export interface Collected {
  readonly bytes: number
  write(into: Buffer, at: number): void
}

export class MirrorFeed {
  readonly connector: Connector
  readonly rate: number
  readonly #clock: Clock
  readonly #held: Held
  readonly #counts: MirrorFeedOptions['counts']
  #waiting: Buffer[] = []
  /** Being filled: what is before `#from` waits already, or is on its way. */
  #chunk: Buffer = Buffer.alloc(0)
  #from = 0
  #at = 0
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

  /** `line`: of ASCII, before the bytes of the copy. */
  offer(line: string, copy: Collected): void {
    if (this.#closed) return
    const bytes = line.length + copy.bytes
    if (this.#bytes + bytes > WAITING_BYTES || this.#held.bytes + bytes > this.#held.limit) {
      this.dropped('slow')
      return
    }
    if (bytes > this.#chunk.length - this.#at) {
      this.#seal()
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes))
      this.#from = this.#at = 0
    }
    copy.write(this.#chunk, this.#at + this.#chunk.write(line, this.#at, 'latin1'))
    this.#at += bytes
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
    this.#chunk = Buffer.alloc(0)
    this.#from = this.#at = 0
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

  #seal(): void {
    if (this.#at > this.#from) this.#waiting.push(this.#chunk.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  #send(): void {
    const stream = this.#open()
    if (stream === undefined) return
    const batch = this.#batch()
    const last = batch.pop()
    if (last === undefined) return
    this.#writing = true
    for (const piece of batch) stream.connection.write(piece)
    stream.connection.write(last, () => {
      if (stream !== this.#stream) return
      this.#writing = false
      if (this.#bytes > 0) this.#schedule()
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

  #batch(): Buffer[] {
    this.#seal()
    let bytes = 0
    let pieces = 0
    for (const piece of this.#waiting) {
      if (pieces > 0 && bytes + piece.length > BATCH_BYTES) break
      bytes += piece.length
      pieces += 1
    }
    const batch = this.#waiting.splice(0, pieces)
    this.#count(-bytes)
    const { slow, large } = this.#dropped
    if (slow + large > 0) {
      batch.push(encodeDropped(this.#dropped))
      this.#dropped = { slow: 0, large: 0 }
    }
    return batch
  }
}
