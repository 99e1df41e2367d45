/** Reads a connection chunk by chunk, a little ahead. */
import type { Connection } from '../base/connection.ts'

/** Enough to see that a client has gone while its answer is awaited, and to keep a body flowing. */
const AHEAD_BYTES = 65_536

export class ByteSource {
  readonly connection: Connection
  #chunks: Buffer[] = []
  #bytes = 0
  #ended = false
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(connection: Connection) {
    this.connection = connection
    connection.on('data', this.#onData)
    connection.on('end', this.#onEnd)
    connection.on('error', this.#onError)
    connection.on('close', this.#onClose)
    if (connection.isPaused()) connection.resume()
    if (connection.destroyed) this.#onClose()
    else if (connection.readableEnded) this.#onEnd()
  }

  /** Nothing is there to be taken, and nothing will come. */
  get over(): boolean {
    return this.#chunks.length === 0 && (this.#ended || this.#failure !== undefined)
  }

  get empty(): boolean {
    return this.#chunks.length === 0
  }

  /** The next bytes; undefined at the end. Rejects when the connection broke, or with the signal's reason. */
  async next(signal?: AbortSignal): Promise<Buffer | undefined> {
    for (;;) {
      signal?.throwIfAborted()
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#bytes -= chunk.length
        if (this.#bytes < AHEAD_BYTES && this.connection.isPaused()) this.connection.resume()
        return chunk
      }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#ended) return undefined
      await this.#news(signal)
    }
  }

  /** Bytes that were taken and belong to what follows. */
  putBack(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.unshift(chunk)
    this.#bytes += chunk.length
  }

  /** Lets go of the connection, paused; gives the bytes that were not taken. */
  release(): Buffer {
    const { connection } = this
    connection.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose)
    connection.pause()
    const left = this.#chunks
    this.#chunks = []
    this.#bytes = 0
    return left.length === 1 ? (left[0] ?? Buffer.alloc(0)) : Buffer.concat(left)
  }

  #news(signal: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake)
        this.#wake = undefined
        resolve()
      }
      this.#wake = wake
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes >= AHEAD_BYTES) this.connection.pause()
    this.#wake?.()
  }

  readonly #onEnd = (): void => {
    this.#ended = true
    this.#wake?.()
  }

  readonly #onError = (error: Error): void => {
    this.#failure ??= error
    this.#wake?.()
  }

  readonly #onClose = (): void => {
    if (!this.#ended) this.#failure ??= this.connection.errored ?? Object.assign(new Error('connection closed'), { code: 'ECONNRESET' })
    this.#wake?.()
  }
}
