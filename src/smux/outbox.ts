/** What a stream has been given to send and has not framed yet: messages of chunks, each with the callback to call once its bytes are taken. */

export type Taken = (error?: Error | null) => void

interface Message {
  chunks: readonly Buffer[]
  taken: Taken
}

const NONE: readonly Taken[] = []

export class Outbox {
  readonly #messages: Message[] = []
  #chunk = 0
  #offset = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  push(chunks: readonly Buffer[], bytes: number, taken: Taken): void {
    this.#bytes += bytes
    this.#messages.push({ chunks, taken })
  }

  /** Moves `count` bytes (at most what is there) to `piece`, as slices; the callbacks of messages that ended go to `ended`. */
  move(count: number, piece: (bytes: Buffer) => void, ended: Taken[]): void {
    let left = count
    for (let message = this.#messages[0]; message !== undefined; message = this.#messages[0]) {
      const chunk = message.chunks[this.#chunk]
      if (chunk === undefined) {
        this.#messages.shift()
        this.#chunk = 0
        ended.push(message.taken)
        continue
      }
      if (left === 0) return
      const end = Math.min(chunk.length, this.#offset + left)
      if (end > this.#offset) piece(this.#offset === 0 && end === chunk.length ? chunk : chunk.subarray(this.#offset, end))
      left -= end - this.#offset
      this.#bytes -= end - this.#offset
      this.#offset = end
      if (end === chunk.length) {
        this.#chunk += 1
        this.#offset = 0
      }
    }
  }

  /** Drops everything; returns the callbacks that were waiting. */
  clear(): readonly Taken[] {
    if (this.#messages.length === 0) return NONE
    const waiting = this.#messages.map(message => message.taken)
    this.#messages.length = 0
    this.#chunk = 0
    this.#offset = 0
    this.#bytes = 0
    return waiting
  }
}
