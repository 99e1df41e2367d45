/**
 * Relay messages out of a byte stream, one per decoder. Never over-reads: what follows a message belongs to the next layer and is handed
 * back as `rest`. At most one message (4 + 65,535 bytes) is held. Source: go-gost/relay relay.go (ReadFrom).
 */
import { ProtocolError } from '../base/errors.ts'
import { RELAY_VERSION } from './encode.ts'
import { decodeFeatures } from './features.ts'
import type { RelayRequest, RelayResponse } from './message.ts'

export interface Decoded<Message> {
  message: Message
  /** Bytes behind the message, a slice of the last chunk. */
  rest: Buffer
}

const HEADER_BYTES = 4

/** header → features → done (or failed). */
class MessageDecoder<Message> {
  #state: 'header' | 'features' | 'done' = 'header'
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #features: Buffer = Buffer.alloc(0)
  #filled = 0
  readonly #build: (second: number, features: ReturnType<typeof decodeFeatures>) => Message

  constructor(build: (second: number, features: ReturnType<typeof decodeFeatures>) => Message) {
    this.#build = build
  }

  /** Takes the next bytes; returns the message once it is whole. Throws ProtocolError `RELAY_*`; the decoder is spent after either. */
  push(chunk: Buffer): Decoded<Message> | undefined {
    if (this.#state === 'done') throw new Error('this relay decoder has already returned its message')
    let at = 0
    if (this.#state === 'header') {
      at = this.#fill(this.#header, chunk, 0)
      if (this.#filled > 0 && this.#header[0] !== RELAY_VERSION) {
        this.#state = 'done'
        throw new ProtocolError('RELAY_VERSION', `the peer speaks relay version ${this.#header[0]}, not ${RELAY_VERSION}`)
      }
      if (this.#filled < HEADER_BYTES) return undefined
      this.#state = 'features'
      this.#filled = 0
      const length = this.#header.readUInt16BE(2)
      if (chunk.length - at >= length) return this.#finish(chunk.subarray(at, at + length), chunk.subarray(at + length))
      this.#features = Buffer.allocUnsafe(length)
    }
    at = this.#fill(this.#features, chunk, at)
    return this.#filled < this.#features.length ? undefined : this.#finish(this.#features, chunk.subarray(at))
  }

  /** Copies from `chunk` at `at` until `target` is full; returns where it stopped. */
  #fill(target: Buffer, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + target.length - this.#filled)
    chunk.copy(target, this.#filled, at, end)
    this.#filled += end - at
    return end
  }

  #finish(features: Buffer, rest: Buffer): Decoded<Message> {
    this.#state = 'done'
    return { message: this.#build(this.#header.readUInt8(1), decodeFeatures(features)), rest }
  }
}

export class RequestDecoder extends MessageDecoder<RelayRequest> {
  constructor() {
    super((second, features) => ({ command: second & 0x0f, flags: second & 0xf0, features }))
  }
}

export class ResponseDecoder extends MessageDecoder<RelayResponse> {
  constructor() {
    super((status, features) => ({ status, features }))
  }
}
