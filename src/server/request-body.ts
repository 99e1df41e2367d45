/**
 * The body of one request as it comes from the visitor. As long as it is small it is also kept, so that another connector can get it when the
 * first one dies: so much per request, and so much over all. Once an answer has begun, or the body grew too large, nothing is kept.
 */
import { BodyFramer } from '../http/framer.ts'
import type { Framing } from '../http/message.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ServerLimits } from './limits.ts'

/** Bytes kept over all requests. */
export interface HeldBytes {
  bytes: number
}

export interface RequestBodyOptions {
  reader: ByteReader
  framing: Framing
  limits: Pick<ServerLimits, 'heldBodyBytes' | 'heldBytes'>
  held: HeldBytes
}

export class RequestBody {
  readonly #options: RequestBodyOptions
  readonly #framer: BodyFramer
  #kept: Buffer[] | undefined = []
  #keptBytes = 0

  constructor(options: RequestBodyOptions) {
    this.#options = options
    this.#framer = new BodyFramer(options.framing)
  }

  /** All of it has been read. */
  get done(): boolean {
    return this.#framer.done
  }

  /** Everything read so far; undefined when it is not kept, so that nobody else can get this request. */
  get kept(): readonly Buffer[] | undefined {
    return this.#kept
  }

  /**
   * A visitor that ended its side has left, unless it said before that this is its last request (`Connection: close`, HTTP/1.0): then it may only
   * have closed what it does not need any more. Bytes behind the request are a pipelined one, and a sign of interest.
   */
  isAbandoned({ keepAlive }: { keepAlive: boolean }): boolean {
    const { reader } = this.#options
    return reader.gone || (reader.ended && this.done && keepAlive && reader.available === 0)
  }

  /** What has arrived of it, removed from the reader; undefined when there is nothing. Throws ProtocolError when it cannot be framed. */
  take(): Buffer | undefined {
    const { reader } = this.#options
    const chunk = reader.take()
    if (chunk === undefined) return undefined
    const { consumed, rest } = this.#framer.push(chunk)
    if (rest.length > 0) reader.putBack(rest)
    const bytes = consumed === chunk.length ? chunk : chunk.subarray(0, consumed)
    this.#keep(bytes)
    return bytes
  }

  /** Lets go of what is kept: this request is sent to nobody else. Idempotent. */
  release(): void {
    this.#options.held.bytes -= this.#keptBytes
    this.#keptBytes = 0
    this.#kept = undefined
  }

  #keep(bytes: Buffer): void {
    if (this.#kept === undefined) return
    const { limits, held } = this.#options
    if (this.#keptBytes + bytes.length > limits.heldBodyBytes || held.bytes + bytes.length > limits.heldBytes) {
      this.release()
      return
    }
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    held.bytes += bytes.length
  }
}
