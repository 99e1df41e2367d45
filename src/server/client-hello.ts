/**
 * The server name of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), read without touching a byte, across records and any cut. Pure.
 *
 *   record:     type(1)=22 version(2) length(2) fragment
 *   handshake:  type(1)=1 length(3) version(2) random(32) session_id<1> cipher_suites<2> compression<1> extensions<2>
 */
import { ProtocolError } from '../base/errors.ts'

export const TLS_HANDSHAKE = 0x16

/** `serverName` undefined: a complete hello without one. Undefined: more bytes are needed. Throws ProtocolError on what is no ClientHello. */
export function readClientHello(bytes: Buffer, maxBytes: number): { serverName: string | undefined } | undefined {
  const handshake = joinRecords(bytes, maxBytes)
  if (handshake.length < 4) return undefined
  if (handshake[0] !== 1) throw new ProtocolError('TLS_HELLO', 'first TLS message is not a ClientHello')
  const length = handshake.readUIntBE(1, 3)
  if (length > maxBytes) throw new ProtocolError('TLS_HELLO_LENGTH', 'ClientHello too long')
  if (handshake.length < 4 + length) return undefined
  return { serverName: serverNameOf(new Reader(handshake.subarray(4, 4 + length))) }
}

/** The handshake bytes of the complete and the last, partial record. */
function joinRecords(bytes: Buffer, maxBytes: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== TLS_HANDSHAKE) throw new ProtocolError('TLS_RECORD', 'not a TLS handshake record')
    if (bytes.length - at < 5) break
    if (bytes[at + 1] !== 3) throw new ProtocolError('TLS_VERSION', 'not a TLS record version')
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > 16_640) throw new ProtocolError('TLS_RECORD_LENGTH', 'TLS record length out of range')
    parts.push(bytes.subarray(at + 5, at + 5 + length))
    at += 5 + length
    if (at > maxBytes + 16_640) throw new ProtocolError('TLS_HELLO_LENGTH', 'ClientHello too long')
    const first = parts[0]
    // What follows a complete hello (early data) is no handshake record.
    if (first !== undefined && first.length >= 4 && total(parts) >= 4 + first.readUIntBE(1, 3)) break
  }
  return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)
}

const total = (parts: readonly Buffer[]): number => parts.reduce((sum, part) => sum + part.length, 0)

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
