/** Pulls bytes out of a connection piece by piece: bounded read-ahead, bytes put back, and the end seen even while nobody reads. */
import { ByteQueue } from '../base/bytes.ts'
import type { Connection } from '../base/connection.ts'

/** Read ahead up to here while nobody takes: enough to notice that the peer left, not enough to store a body. */
const READ_AHEAD_BYTES = 65_536

export class ByteReader {
  readonly #connection: Connection
  readonly #queue = new ByteQueue()
  #ended = false
  #gone = false
  #paused = false
  #wake: (() => void) | undefined
  /** Called when the peer ends its side and when the connection closes. */
  onLeave: (() => void) | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    if (connection.destroyed) this.#gone = true
    else if (connection.readableEnded) this.#ended = true
    else connection.on('data', this.#receive).on('end', this.#end).on('close', this.#close)
    connection.resume()
  }

  /** The peer ended its side, or the connection is gone; bytes may still be waiting. */
  get ended(): boolean {
    return this.#ended || this.#gone
  }

  /** The peer ended its side cleanly: no byte is missing. */
  get finished(): boolean {
    return this.#ended
  }

  /** Closed, not just half-closed. */
  get gone(): boolean {
    return this.#gone
  }

  get available(): number {
    return this.#queue.length
  }

  /** What has arrived, as it arrived: one chunk, undefined when there is none. */
  take(): Buffer | undefined {
    if (this.#queue.length === 0) return undefined
    const chunk = this.#queue.takeSome(this.#queue.length)
    this.#flow()
    return chunk
  }

  /** The first byte, left in place. */
  get firstByte(): number | undefined {
    return this.#queue.peek(1)[0]
  }

  /** Puts bytes back in front. */
  putBack(bytes: Buffer): void {
    this.#queue.unshift(bytes)
  }

  /** True once bytes are there, false when there will be none. One waiter at a time. */
  more(): Promise<boolean> | boolean {
    if (this.#queue.length > 0) return true
    if (this.ended) return false
    return new Promise(resolve => {
      this.#wake = () => resolve(this.#queue.length > 0)
    })
  }

  /** Stops reading and returns what was not taken. The connection is paused, for the next owner. */
  release(): Buffer {
    this.#connection.off('data', this.#receive).off('end', this.#end).off('close', this.#close)
    this.#connection.pause()
    this.onLeave = undefined
    this.#wakeUp()
    return this.#queue.take(this.#queue.length)
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#queue.push(chunk)
    if (this.#queue.length >= READ_AHEAD_BYTES) {
      this.#paused = true
      this.#connection.pause()
    }
    this.#wakeUp()
  }

  readonly #end = (): void => {
    this.#ended = true
    this.#wakeUp()
    this.onLeave?.()
  }

  readonly #close = (): void => {
    this.#gone = true
    this.#wakeUp()
    this.onLeave?.()
  }

  #flow(): void {
    if (!this.#paused || this.#queue.length >= READ_AHEAD_BYTES) return
    this.#paused = false
    this.#connection.resume()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
