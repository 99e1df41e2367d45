/**
 * A visitor's stream: the server opens it, writes one relay response that names the visitor and the destination, then raw bytes follow
 * (dossier §3.1). A stream with a bad head is dropped alone; the stock client kills its whole session instead.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { ResponseDecoder } from '../relay/decode.ts'
import { firstAddress, secondAddress } from '../relay/find.ts'
import { type RelayResponse, STATUS } from '../relay/message.ts'
import type { BareStream, FirstReader, SmuxStream } from '../smux/types.ts'

export interface TunnelStream {
  readonly bare: BareStream
  /** `bare` as a Duplex, made when it is asked for. */
  readonly connection: SmuxStream
  /** The visitor as the server saw it; port 0 when it came from a forwarding header. */
  readonly source: Endpoint
  /** Host (with `:80` for a portless Host), SNI, or the destination of a relay CONNECT. */
  readonly destination: Endpoint
  /** Ends it and tells a server of ours that no app got it: its request may go to another connector. */
  decline(): void
}

const UNKNOWN: Endpoint = { host: '0.0.0.0', port: 0 }

export interface AcceptOptions {
  clock: Clock
  timeoutMs: number
  /** Says it to the server, and calls `told` when it is on its way. */
  onDecline: (id: number, told: () => void) => void
}

/** Reads the open message of each stream, then hands it over; the rest of its bytes is still unread. Never throws. */
export function acceptStream(
  bare: BareStream,
  options: AcceptOptions,
  accept: (stream: TunnelStream) => void,
  refuse: (error: Error) => void
): void {
  const opening = new Opening(bare, options, { accept, refuse })
  bare.readFirst(opening)
  // Nearly always the message comes together with the stream.
  queueMicrotask(() => opening.expect())
}

interface Then {
  accept: (stream: TunnelStream) => void
  refuse: (error: Error) => void
}

class Opening implements FirstReader {
  readonly #bare: BareStream
  readonly #options: AcceptOptions
  readonly #then: Then
  readonly #decoder = new ResponseDecoder()
  #message: RelayResponse | undefined
  #timer: Timer | undefined
  #over = false

  constructor(bare: BareStream, options: AcceptOptions, then: Then) {
    this.#bare = bare
    this.#options = options
    this.#then = then
  }

  expect(): void {
    if (this.#over) return
    const silent = (): void => this.#bare.destroy(new ProtocolError('STREAM_SILENT', 'stream without an open message'))
    this.#timer = this.#options.clock.after(this.#options.timeoutMs, silent, { unref: true })
  }

  take(chunk: Buffer): Buffer | undefined {
    const decoded = this.#decoder.push(chunk)
    if (decoded === undefined) return undefined
    const { message, rest } = decoded
    if (message.status !== STATUS.OK) throw new ProtocolError('STREAM_STATUS', `stream opened with status ${message.status}`)
    this.#message = message
    return rest
  }

  done(): void {
    this.#end()
    if (this.#message !== undefined) this.#then.accept(new VisitorStream(this.#bare, this.#message, this.#options))
  }

  failed(error = new ProtocolError('STREAM_EMPTY', 'stream ended before it was opened')): void {
    this.#end()
    this.#then.refuse(error)
  }

  #end(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}

class VisitorStream implements TunnelStream {
  readonly bare: BareStream
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly #options: AcceptOptions

  constructor(bare: BareStream, message: RelayResponse, options: AcceptOptions) {
    this.bare = bare
    this.source = firstAddress(message) ?? UNKNOWN
    this.destination = secondAddress(message) ?? UNKNOWN
    this.#options = options
  }

  get connection(): SmuxStream {
    return this.bare.connection
  }

  decline(): void {
    this.#options.onDecline(this.bare.id, () => this.bare.destroy())
  }
}
