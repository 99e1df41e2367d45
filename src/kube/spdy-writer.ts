/**
 * The sending half of a SPDY session: all that is written in one turn of the event loop leaves as one WebSocket message. Fewer frames and
 * records for us, fewer wake-ups for the API server.
 */
import { setImmediate } from 'node:timers'
import type { Connection } from '../base/connection.ts'
import { encodeBinaryFrame, type Masking } from '../transport/frame.ts'

export type Sent = (error?: Error | null) => void

export class SpdyWriter {
  readonly #socket: Connection
  readonly #masking: Masking
  #chunks: Buffer[] = []
  #waiting: Sent[] = []
  #scheduled = false
  #closed: Error | undefined

  constructor(socket: Connection, masking: Masking) {
    this.#socket = socket
    this.#masking = masking
  }

  write(chunks: readonly Buffer[]): void {
    if (this.#closed !== undefined) return
    this.#chunks.push(...chunks)
    this.#schedule()
  }

  /** Calls back when all that was written before has left for the kernel. */
  afterwards(sent: Sent): void {
    if (this.#closed !== undefined) return sent(this.#closed)
    this.#waiting.push(sent)
    this.#schedule()
  }

  close(reason: Error): void {
    this.#closed = reason
    this.#chunks = []
    for (const sent of this.#waiting.splice(0)) sent(reason)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#closed !== undefined) return
    const waiting = this.#waiting
    const frames = encodeBinaryFrame(this.#chunks, this.#masking)
    this.#chunks = []
    this.#waiting = []
    const last = frames.length - 1
    this.#socket.cork()
    frames.forEach((frame, index) => {
      if (index < last) this.#socket.write(frame)
      else this.#socket.write(frame, error => waiting.forEach(sent => sent(error)))
    })
    this.#socket.uncork()
  }
}
