/**
 * Finds the end of an HTTP/1 head in bytes that come in pieces. Looks at every byte once, stores no more than the limit, and knows nothing
 * of what the lines mean (`head.ts`). Lines end with CRLF; a lone LF is refused, since peers disagree about it (RFC 9112 §2.2, §11.2).
 */
import { ProtocolError } from '../base/errors.ts'

export const HEAD_LIMIT_BYTES = 65_536

const LF = 10
const CR = 13

export interface ReadHead {
  /** The bytes of the head, incl. the empty line and empty lines before it. */
  raw: Buffer
  /** What came after it in the last chunk. */
  rest: Buffer
}

/** Reads one head; make a new one (or use `reset`) for the next message. */
export class HeadReader {
  readonly #limitBytes: number
  #chunks: Buffer[] = []
  #length = 0
  /** Bytes of the current line in earlier chunks. */
  #lineLength = 0
  #lastByte = 0
  #started = false

  constructor(limitBytes: number = HEAD_LIMIT_BYTES) {
    this.#limitBytes = limitBytes
  }

  /** Bytes taken so far; none means that the next message has not begun. */
  get length(): number {
    return this.#length
  }

  /** The head and what follows it, once it is complete. Throws a ProtocolError: HTTP_LINE_END, HTTP_HEAD_TOO_LARGE. */
  push(chunk: Buffer): ReadHead | undefined {
    let from = 0
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const before = at === 0 ? this.#lastByte : chunk[at - 1]
      if (before !== CR) throw new ProtocolError('HTTP_LINE_END', 'a line of the head ends without CR')
      const lineLength = this.#lineLength + at - from
      this.#lineLength = 0
      from = at + 1
      if (lineLength > 1) this.#started = true
      else if (this.#started) return this.#complete(chunk, from)
    }
    if (this.#length + chunk.length > this.#limitBytes) throw this.#tooLarge()
    if (chunk.length > 0) {
      this.#chunks.push(Buffer.from(chunk)) // the chunk itself belongs to whoever read it
      this.#length += chunk.length
      this.#lineLength += chunk.length - from
      this.#lastByte = chunk[chunk.length - 1] ?? 0
    }
    return undefined
  }

  /** Everything taken so far, e.g. to hand on bytes that turned out not to be HTTP. */
  taken(): Buffer {
    const [first] = this.#chunks
    return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.#length)
  }

  reset(): void {
    this.#chunks = []
    this.#length = 0
    this.#lineLength = 0
    this.#lastByte = 0
    this.#started = false
  }

  #complete(chunk: Buffer, end: number): ReadHead {
    if (this.#length + end > this.#limitBytes) throw this.#tooLarge()
    const last = chunk.subarray(0, end)
    const raw = this.#length === 0 ? last : Buffer.concat([...this.#chunks, last])
    this.reset()
    return { raw, rest: chunk.subarray(end) }
  }

  #tooLarge(): ProtocolError {
    return new ProtocolError('HTTP_HEAD_TOO_LARGE', `the head is larger than ${this.#limitBytes} bytes`)
  }
}
