/**
 * WebSocket frames coming in (RFC 6455 §5), as a state machine that holds at most a header and one control frame. Payload of messages is
 * handed on as slices of the incoming chunks, before its frame is complete: to gost neither frames nor messages nor their type mean anything.
 */
import { ProtocolError } from '../base/errors.ts'
import { applyMask } from './mask.ts'

export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const

export interface FrameReaderOptions {
  /** Whether the peer masks: clients do, servers do not. */
  masked: boolean
  maxMessageBytes: number
  /** A part of a message's payload, never empty; unmasked in place. */
  onPayload: (bytes: Buffer) => void
  onControl: (opcode: number, payload: Buffer) => void
}

/** Two bytes, eight of length, four of mask. */
const MAX_HEADER_BYTES = 14
const MAX_CONTROL_BYTES = 125
const MASK_BYTES = 4
const FIRST_CONTROL = 8

export class FrameReader {
  readonly #options: FrameReaderOptions
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES)
  #filled = 0
  #needed = 2
  #inPayload = false
  #failed = false
  #opcode = 0
  #left = 0
  /** Turned so that its lowest byte is for the next byte of payload. */
  #mask = 0
  #fragmented = false
  #messageBytes = 0
  #control: Buffer[] = []

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** Throws ProtocolError `WS_FRAME`; nothing is read after that. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#failed) {
      if (this.#inPayload) at = this.#payload(chunk, at)
      else {
        this.#header[this.#filled] = chunk[at] ?? 0
        this.#filled += 1
        at += 1
        if (this.#filled === 2) this.#needed = this.#measure()
        if (this.#filled === this.#needed) this.#begin()
      }
    }
  }

  #payload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    const bytes = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end)
    this.#left -= bytes.length
    if (this.#mask !== 0) {
      applyMask(bytes, 0, this.#mask)
      const turn = 8 * (bytes.length & 3)
      if (turn > 0) this.#mask = (this.#mask >>> turn) | (this.#mask << (32 - turn))
    }
    if (this.#opcode < FIRST_CONTROL) this.#options.onPayload(bytes)
    else this.#control.push(Buffer.from(bytes))
    if (this.#left === 0) this.#finish()
    return end
  }

  /** Checks the first two bytes; how many the header has. */
  #measure(): number {
    const [first = 0, second = 0] = this.#header
    const masked = (second & 0x80) !== 0
    const short = second & 0x7f
    this.#opcode = first & 0x0f
    if ((first & 0x70) !== 0) throw this.#fail('with a reserved bit set')
    if (masked !== this.#options.masked) throw this.#fail(masked ? 'that is masked' : 'that is not masked')
    this.#checkOrder((first & 0x80) !== 0, short)
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (masked ? MASK_BYTES : 0)
  }

  #checkOrder(final: boolean, short: number): void {
    const opcode = this.#opcode
    if (opcode >= FIRST_CONTROL) {
      if (opcode > OPCODE.PONG) throw this.#fail(`of the unknown type ${opcode}`)
      if (!final || short > MAX_CONTROL_BYTES) throw this.#fail('of control in parts or beyond its limit')
      return
    }
    if (opcode > OPCODE.BINARY) throw this.#fail(`of the unknown type ${opcode}`)
    if ((opcode === OPCODE.CONTINUATION) !== this.#fragmented) throw this.#fail('out of order')
    if (opcode !== OPCODE.CONTINUATION) this.#messageBytes = 0
    this.#fragmented = !final
  }

  #begin(): void {
    const short = (this.#header[1] ?? 0) & 0x7f
    const wide = short === 127 ? Number(this.#header.readBigUInt64BE(2)) : this.#header.readUInt16BE(2)
    this.#left = short < 126 ? short : wide
    this.#mask = this.#options.masked ? this.#header.readInt32LE(this.#needed - MASK_BYTES) : 0
    this.#filled = 0
    this.#needed = 2
    if (this.#opcode < FIRST_CONTROL) {
      this.#messageBytes += this.#left
      if (this.#messageBytes > this.#options.maxMessageBytes) throw this.#fail('beyond the limit')
    }
    if (this.#left === 0) this.#finish()
    else this.#inPayload = true
  }

  #finish(): void {
    this.#inPayload = false
    if (this.#opcode < FIRST_CONTROL) return
    const payload = Buffer.concat(this.#control)
    this.#control = []
    this.#options.onControl(this.#opcode, payload)
  }

  #fail(what: string): ProtocolError {
    this.#failed = true
    return new ProtocolError('WS_FRAME', `the peer sent a WebSocket frame ${what}`)
  }
}
