/**
 * Joins two connections: bytes flow both ways with back-pressure, an end on one side is passed on as an end (half-close), an error on one
 * side resets the other. Runs once per visitor, so it is made of plain listeners instead of pipe() and promises per direction.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { giveBack } from './read-pool.ts'
import { resetConnection } from './reset.ts'
import type { SpliceObserver, SpliceResult } from './types.ts'

export interface SpliceOptions extends SpliceObserver {
  /** Resets both sides; the result then has no `error`. */
  signal?: AbortSignal
  /** Aborted when b's answer is complete before b says so: a is ended after what was written, b is dropped, and nothing failed. */
  complete?: AbortSignal
  /** Asked when a has ended: true when b has nothing left to say to it. Then b is dropped at once, as for `complete`. */
  completeAtEnd?: () => boolean
  /** Ends both sides when no byte passed for so long. */
  idle?: { clock: Clock; ms: number }
}

type Side = 'a' | 'b'

const givingBack =
  (chunk: Buffer, then: () => void) =>
  (error?: Error | null): void => {
    if (error === undefined || error === null) giveBack(chunk)
    then()
  }

/** Resolves when both connections are done with each other; never rejects. `out` = from a to b. */
export function splice(a: Connection, b: Connection, options: SpliceOptions = {}): Promise<SpliceResult> {
  return new Promise(resolve => {
    new Splice(a, b, options, resolve).start()
  })
}

class Splice {
  readonly #a: Connection
  readonly #b: Connection
  readonly #options: SpliceOptions
  readonly #resolve: (result: SpliceResult) => void
  readonly #result: SpliceResult = { bytesOut: 0, bytesIn: 0 }
  /** Directions whose end has been delivered. */
  #delivered = 0
  #done = false
  #idleTimer: Timer | undefined
  #activeAt = 0

  constructor(a: Connection, b: Connection, options: SpliceOptions, resolve: (result: SpliceResult) => void) {
    this.#a = a
    this.#b = b
    this.#options = options
    this.#resolve = resolve
  }

  start(): void {
    const { signal, idle, complete } = this.#options
    if (signal?.aborted === true) {
      this.#onAbort()
      return
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    complete?.addEventListener('abort', this.#onComplete, { once: true })
    if (idle !== undefined) {
      this.#activeAt = idle.clock.now()
      this.#idleTimer = idle.clock.after(idle.ms, this.#onIdle)
    }
    this.#watch(this.#a, 'a')
    this.#watch(this.#b, 'b')
    this.#flow(this.#a, this.#b, 'out')
    this.#flow(this.#b, this.#a, 'in')
  }

  #watch(connection: Connection, side: Side): void {
    connection.on('error', error => this.#fail(side, error))
    if (connection.destroyed) this.#fail(side, connection.errored ?? new Error('connection closed before the splice'))
    else {
      connection.once('close', () => {
        // Closed by itself after both its directions ended is the normal way; anything else cut the bytes short.
        if (!(connection.readableEnded && connection.writableFinished))
          this.#fail(side, connection.errored ?? new Error('connection closed'))
      })
    }
  }

  #flow(from: Connection, to: Connection, direction: 'out' | 'in'): void {
    if (this.#done) return
    const options = this.#options
    const result = this.#result
    const clock = options.idle?.clock
    let waiting = false
    // Resuming on write completion instead of `drain`: a drain can be missed when the layer below empties in the same tick.
    const onWritten = (): void => {
      if (waiting && to.writableLength <= to.writableHighWaterMark >> 1) {
        waiting = false
        from.resume()
      }
    }
    from.on('data', (chunk: Buffer) => {
      if (direction === 'out') result.bytesOut += chunk.length
      else result.bytesIn += chunk.length
      if (clock !== undefined) this.#activeAt = clock.now()
      options.onBytes?.(direction, chunk)
      const written = to.copies === true ? givingBack(chunk, onWritten) : onWritten
      if (!to.write(chunk, written) && !waiting) {
        waiting = true
        from.pause()
      }
    })
    const onEnd = (): void => {
      options.onEnd?.(direction)
      if (direction === 'out' && options.completeAtEnd?.() === true) this.#drop()
      else if (to.writableFinished) this.#onDelivered()
      else to.end(this.#onDelivered)
    }
    if (from.readableEnded) onEnd()
    else from.once('end', onEnd)
    // Whoever looked at the first bytes may have paused it.
    if (from.isPaused()) from.resume()
  }

  readonly #onDelivered = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return // `error` or `close` of that side tells the story
    this.#delivered += 1
    if (this.#delivered === 2) this.#finish(connection => connection.destroy())
  }

  #fail(side: Side, cause: Error): void {
    if (this.#done) return
    this.#result.error = { side, cause }
    this.#finish(connection => resetConnection(connection, cause))
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#options.signal?.reason
    this.#finish(connection => resetConnection(connection, reason instanceof Error ? reason : new Error('aborted')))
  }

  /** In a microtask: the chunk that completed the answer is written in this turn. */
  readonly #onComplete = (): void => {
    queueMicrotask(() => this.#drop())
  }

  #drop(): void {
    this.#a.end(() => this.#a.destroy())
    this.#finish(connection => {
      if (connection === this.#b) connection.destroy()
    })
  }

  readonly #onIdle = (): void => {
    const { idle } = this.#options
    if (idle === undefined) return
    const restMs = this.#activeAt + idle.ms - idle.clock.now()
    if (restMs > 0) this.#idleTimer = idle.clock.after(restMs, this.#onIdle)
    else this.#finish(connection => connection.destroy())
  }

  #finish(end: (connection: Connection) => void): void {
    if (this.#done) return
    this.#done = true
    this.#idleTimer?.cancel()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#options.complete?.removeEventListener('abort', this.#onComplete)
    end(this.#a)
    end(this.#b)
    this.#resolve(this.#result)
  }
}
