/**
 * Joins two connections: bytes flow both ways with back-pressure, an end on one side is passed on as an end (half-close), an error on one
 * side resets the other. Runs once per visitor, so it is made of plain listeners instead of pipe(), promises and signals per direction.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { giveBack, LENT_BYTES } from '../base/lent.ts'
import { resetConnection } from './reset.ts'
import type { SpliceObserver, SpliceResult } from './types.ts'

export interface JoinOptions extends SpliceObserver {
  /** Asked when a has ended: true when b has nothing left to say to it. Then both are let go of at once, as by `complete()`. */
  completeAtEnd?: () => boolean
  /** Asked when the two are let go of with nothing left to say: true when somebody has use for b, which then stays open, without listeners. */
  keep?: (b: Connection) => boolean
  /** Asked when b ends or breaks before its first byte: true when a shall be left as it is (paused), to be joined with another. */
  again?: () => boolean
  /** Ends both sides when no byte passed for so long. */
  idle?: { clock: Clock; ms: number }
}

export interface SpliceOptions extends JoinOptions {
  /** Resets both sides; the result then has no `error`. */
  signal?: AbortSignal
}

export interface Joined {
  /** Resets both sides; the result then has no `error`. */
  stop(reason?: Error): void
  /** b's answer is complete before b says so: a is ended after what was written, b is dropped, and nothing failed. */
  complete(): void
}

/** Joins, and calls back once when the two are done with each other. `out` = from a to b. */
export function join(a: Connection, b: Connection, options: JoinOptions, done: (result: SpliceResult) => void): Joined {
  const splice = new Splice(a, b, options, done)
  splice.start()
  return splice
}

/** The same as a promise, which never rejects. */
export function splice(a: Connection, b: Connection, options: SpliceOptions = {}): Promise<SpliceResult> {
  return new Promise(resolve => {
    const { signal } = options
    const onAbort = (): void => joined.stop(asError(signal?.reason))
    const joined = new Splice(a, b, options, result => {
      signal?.removeEventListener('abort', onAbort)
      resolve(result)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted === true) onAbort()
    else joined.start()
  })
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error('aborted'))

/** What both directions share. */
interface Owner {
  passed(direction: 'out' | 'in', chunk: Buffer): void
  ended(flow: Flow): void
  failed(side: 'a' | 'b', cause: Error): void
}

/** One direction, and the listeners on the side it reads from. */
class Flow {
  readonly direction: 'out' | 'in'
  readonly from: Connection
  readonly to: Connection
  bytes = 0
  readonly #owner: Owner
  #waiting = false

  constructor(owner: Owner, direction: 'out' | 'in', [from, to]: [from: Connection, to: Connection]) {
    this.#owner = owner
    this.direction = direction
    this.from = from
    this.to = to
  }

  start(): void {
    const { from } = this
    from.on('data', this.#onData)
    from.on('error', this.#onError)
    from.on('close', this.#onClose)
    if (from.readableEnded) this.#onEnd()
    else from.on('end', this.#onEnd)
    // Whoever looked at the first bytes may have paused it.
    if (from.isPaused()) from.resume()
  }

  detach(): void {
    this.from.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
  }

  readonly #onData = (chunk: Buffer): void => {
    const { to } = this
    this.bytes += chunk.length
    this.#owner.passed(this.direction, chunk)
    // Resuming on write completion instead of `drain`: a drain can be missed when the layer below empties in the same tick.
    const lent = to.copies === true && chunk.length >= LENT_BYTES
    const full = to.writableLength + chunk.length >= to.writableHighWaterMark
    if (lent) to.write(chunk, this.#givingBack(chunk))
    else if (full || this.#waiting) to.write(chunk, this.#onWritten)
    else to.write(chunk)
    if (!full || this.#waiting) return
    this.#waiting = true
    this.from.pause()
  }

  #givingBack(chunk: Buffer): (error?: Error | null) => void {
    return error => {
      if (error === undefined || error === null) giveBack(chunk)
      this.#onWritten()
    }
  }

  readonly #onWritten = (): void => {
    const { to } = this
    if (!this.#waiting || to.writableLength > to.writableHighWaterMark >> 1) return
    this.#waiting = false
    this.from.resume()
  }

  readonly #onEnd = (): void => this.#owner.ended(this)

  readonly #onError = (error: Error): void => this.#owner.failed(this.direction === 'out' ? 'a' : 'b', error)

  readonly #onClose = (): void => {
    const { from } = this
    // Closed by itself after both its directions ended is the normal way; anything else cut the bytes short.
    if (!(from.readableEnded && from.writableFinished)) this.#onError(from.errored ?? new Error('connection closed'))
  }
}

class Splice implements Joined, Owner {
  readonly #a: Connection
  readonly #b: Connection
  readonly #options: JoinOptions
  readonly #resolve: (result: SpliceResult) => void
  readonly #out: Flow
  readonly #in: Flow
  /** Directions whose end has been delivered. */
  #delivered = 0
  #done = false
  #idleTimer: Timer | undefined
  #activeAt = 0

  constructor(a: Connection, b: Connection, options: JoinOptions, resolve: (result: SpliceResult) => void) {
    this.#a = a
    this.#b = b
    this.#options = options
    this.#resolve = resolve
    this.#out = new Flow(this, 'out', [a, b])
    this.#in = new Flow(this, 'in', [b, a])
  }

  start(): void {
    const { idle } = this.#options
    if (idle !== undefined) {
      this.#activeAt = idle.clock.now()
      this.#idleTimer = idle.clock.after(idle.ms, this.#onIdle)
    }
    for (const flow of [this.#out, this.#in]) {
      const { from, direction } = flow
      if (!this.#done && from.destroyed) {
        from.on('error', () => {}) // told here
        this.failed(direction === 'out' ? 'a' : 'b', from.errored ?? new Error('connection closed before the splice'))
      }
    }
    if (!this.#done) this.#out.start()
    if (!this.#done) this.#in.start()
  }

  stop(reason: Error = new Error('aborted')): void {
    this.#finish(connection => resetConnection(connection, reason))
  }

  /** In a microtask: the chunk that completed the answer is written in this turn. */
  complete(): void {
    queueMicrotask(() => this.#drop())
  }

  passed(direction: 'out' | 'in', chunk: Buffer): void {
    const options = this.#options
    if (options.idle !== undefined) this.#activeAt = options.idle.clock.now()
    options.onBytes?.(direction, chunk)
  }

  ended(flow: Flow): void {
    const options = this.#options
    if (this.#done || (flow === this.#in && this.#leaves())) return
    options.onEnd?.(flow.direction)
    if (flow === this.#out && options.completeAtEnd?.() === true) this.#drop()
    else if (flow.to.writableFinished) this.#onDelivered()
    else flow.to.end(this.#onDelivered)
  }

  failed(side: 'a' | 'b', cause: Error): void {
    if (this.#done || (side === 'b' && this.#leaves())) return
    this.#finish(connection => resetConnection(connection, cause), { side, cause })
  }

  /** b is of no use, and a is as it was. */
  #leaves(): boolean {
    if (this.#in.bytes > 0 || this.#a.destroyed || this.#options.again?.() !== true) return false
    this.#a.pause()
    this.#out.detach()
    this.#finish(connection => {
      if (connection === this.#b) connection.destroy()
    })
    return true
  }

  readonly #onDelivered = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return // `error` or `close` of that side tells the story
    this.#delivered += 1
    if (this.#delivered === 2) this.#finish(connection => connection.destroy())
  }

  #drop(): void {
    if (this.#done) return
    const kept = this.#options.keep?.(this.#b) === true
    if (kept) this.#in.detach()
    endAndDestroy(this.#a)
    this.#finish(connection => {
      if (connection === this.#b && !kept) connection.destroy()
    })
  }

  readonly #onIdle = (): void => {
    const { idle } = this.#options
    if (idle === undefined) return
    const restMs = this.#activeAt + idle.ms - idle.clock.now()
    if (restMs > 0) this.#idleTimer = idle.clock.after(restMs, this.#onIdle)
    else this.#finish(connection => connection.destroy())
  }

  #finish(end: (connection: Connection) => void, error?: SpliceResult['error']): void {
    if (this.#done) return
    this.#done = true
    this.#idleTimer?.cancel()
    end(this.#a)
    end(this.#b)
    this.#resolve({ bytesOut: this.#out.bytes, bytesIn: this.#in.bytes, ...(error === undefined ? {} : { error }) })
  }
}

/** After what was written. */
function endAndDestroy(connection: Connection): void {
  if (connection.writableFinished || connection.destroyed) connection.destroy()
  else if (connection.writableEnded) connection.once('finish', () => connection.destroy())
  else connection.end(() => connection.destroy())
}
