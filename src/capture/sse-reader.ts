/**
 * Follows a stream of server-sent events (WHATWG HTML §9.2.6) and tells each: its name, the size of its data, and the data's first bytes.
 * Lines end with CR, LF or CRLF. Keeps no more of an event than the cap, and never throws.
 */

export interface ServerSentEvent {
  /** `message` unless the event has a name of its own. */
  name: string
  size: number
  bytes: Buffer
}

const CAP_BYTES = 4_096
const LINE_CAP_BYTES = 8_192
const CR = 13
const LF = 10
const BOM = Buffer.from([0xef, 0xbb, 0xbf])

export class SseReader {
  readonly #onEvent: (event: ServerSentEvent) => void
  /** The beginning of the current line. */
  #line: Buffer[] = []
  #lineKept = 0
  #lineLength = 0
  #afterCr = false
  #firstLine = true
  #name = ''
  #data: Buffer[] = []
  #dataKept = 0
  /** Bytes of data in all, line ends between data lines included. */
  #dataSize = 0
  #hasData = false

  constructor(onEvent: (event: ServerSentEvent) => void) {
    this.#onEvent = onEvent
  }

  push(bytes: Buffer): void {
    let from = 0
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (byte === LF && this.#afterCr && at === from) {
        this.#afterCr = false
        from = at + 1
        continue
      }
      this.#afterCr = false
      if (byte !== CR && byte !== LF) continue
      this.#take(bytes.subarray(from, at))
      this.#endLine()
      from = at + 1
      this.#afterCr = byte === CR
    }
    this.#take(bytes.subarray(from))
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#afterCr = false
    this.#lineLength += bytes.length
    const room = LINE_CAP_BYTES - this.#lineKept
    if (room <= 0) return
    const copy = Buffer.from(bytes.subarray(0, room))
    this.#line.push(copy)
    this.#lineKept += copy.length
  }

  #endLine(): void {
    let line = this.#line.length === 1 ? (this.#line[0] ?? BOM) : Buffer.concat(this.#line, this.#lineKept)
    let length = this.#lineLength
    this.#line = []
    this.#lineKept = 0
    this.#lineLength = 0
    if (this.#firstLine && line.subarray(0, 3).equals(BOM)) {
      line = line.subarray(3)
      length -= 3
    }
    this.#firstLine = false
    if (length === 0) this.#dispatch()
    else this.#field(line, length)
  }

  #field(line: Buffer, length: number): void {
    const colon = line.indexOf(58)
    const name = line.toString('latin1', 0, colon === -1 ? Math.min(line.length, 16) : colon)
    const from = colon === -1 ? line.length : colon + (line[colon + 1] === 32 ? 2 : 1)
    if (name === 'event') this.#name = line.toString('utf8', from, from + 256)
    if (name !== 'data') return
    if (this.#hasData) this.#append(Buffer.from('\n'), 1)
    this.#hasData = true
    this.#append(line.subarray(from), colon === -1 ? 0 : length - from)
  }

  #append(bytes: Buffer, size: number): void {
    this.#dataSize += size
    const part = bytes.subarray(0, Math.max(0, CAP_BYTES - this.#dataKept))
    if (part.length === 0) return
    this.#data.push(part)
    this.#dataKept += part.length
  }

  #dispatch(): void {
    const name = this.#name
    const has = this.#hasData
    const event = { name: name === '' ? 'message' : name, size: this.#dataSize, bytes: Buffer.concat(this.#data, this.#dataKept) }
    this.#name = ''
    this.#data = []
    this.#dataKept = 0
    this.#dataSize = 0
    this.#hasData = false
    if (has) this.#onEvent(event)
  }
}
