/**
 * What a visitor sends in a call, as it comes, to the app that has the call now. Until an answer begins it is also kept, while it is small, so that
 * another app can get it when the first one refuses the call.
 */
import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2'
import type { ServerLimits } from './limits.ts'
import type { HeldBytes } from './request-body.ts'

export interface GrpcUploadOptions {
  /** Nothing follows the header section. */
  ended: boolean
  limits: Pick<ServerLimits, 'heldBodyBytes' | 'heldBytes'>
  held: HeldBytes
}

const UNSENT_BYTES = 131_072

export class GrpcUpload {
  readonly #from: ServerHttp2Stream
  readonly #options: GrpcUploadOptions
  #kept: Buffer[] | undefined = []
  #keptBytes = 0
  #ended: boolean
  #listens = false
  #to: ClientHttp2Stream | undefined

  constructor(from: ServerHttp2Stream, options: GrpcUploadOptions) {
    this.#from = from
    this.#options = options
    this.#ended = options.ended
  }

  /** Somebody got what nobody else can get any more. */
  get lost(): boolean {
    return this.#kept === undefined
  }

  /** All that came so far, and what comes. */
  sendTo(call: ClientHttp2Stream): void {
    if (this.#options.ended) return
    this.#to = call
    for (const chunk of this.#kept ?? []) call.write(chunk)
    if (this.#ended) call.end()
    else this.#listen()
  }

  /** Nobody has the call now. */
  stop(): void {
    this.#to = undefined
    if (this.#listens && !this.lost) this.#from.pause()
  }

  /** Keeps nothing any more. Idempotent. */
  release(): void {
    this.#options.held.bytes -= this.#keptBytes
    this.#keptBytes = 0
    this.#kept = undefined
  }

  #listen(): void {
    if (this.#listens) {
      this.#from.resume()
      return
    }
    this.#listens = true
    this.#from.on('data', (chunk: Buffer) => {
      this.#keep(chunk)
      this.#send(chunk)
    })
    this.#from.once('end', () => {
      if (this.#from.rstCode !== constants.NGHTTP2_NO_ERROR) return
      this.#ended = true
      if (this.#to !== undefined && !this.#to.destroyed && !this.#to.writableEnded) this.#to.end()
    })
  }

  /** Reads no faster than the app takes. */
  #send(chunk: Buffer): void {
    const to = this.#to
    if (to === undefined || to.destroyed || to.writableEnded) return
    if (to.writableLength + chunk.length < UNSENT_BYTES) {
      to.write(chunk)
      return
    }
    this.#from.pause()
    to.write(chunk, () => {
      if (to === this.#to) this.#from.resume()
    })
  }

  #keep(chunk: Buffer): void {
    if (this.#kept === undefined) return
    const { limits, held } = this.#options
    if (this.#keptBytes + chunk.length > limits.heldBodyBytes || held.bytes + chunk.length > limits.heldBytes) {
      this.release()
      return
    }
    // A small message would hold on to all that was read with it.
    this.#kept.push(Buffer.from(chunk))
    this.#keptBytes += chunk.length
    held.bytes += chunk.length
  }
}
