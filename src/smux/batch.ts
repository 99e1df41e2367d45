/**
 * Frames of one tick, put together for one write: headers and small payloads share a slab, large payloads stay the slices they are.
 * Slabs are never reused: a layer below may pass our bytes on by reference (memory pair) after it called back.
 */
import type { Connection } from '../base/connection.ts'
import { FRAME, HEADER_BYTES, UPDATE_BYTES, writeHeader } from './frame.ts'
import type { Taken } from './outbox.ts'

const SLAB_BYTES = 65_536
/** Below this copying costs less than one more element of a writev. */
const COPY_BYTES = 4_096

/** The rest of a slab is used by the next batch. */
export class Slab {
  bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  used = 0
}

export class Batch {
  readonly #slab: Slab
  readonly #pieces: Buffer[] = []
  /** Where the part of the slab starts that is not yet a piece. */
  #from: number
  bytes = 0
  readonly taken: Taken[] = []

  constructor(slab: Slab) {
    this.#slab = slab
    this.#from = slab.used
  }

  header(command: number, id: number, length = 0): void {
    this.#reserve(HEADER_BYTES)
    writeHeader(this.#slab.bytes, this.#slab.used, { command, length, id })
    this.#slab.used += HEADER_BYTES
    this.bytes += HEADER_BYTES
  }

  update(id: number, grant: { consumed: number; windowBytes: number }): void {
    this.header(FRAME.UPD, id, UPDATE_BYTES)
    this.#reserve(UPDATE_BYTES)
    this.#slab.bytes.writeUInt32LE(grant.consumed, this.#slab.used)
    this.#slab.bytes.writeUInt32LE(grant.windowBytes, this.#slab.used + UPDATE_BYTES / 2)
    this.#slab.used += UPDATE_BYTES
    this.bytes += UPDATE_BYTES
  }

  payload = (bytes: Buffer): void => {
    this.bytes += bytes.length
    if (bytes.length > COPY_BYTES) {
      this.#cut()
      this.#pieces.push(bytes)
      return
    }
    this.#reserve(bytes.length)
    bytes.copy(this.#slab.bytes, this.#slab.used)
    this.#slab.used += bytes.length
  }

  /** One write (or one writev); `done` when the connection has taken all of it. */
  write(connection: Connection, done: Taken): void {
    this.#cut()
    const last = this.#pieces.length - 1
    if (last > 0) connection.cork()
    for (const [index, piece] of this.#pieces.entries()) {
      if (index === last) connection.write(piece, done)
      else connection.write(piece)
    }
    if (last > 0) connection.uncork()
  }

  #cut(): void {
    if (this.#slab.used > this.#from) this.#pieces.push(this.#slab.bytes.subarray(this.#from, this.#slab.used))
    this.#from = this.#slab.used
  }

  #reserve(bytes: number): void {
    if (this.#slab.used + bytes <= SLAB_BYTES) return
    this.#cut()
    this.#slab.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#slab.used = 0
    this.#from = 0
  }
}
