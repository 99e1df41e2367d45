/**
 * Bytes → frames, as a state machine that holds at most 16 bytes. PSH payload is handed on as slices of the incoming chunks (small ones of lent
 * memory as copies), before its frame is complete. LENGTH of SYN, FIN and NOP is ignored and UPD always has 8 bytes, as xtaci/smux reads them (session.go recvLoop).
 */
import { ProtocolError } from '../base/errors.ts'
import { giveBack, isLent, LENT_BYTES } from '../base/lent.ts'
import { FRAME, HEADER_BYTES, SMUX_VERSION, UPDATE_BYTES } from './frame.ts'

export interface FrameEvents {
  onSyn(id: number): void
  onFin(id: number): void
  onNop(): void
  /** A part of a PSH payload, never empty. */
  onPayload(id: number, bytes: Buffer): void
  /** A PSH without payload. */
  onEmpty?(id: number): void
  onUpdate(id: number, consumed: number, windowBytes: number): void
}

export class FrameDecoder {
  readonly #events: FrameEvents
  /** What of a header or of an UPD body has come so far, when a chunk ended inside it. */
  readonly #partial = Buffer.alloc(HEADER_BYTES)
  #filled = 0
  #state: 'header' | 'payload' | 'update' | 'failed' = 'header'
  #id = 0
  #remaining = 0

  constructor(events: FrameEvents) {
    this.#events = events
  }

  /** Throws ProtocolError `SMUX_VERSION` or `SMUX_COMMAND`; nothing is read after that. */
  push(chunk: Buffer): void {
    const lent = isLent(chunk)
    let at = 0
    /** Bytes that others now hold. */
    let passed = 0
    while (at < chunk.length) {
      if (this.#state === 'payload') {
        const end = Math.min(chunk.length, at + this.#remaining)
        this.#remaining -= end - at
        if (this.#remaining === 0) this.#state = 'header'
        const bytes = chunk.subarray(at, end)
        at = end
        if (lent && bytes.length < LENT_BYTES) this.#events.onPayload(this.#id, Buffer.from(bytes))
        else {
          passed += bytes.length
          this.#events.onPayload(this.#id, bytes)
        }
      } else if (this.#state === 'failed') {
        return
      } else if (this.#filled === 0 && chunk.length - at >= HEADER_BYTES) {
        this.#eight(chunk, at)
        at += HEADER_BYTES
      } else {
        at = this.#collect(chunk, at)
      }
    }
    if (lent) giveBack(chunk, chunk.length - passed)
  }

  #collect(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER_BYTES - this.#filled)
    chunk.copy(this.#partial, this.#filled, at, end)
    this.#filled += end - at
    if (this.#filled === HEADER_BYTES) {
      this.#filled = 0
      this.#eight(this.#partial, 0)
    }
    return end
  }

  /** A header, or an UPD body, which happens to have the same size. */
  #eight(bytes: Buffer, at: number): void {
    if (this.#state === 'update') {
      this.#state = 'header'
      this.#events.onUpdate(this.#id, bytes.readUInt32LE(at), bytes.readUInt32LE(at + UPDATE_BYTES / 2))
      return
    }
    const version = bytes[at]
    if (version !== SMUX_VERSION) throw this.#fail('SMUX_VERSION', `the peer sent a frame of smux version ${version}, not ${SMUX_VERSION}`)
    const command = bytes[at + 1]
    const id = bytes.readUInt32LE(at + 4)
    if (command === FRAME.PSH) {
      this.#id = id
      this.#remaining = bytes.readUInt16LE(at + 2)
      if (this.#remaining > 0) this.#state = 'payload'
      else this.#events.onEmpty?.(id)
    } else if (command === FRAME.UPD) {
      this.#id = id
      this.#state = 'update'
    } else if (command === FRAME.SYN) this.#events.onSyn(id)
    else if (command === FRAME.FIN) this.#events.onFin(id)
    else if (command === FRAME.NOP) this.#events.onNop()
    else throw this.#fail('SMUX_COMMAND', `the peer sent the unknown smux command ${command}`)
  }

  #fail(code: string, message: string): ProtocolError {
    this.#state = 'failed'
    return new ProtocolError(code, message)
  }
}
