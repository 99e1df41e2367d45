/**
 * SPDY/3.1 frames as Kubernetes streams use them. A codec only: bytes to frames and back, no streams, no timers.
 *
 *   control  | 1 | version 3 (15) | type (16) | flags (8) | length (24) | …
 *   data     | 0 | stream id (31)             | flags (8) | length (24) | …
 *
 * Header blocks of the peer are skipped: nothing in them matters to a port-forward. Ours are stored, not compressed (RFC 1950, 1951 §3.2.4).
 * Reference: moby/spdystream spdy/types.go; protocol version 3.1 draft.
 */
import { ByteQueue } from '../base/bytes.ts'
import { ProtocolError } from '../base/errors.ts'

export const FIN = 0x01
export const RST_CANCEL = 5

const HEADER_BYTES = 8
const VERSION = 0x8003
const TYPE = { SYN_STREAM: 1, SYN_REPLY: 2, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, HEADERS: 8, WINDOW_UPDATE: 9 } as const
/** No control frame of a port-forward comes near this. */
export const MAX_CONTROL_BYTES = 65_536

export type SpdyFrame =
  | { type: 'data'; stream: number; payload: Buffer; fin: boolean }
  | { type: 'reply'; stream: number; fin: boolean }
  | { type: 'reset'; stream: number; status: number }
  | { type: 'ping'; id: number }
  | { type: 'goaway'; lastStream: number; status: number }

/** Bytes in, frames out. The payload of a data frame is handed on piece by piece as it comes; the last piece carries `fin`. */
export class SpdyDecoder {
  readonly #queue = new ByteQueue()
  readonly #emit: (frame: SpdyFrame) => void
  /** Inside a data frame: what is still to come of it. */
  #data: { stream: number; left: number; fin: boolean } | undefined
  /** Inside a control frame. */
  #control: { type: number; flags: number; length: number } | undefined

  constructor(emit: (frame: SpdyFrame) => void) {
    this.#emit = emit
  }

  /** Throws ProtocolError; the decoder is of no use afterwards. */
  push(chunk: Buffer): void {
    this.#queue.push(chunk)
    while (this.#step());
  }

  #step(): boolean {
    if (this.#data !== undefined) return this.#stepData(this.#data)
    if (this.#control !== undefined) return this.#stepControl(this.#control)
    if (this.#queue.length < HEADER_BYTES) return false
    this.#header(this.#queue.take(HEADER_BYTES))
    return true
  }

  #header(header: Buffer): void {
    const first = header.readUInt32BE(0)
    const flags = header.readUInt8(4)
    const length = header.readUIntBE(5, 3)
    if (first < 0x8000_0000) {
      this.#data = { stream: first, left: length, fin: (flags & FIN) !== 0 }
      if (length === 0) this.#endData(this.#data, Buffer.alloc(0))
      return
    }
    if (first >>> 16 !== VERSION) throw new ProtocolError('SPDY_VERSION', `SPDY frame of version ${(first >>> 16) & 0x7fff}, expected 3`)
    if (length > MAX_CONTROL_BYTES) throw new ProtocolError('SPDY_TOO_LONG', `SPDY control frame of ${length} bytes`)
    this.#control = { type: first & 0xffff, flags, length }
  }

  #stepData(data: { stream: number; left: number; fin: boolean }): boolean {
    if (this.#queue.length === 0) return false
    const payload = this.#queue.takeSome(data.left)
    data.left -= payload.length
    if (data.left === 0) this.#endData(data, payload)
    else this.#emit({ type: 'data', stream: data.stream, payload, fin: false })
    return true
  }

  #endData({ stream, fin }: { stream: number; fin: boolean }, payload: Buffer): void {
    this.#data = undefined
    if (payload.length > 0 || fin) this.#emit({ type: 'data', stream, payload, fin })
  }

  #stepControl({ type, flags, length }: { type: number; flags: number; length: number }): boolean {
    if (this.#queue.length < length) return false
    const body = this.#queue.take(length)
    this.#control = undefined
    const frame = controlFrame(type, flags, body)
    if (frame !== undefined) this.#emit(frame)
    return true
  }
}

/** Undefined for what a client may ignore: settings, headers, window updates, types of later versions. */
function controlFrame(type: number, flags: number, body: Buffer): SpdyFrame | undefined {
  const word = (at: number): number => {
    if (body.length < at + 4) throw new ProtocolError('SPDY_SHORT', `SPDY control frame of type ${type} with ${body.length} bytes`)
    return body.readUInt32BE(at)
  }
  switch (type) {
    case TYPE.SYN_REPLY:
      return { type: 'reply', stream: word(0) & 0x7fff_ffff, fin: (flags & FIN) !== 0 }
    case TYPE.RST_STREAM:
      return { type: 'reset', stream: word(0) & 0x7fff_ffff, status: word(4) }
    case TYPE.PING:
      return { type: 'ping', id: word(0) }
    case TYPE.GOAWAY:
      return { type: 'goaway', lastStream: word(0) & 0x7fff_ffff, status: body.length < 8 ? 0 : word(4) }
    case TYPE.SYN_STREAM:
      throw new ProtocolError('SPDY_SYN', 'the server opened a stream, which a port-forward does not have')
    default:
      return undefined
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt16BE(VERSION, 0)
  header.writeUInt16BE(type, 2)
  header.writeUInt8(flags, 4)
  header.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([header, body])
}

function words(...values: number[]): Buffer {
  const body = Buffer.allocUnsafe(values.length * 4)
  values.forEach((value, index) => body.writeUInt32BE(value, index * 4))
  return body
}

/** The 8 bytes in front of a payload that is sent uncopied. */
export function dataHeader(stream: number, length: number, fin: boolean): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32BE(stream, 0)
  header.writeUInt8(fin ? FIN : 0, 4)
  header.writeUIntBE(length, 5, 3)
  return header
}

export const encodeReset = (stream: number, status: number): Buffer => control(TYPE.RST_STREAM, 0, words(stream, status))
export const encodePing = (id: number): Buffer => control(TYPE.PING, 0, words(id))
export const encodeGoaway = (lastStream: number, status: number): Buffer => control(TYPE.GOAWAY, 0, words(lastStream, status))

/** Header blocks share one zlib stream per direction, so the frames of an encoder must be sent in the order they were made. */
export class SpdyEncoder {
  #started = false

  synStream(stream: number, headers: ReadonlyArray<readonly [string, string]>, fin: boolean): Buffer {
    const start = Buffer.alloc(10) // stream, associated stream 0, priority 0, slot 0
    start.writeUInt32BE(stream, 0)
    return control(TYPE.SYN_STREAM, fin ? FIN : 0, Buffer.concat([start, this.#block(headers)]))
  }

  synReply(stream: number, headers: ReadonlyArray<readonly [string, string]> = []): Buffer {
    return control(TYPE.SYN_REPLY, 0, Buffer.concat([words(stream), this.#block(headers)]))
  }

  /** One stored block, then an empty one: Go's reader wants the block's end before it hands the bytes out. */
  #block(headers: ReadonlyArray<readonly [string, string]>): Buffer {
    const parts: Buffer[] = [words(headers.length)]
    for (const text of headers.flat()) {
      const bytes = Buffer.from(text)
      parts.push(words(bytes.length), bytes)
    }
    const raw = Buffer.concat(parts)
    const stored = Buffer.allocUnsafe(5)
    stored.writeUInt8(0, 0)
    stored.writeUInt16LE(raw.length, 1)
    stored.writeUInt16LE(raw.length ^ 0xffff, 3)
    const zlibHeader = this.#started ? Buffer.alloc(0) : Buffer.from([0x78, 0x01])
    this.#started = true
    return Buffer.concat([zlibHeader, stored, raw, Buffer.from([0, 0, 0, 0xff, 0xff])])
  }
}
