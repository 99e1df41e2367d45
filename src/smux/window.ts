/**
 * How much we let the peer send: a policy per stream and the pool they share. Pure.
 *
 * A granted window cannot be recalled, and a reader that stalls holds all of it. So streams start with the 256 KiB the peer assumes anyway,
 * get `windowBytes` once half of that was consumed, and the largest window only when the peer was seen standing exactly at an edge (it waits for
 * us, the link is longer than the window) while the reader has kept up: in one step, for each step costs a round trip. Not where the peer is
 * near, which shows in how soon data follows an update that it stood waiting for: there a larger window is only filled while the reader is
 * slower than the line. No stream gets more than a quarter of what the pool has left, so that many stalled ones never leave nothing for the
 * others; when half the pool is spoken for, new streams are cut to `SMALL_WINDOW_BYTES` at once.
 */
import type { Clock } from '../base/clock.ts'
import { INITIAL_WINDOW_BYTES } from './frame.ts'

export const SMALL_WINDOW_BYTES = 16_384
/** A round trip in which a window of 1 MiB is 100 MiB/s and more. */
const NEAR_MS = 10
/** The part of what the pool has left that one stream may hold. */
const SHARE = 4

export interface GrantPoolOptions {
  limitBytes: number
  windowBytes: number
  maxWindowBytes: number
  /** Infinity: not known. */
  roundTripMs: number
  clock: Pick<Clock, 'now'>
}

/** What may still arrive and stay unread, over all streams of a session. */
export class GrantPool {
  readonly limitBytes: number
  readonly windowBytes: number
  readonly clock: Pick<Clock, 'now'>
  /** To the peer, as last seen. */
  roundTripMs: number
  readonly #maxWindowBytes: number
  #committed = 0
  /** Received and not read, over all streams. */
  unreadBytes = 0

  constructor(options: GrantPoolOptions) {
    this.limitBytes = options.limitBytes
    this.windowBytes = options.windowBytes
    this.#maxWindowBytes = options.maxWindowBytes
    this.roundTripMs = options.roundTripMs
    this.clock = options.clock
  }

  get maxWindowBytes(): number {
    return this.roundTripMs < NEAR_MS ? this.windowBytes : this.#maxWindowBytes
  }

  get committed(): number {
    return this.#committed
  }

  get tight(): boolean {
    return this.#committed > this.limitBytes / 2
  }

  book(bytes: number): void {
    this.#committed += bytes
  }

  /** The most one stream may be granted, given what it holds already. */
  share(held: number): number {
    return Math.max(SMALL_WINDOW_BYTES, Math.floor((this.limitBytes - this.#committed + held) / SHARE))
  }
}

export class ReceiveWindow {
  readonly #pool: GrantPool
  received = 0
  consumed = 0
  #reported = 0
  #windowBytes = INITIAL_WINDOW_BYTES
  #edge = INITIAL_WINDOW_BYTES
  /** Edges granted and not reached yet, ascending: the peer may stand at any of them until the next update arrives. */
  #ahead = [INITIAL_WINDOW_BYTES]
  /** The furthest edge ever granted: what the peer can claim to have been allowed. */
  #furthest = INITIAL_WINDOW_BYTES
  #waited = false
  /** When the peer, which stands at an edge, is given more. */
  #askedAt: number | undefined
  #closed = false

  constructor(pool: GrantPool) {
    this.#pool = pool
    pool.book(INITIAL_WINDOW_BYTES)
  }

  /** Counts arriving payload; false when the peer sent more than it was ever granted. */
  receive(bytes: number): boolean {
    this.received += bytes
    this.#pool.unreadBytes += bytes
    if (this.#askedAt !== undefined) {
      this.#pool.roundTripMs = this.#pool.clock.now() - this.#askedAt
      this.#askedAt = undefined
    }
    for (let edge = this.#ahead[0]; edge !== undefined && edge <= this.received; edge = this.#ahead[0]) {
      if (edge === this.received) this.#waited = true
      this.#ahead.shift()
    }
    return this.received <= this.#furthest
  }

  /** Counts what the reader took; true when an update is due. */
  consume(bytes: number): boolean {
    this.consumed += bytes
    this.#pool.unreadBytes -= bytes
    this.#pool.book(-Math.min(bytes, Math.max(0, this.#edge - (this.consumed - bytes))))
    const unreported = this.consumed - this.#reported
    if (unreported >= this.#windowBytes / (this.#windowBytes > INITIAL_WINDOW_BYTES ? 4 : 2)) return true
    return this.#waited && this.consumed === this.received && this.#wanted() > this.#windowBytes
  }

  /** Decides and books the next update. */
  grant(): { consumed: number; windowBytes: number } {
    const held = Math.max(0, this.#edge - this.consumed)
    this.#windowBytes = Math.min(this.#wanted(), this.#pool.share(held))
    if (this.#waited && this.consumed === this.received) this.#askedAt = this.#pool.clock.now()
    this.#waited = false
    this.#reported = this.consumed
    this.#edge = this.consumed + this.#windowBytes
    if (this.#edge > (this.#ahead.at(-1) ?? this.received)) this.#ahead.push(this.#edge)
    this.#furthest = Math.max(this.#furthest, this.#edge)
    if (!this.#closed) this.#pool.book(this.#windowBytes - held)
    return { consumed: this.consumed % 0x1_0000_0000, windowBytes: this.#windowBytes }
  }

  get unread(): number {
    return this.received - this.consumed
  }

  /** The peer ended: nothing more arrives. */
  end(): void {
    if (this.#closed || this.#edge <= this.received) return
    this.#pool.book(this.received - this.#edge)
    this.#edge = this.received
  }

  /** Gives the rest of the grant back to the pool, once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pool.book(-Math.max(0, this.#edge - this.consumed))
    this.#pool.unreadBytes -= this.unread
  }

  #wanted(): number {
    if (this.consumed === 0) return this.#pool.tight ? SMALL_WINDOW_BYTES : this.#windowBytes
    const { windowBytes, maxWindowBytes } = this.#pool
    const keepsUp = this.unread <= this.#windowBytes / 4
    const grow = this.#waited && keepsUp
    const base = Math.max(this.#windowBytes, windowBytes)
    return grow ? Math.max(base, maxWindowBytes) : base
  }
}
