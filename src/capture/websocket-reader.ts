/**
 * Follows WebSocket frames in one direction (RFC 6455 §5) and tells whole messages: their kind, size, and first bytes, unmasked. Keeps no more
 * of a message than the cap, changes nothing. Throws a ProtocolError for what is no frame: whoever follows then only counts.
 */
import { ProtocolError } from '../base/errors.ts'

export interface WebSocketMessage {
  /** `text`, `binary`, `close`, `ping`, `pong`. */
  name: string
  size: number
  bytes: Buffer
  compressed: boolean
}

const MESSAGE_CAP_BYTES = 4_096
const NAMES: Readonly<Record<number, string>> = { 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' }
const CONTINUATION = 0
const MAX_HEADER = 14

interface Part {
  name: string
  compressed: boolean
  size: number
  kept: Buffer[]
  keptBytes: number
}

export class WebSocketReader {
  readonly #onMessage: (message: WebSocketMessage) => void
  readonly #header = Buffer.alloc(MAX_HEADER)
  #headerLength = 0
  /** Payload of the current frame still to come. */
  #left = 0
  #inPayload = false
  #mask: Buffer | undefined
  #maskAt = 0
  #final = true
  #isControl = false
  #message: Part | undefined
  #control: Part | undefined

  constructor(onMessage: (message: WebSocketMessage) => void) {
    this.#onMessage = onMessage
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#inPayload) at += this.#payload(bytes, at)
      else {
        this.#header[this.#headerLength] = bytes[at] ?? 0
        this.#headerLength += 1
        at += 1
        if (this.#headerLength >= headerSize(this.#header, this.#headerLength)) this.#begin()
      }
    }
  }

  #begin(): void {
    const header = this.#header
    const first = header[0] ?? 0
    const opcode = first & 0x0f
    const hasMask = ((header[1] ?? 0) & 0x80) !== 0
    const length = payloadLength(header)
    this.#final = (first & 0x80) !== 0
    this.#isControl = opcode >= 8
    if ((first & 0x30) !== 0) throw new ProtocolError('WS_RSV', 'reserved bits of a WebSocket frame are set')
    if (this.#isControl) {
      if (!this.#final || length > 125) throw new ProtocolError('WS_CONTROL', 'a WebSocket control frame is fragmented or too long')
      this.#control = part(opcode, first)
    } else if (opcode === CONTINUATION) {
      if (this.#message === undefined) throw new ProtocolError('WS_CONTINUATION', 'a WebSocket continuation without a beginning')
    } else {
      if (this.#message !== undefined) throw new ProtocolError('WS_INTERLEAVED', 'a WebSocket message begins within another')
      this.#message = part(opcode, first)
    }
    this.#mask = hasMask ? Buffer.from(header.subarray(this.#headerLength - 4, this.#headerLength)) : undefined
    this.#maskAt = 0
    this.#headerLength = 0
    this.#left = length
    this.#inPayload = true
    if (length === 0) this.#frameDone()
  }

  #payload(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#left, bytes.length - at)
    const current = this.#isControl ? this.#control : this.#message
    if (current !== undefined) {
      current.size += taken
      const room = Math.min(taken, MESSAGE_CAP_BYTES - current.keptBytes)
      if (room > 0) {
        current.kept.push(this.#unmasked(bytes.subarray(at, at + room)))
        current.keptBytes += room
      }
    }
    this.#maskAt += taken
    this.#left -= taken
    if (this.#left === 0) this.#frameDone()
    return taken
  }

  #unmasked(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes)
    const mask = this.#mask
    if (mask !== undefined) for (let at = 0; at < copy.length; at += 1) copy[at] = (copy[at] ?? 0) ^ (mask[(this.#maskAt + at) & 3] ?? 0)
    return copy
  }

  #frameDone(): void {
    this.#inPayload = false
    const whole = this.#isControl ? this.#control : this.#final ? this.#message : undefined
    if (whole === undefined) return
    if (this.#isControl) this.#control = undefined
    else this.#message = undefined
    const { name, size, compressed } = whole
    this.#onMessage({ name, size, compressed, bytes: Buffer.concat(whole.kept, whole.keptBytes) })
  }
}

function part(opcode: number, first: number): Part {
  const name = NAMES[opcode]
  if (name === undefined) throw new ProtocolError('WS_OPCODE', `no WebSocket frame has opcode ${opcode}`)
  return { name, compressed: (first & 0x40) !== 0, size: 0, kept: [], keptBytes: 0 }
}

/** How long the header is, as far as the bytes so far tell. */
function headerSize(header: Buffer, have: number): number {
  if (have < 2) return 2
  const second = header[1] ?? 0
  const length = second & 0x7f
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4)
}

function payloadLength(header: Buffer): number {
  const length = (header[1] ?? 0) & 0x7f
  if (length < 126) return length
  if (length === 126) return header.readUInt16BE(2)
  const long = header.readBigUInt64BE(2)
  if (long > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError('WS_LENGTH', 'a WebSocket frame is impossibly long')
  return Number(long)
}
