/**
 * One plain request (`http/plain-request.ts`), whole and taken from its stream, and its answer: most of what passes a tunnel. Without Duplex, splice and
 * listeners per request; whoever turns out to say more than that is handed over to `join`.
 */
import type { Connection } from '../base/connection.ts'
import { giveBack, LENT_BYTES } from '../base/lent.ts'
import type { BareStream, StreamOwner } from '../smux/types.ts'
import type { AppReader, IdleConnections } from '../transport/idle-connections.ts'
import type { SpliceResult } from '../transport/types.ts'

/** Follows the answer. */
export interface AnswerWatch {
  push(chunk: Buffer): void
  /** The one or the other has ended, and the answer is not complete. */
  onEnd?(direction: 'out' | 'in'): void
  /** All of it has passed: the stream ends with it. */
  readonly complete: boolean
  /** The app's connection is good for another request. */
  readonly keeps: boolean
}

export interface PlainExchangeOptions {
  stream: BareStream
  request: Buffer
  watch: AnswerWatch
  /** Whose reader of the app's connection this becomes. */
  idle: IdleConnections
  /** The peer ended the stream before the answer was there: nothing of it would arrive. The app is told, and closed by this after a while. */
  left: (app: Connection) => void
  /** A kept connection ended before its first byte: the request may be sent again, and nothing of the stream is lost. */
  again: (() => void) | undefined
  /** The stream is not over with one request: the app's connection, which has got it, and the stream are the caller's again. */
  more: (app: Connection) => void
  done: (result: SpliceResult) => void
}

/** Waits to be sent, before the app is read on. */
const UNSENT_BYTES = 131_072

export class PlainExchange implements StreamOwner, AppReader {
  readonly #options: PlainExchangeOptions
  #app: Connection | undefined
  #bytesIn = 0
  #full = false
  #leaving = false
  #over = false

  constructor(options: PlainExchangeOptions) {
    this.#options = options
  }

  /** Becomes the reader of `app`. */
  start(app: Connection): void {
    const { stream, request, idle } = this.#options
    this.#app = app
    if (stream.destroyed) {
      this.onClose()
      return
    }
    idle.adopt(app, this)
    stream.attach(this)
    app.write(request)
    this.onReadable()
  }

  /** Resets both sides. */
  stop(reason: Error): void {
    if (this.#over) return
    this.#options.stream.destroy(reason)
  }

  onReadable(): void {
    const { stream, watch, left, idle, more } = this.#options
    if (this.#over) return
    if (stream.available > 0 || (stream.finished && !stream.peerEnded)) {
      this.#over = true
      if (this.#app === undefined) return
      idle.release(this.#app)
      more(this.#app)
    } else if (stream.peerEnded && !this.#leaving && this.#app !== undefined) {
      this.#leaving = true
      watch.onEnd?.('out')
      this.#app.end()
      left(this.#app)
    }
  }

  onClose(error?: Error): void {
    if (this.#over) return
    this.#over = true
    this.#app?.destroy()
    this.#tell({ side: 'a', cause: error ?? new Error('connection closed') })
  }

  onData(chunk: Buffer): void {
    const { stream, watch } = this.#options
    if (this.#over) return
    this.#bytesIn += chunk.length
    watch.push(chunk)
    const lent = stream.copies && chunk.length >= LENT_BYTES
    const full = stream.unsentBytes + chunk.length > UNSENT_BYTES
    if (lent || full) stream.write(chunk, error => this.#written(lent && !error ? chunk : undefined))
    else stream.write(chunk)
    if (watch.complete) this.#complete()
    else if (full && !this.#full) {
      this.#full = true
      this.#app?.pause()
    }
  }

  onEnd(): void {
    if (this.#over || this.#asksAgain()) return
    this.#options.watch.onEnd?.('in')
    this.#over = true
    this.#options.stream.close()
    this.#app?.destroy()
    this.#tell()
  }

  onGone(): void {
    if (this.#over || this.#asksAgain()) return
    const cause = this.#app?.errored ?? new Error('connection closed')
    this.#over = true
    this.#options.stream.destroy(cause)
    this.#tell({ side: 'b', cause })
  }

  #written(lent: Buffer | undefined): void {
    if (lent !== undefined) giveBack(lent)
    if (!this.#full || this.#options.stream.unsentBytes > UNSENT_BYTES / 2) return
    this.#full = false
    if (!this.#over) this.#app?.resume()
  }

  #complete(): void {
    const { stream, watch, idle } = this.#options
    const app = this.#app
    this.#over = true
    if (app !== undefined && !(watch.keeps && idle.put(app))) app.destroy()
    stream.close()
    this.#tell()
  }

  #asksAgain(): boolean {
    const { again, stream } = this.#options
    if (again === undefined || this.#bytesIn > 0 || stream.destroyed || stream.peerEnded) return false
    this.#over = true
    this.#app?.destroy()
    again()
    return true
  }

  #tell(error?: SpliceResult['error']): void {
    this.#options.done({ bytesOut: 0, bytesIn: this.#bytesIn, ...(error === undefined ? {} : { error }) })
  }
}
