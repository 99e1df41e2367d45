/**
 * The server name of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), read without touching a byte, across records and any cut. Pure.
 *
 *   record:     type(1)=22 version(2) length(2) fragment
 *   handshake:  type(1)=1 length(3) version(2) random(32) session_id<1> cipher_suites<2> compression<1> extensions<2>
 */
import { ProtocolError } from '../base/errors.ts'

export const TLS_HANDSHAKE = 0x16

const RECORD_HEADER_BYTES = 5
const HANDSHAKE_HEADER_BYTES = 4
const MAX_RECORD_BYTES = 16_640

/** Looks at every byte once, however small the records and the pieces are in which they come. */
export class ClientHelloReader {
  readonly #maxBytes: number
  readonly #record = Buffer.alloc(RECORD_HEADER_BYTES)
  #filled = 0
  /** Bytes to come of the current record. */
  #left = 0
  readonly #start = Buffer.alloc(HANDSHAKE_HEADER_BYTES)
  #parts: Buffer[] = []
  #length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** `serverName` undefined: a complete hello without one. Undefined: more bytes are needed. Throws ProtocolError on what is no ClientHello. */
  push(chunk: Buffer): { serverName: string | undefined } | undefined {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left === 0) {
        this.#header(chunk[at] ?? 0)
        at += 1
        continue
      }
      const part = chunk.subarray(at, at + this.#left)
      this.#left -= part.length
      at += part.length
      // What follows a complete hello (early data) is no handshake record.
      if (this.#take(part)) return { serverName: serverNameOf(new Reader(this.#hello())) }
    }
    return undefined
  }

  #header(byte: number): void {
    this.#record[this.#filled] = byte
    this.#filled += 1
    if (this.#filled === 1 && byte !== TLS_HANDSHAKE) throw new ProtocolError('TLS_RECORD', 'not a TLS handshake record')
    if (this.#filled === 2 && byte !== 3) throw new ProtocolError('TLS_VERSION', 'not a TLS record version')
    if (this.#filled < RECORD_HEADER_BYTES) return
    this.#filled = 0
    this.#left = this.#record.readUInt16BE(3)
    if (this.#left === 0 || this.#left > MAX_RECORD_BYTES) throw new ProtocolError('TLS_RECORD_LENGTH', 'TLS record length out of range')
  }

  /** True when the hello is complete. */
  #take(part: Buffer): boolean {
    if (this.#length < HANDSHAKE_HEADER_BYTES) part.copy(this.#start, this.#length)
    this.#parts.push(part)
    this.#length += part.length
    if (this.#length < HANDSHAKE_HEADER_BYTES) return false
    if (this.#start[0] !== 1) throw new ProtocolError('TLS_HELLO', 'first TLS message is not a ClientHello')
    const length = this.#start.readUIntBE(1, 3)
    if (length > this.#maxBytes) throw new ProtocolError('TLS_HELLO_LENGTH', 'ClientHello too long')
    return this.#length >= HANDSHAKE_HEADER_BYTES + length
  }

  #hello(): Buffer {
    const handshake = Buffer.concat(this.#parts)
    return handshake.subarray(HANDSHAKE_HEADER_BYTES, HANDSHAKE_HEADER_BYTES + this.#start.readUIntBE(1, 3))
  }
}

function serverNameOf(hello: Reader): string | undefined {
  hello.skip(2 + 32)
  hello.vector(1)
  hello.vector(2)
  hello.vector(1)
  if (hello.left === 0) return undefined
  const extensions = new Reader(hello.vector(2))
  while (extensions.left > 0) {
    const type = extensions.uint(2)
    const body = new Reader(extensions.vector(2))
    if (type !== 0) continue
    const names = new Reader(body.vector(2))
    while (names.left > 0) {
      const kind = names.uint(1)
      const name = names.vector(2)
      if (kind === 0) return name.toString('latin1')
    }
  }
  return undefined
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  uint(size: number): number {
    this.#need(size)
    this.#at += size
    return this.#bytes.readUIntBE(this.#at - size, size)
  }

  skip(size: number): void {
    this.#need(size)
    this.#at += size
  }

  /** A vector with a length of `size` bytes before it. */
  vector(size: number): Buffer {
    const length = this.uint(size)
    this.#need(length)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #need(size: number): void {
    if (this.left < size) throw new ProtocolError('TLS_HELLO', 'ClientHello with lengths that do not fit')
  }
}
