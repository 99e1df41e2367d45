/**
 * Datagrams in a byte stream (x/connector/tunnel/conn.go; dossier §3.3): `LEN u16 big-endian | DATA`, length 0 is a datagram too. Old peers send
 * length and data apart.
 */
import { ByteQueue } from '../base/bytes.ts'
import { ProtocolError } from '../base/errors.ts'

export const MAX_DATAGRAM_BYTES = 65_535

/** Throws ProtocolError RELAY_TOO_LONG. */
export function encodeDatagram(datagram: Buffer): Buffer {
  if (datagram.length > MAX_DATAGRAM_BYTES) throw new ProtocolError('RELAY_TOO_LONG', 'the datagram is too long')
  const bytes = Buffer.allocUnsafe(2 + datagram.length)
  bytes.writeUInt16BE(datagram.length)
  datagram.copy(bytes, 2)
  return bytes
}

export class DatagramDecoder {
  readonly #queue = new ByteQueue()

  /** Every datagram that is complete now. Keeps less than one. */
  push(chunk: Buffer): Buffer[] {
    this.#queue.push(Buffer.from(chunk)) // the chunk itself belongs to whoever read it
    const datagrams: Buffer[] = []
    while (this.#queue.length >= 2) {
      const length = this.#queue.peek(2).readUInt16BE()
      if (this.#queue.length < 2 + length) break
      this.#queue.take(2)
      datagrams.push(this.#queue.take(length))
    }
    return datagrams
  }
}
