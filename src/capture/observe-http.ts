/**
 * Watches one spliced stream and tells its exchanges as events: HTTP/1.1 requests, or one `connection` for anything else. Side a is the
 * visitor: `out` bytes (a → b) are the request, `in` bytes the answer; in events `bytesIn` came from the visitor. Never changes, keeps or
 * delays a byte of a body, never throws, and costs next to nothing per byte.
 */
import type { Clock } from '../base/clock.ts'
import { asError, errnoOf, isAbort } from '../base/errors.ts'
import { type Logger, silent } from '../base/log.ts'
import type { Who } from '../event/types.ts'
import { type EmitExchange, Exchange, type ExchangeContext } from './exchange.ts'
import { type Cut, HttpTracker } from './http-tracker.ts'
import type { ExchangeStore } from './exchange-store.ts'
import { type Mask, maskHeaders } from './mask.ts'
import { type ClientHello, HELLO_LIMIT_BYTES, parseClientHello } from './tls-hello.ts'

export interface ObserveOptions {
  clock: Clock
  emit: EmitExchange
  /** Ids of exchanges, unique within the session. */
  nextId: () => string
  who: Who
  /** Where the visitor came from. */
  source: string
  why?: ExchangeContext['why']
  answeredBy?: string | undefined
  /** Default: the headers that always hold secrets. */
  mask?: Mask
  /** When the stream was opened (`Clock.now()`): the first exchange counts from then. Default: its first byte. */
  startedAt?: number
  /** How long opening the connection to the app took. */
  connectMs?: number
  onHello?: (id: string, hello: ClientHello) => void
  /** The exchange that this one repeats. */
  of?: string
  target?: string | undefined
  /** Remembers what passes. */
  store?: ExchangeStore | undefined
  /** Only count. */
  quiet?: boolean
  onHead?: ExchangeContext['onHead']
  onHiddenEnd?: ExchangeContext['onHiddenEnd']
  log?: Logger
}

/** How a splice ended: its result (side a: `visitor`, b: `local`), or who cut it. */
export type Outcome = { error?: { side: 'a' | 'b'; cause: Error } } | Cut

export interface ExchangeObserver {
  /** HTTP, and every request that came is answered whole. */
  readonly allAnswered: boolean
  /** Everything is answered, and both sides want to go on with this connection (RFC 9112 §9.3). */
  readonly keepsApp: boolean
  onBytes(direction: 'out' | 'in', chunk: Buffer): void
  onEnd(direction: 'out' | 'in'): void
  /** The stream is over: what is open is completed or aborted. */
  finish(outcome?: Outcome): void
}

export const observeExchanges = (options: ObserveOptions): ExchangeObserver => new Guarded(options)

/** Whatever goes wrong in here ends the watching, and nothing else. */
class Guarded implements ExchangeObserver {
  readonly #observer: Observer
  readonly #log: Logger
  #broken = false

  constructor(options: ObserveOptions) {
    this.#observer = new Observer(options)
    this.#log = options.log ?? silent
  }

  get allAnswered(): boolean {
    return !this.#broken && this.#observer.allAnswered
  }

  get keepsApp(): boolean {
    return !this.#broken && this.#observer.keepsApp
  }

  onBytes(direction: 'out' | 'in', chunk: Buffer): void {
    if (this.#broken) return
    try {
      this.#observer.bytes(direction, chunk)
    } catch (error) {
      this.#fail(error)
    }
  }

  onEnd(direction: 'out' | 'in'): void {
    if (this.#broken) return
    try {
      this.#observer.end(direction)
    } catch (error) {
      this.#fail(error)
    }
  }

  finish(outcome?: Outcome): void {
    if (this.#broken) return
    try {
      this.#observer.finish(outcome)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#broken = true
    this.#log.error('capture failed', { error: asError(error) })
  }
}

const TLS_HANDSHAKE = 0x16
const ALWAYS_MASKED = maskHeaders()

class Observer {
  readonly #options: ObserveOptions
  readonly #context: ExchangeContext
  /** What the first byte decided. */
  #http: HttpTracker | undefined
  #connection: Exchange | undefined
  /** The beginning of a TLS hello that came in pieces. */
  #hello: Buffer | undefined
  #firstAt = -1
  #endedFirst: 'visitor' | 'local' | undefined
  #finished = false

  constructor(options: ObserveOptions) {
    this.#options = options
    this.#context = { ...options, mask: options.mask ?? ALWAYS_MASKED }
  }

  get allAnswered(): boolean {
    return this.#http?.allAnswered === true
  }

  get keepsApp(): boolean {
    return this.#http?.keepsApp === true
  }

  bytes(direction: 'out' | 'in', chunk: Buffer): void {
    if (this.#http !== undefined) {
      if (direction === 'out') this.#http.request(chunk)
      else this.#http.response(chunk)
    } else if (this.#connection !== undefined) this.#count(direction, chunk)
    else if (chunk.length > 0) this.#decide(direction, chunk)
  }

  end(direction: 'out' | 'in'): void {
    this.#endedFirst ??= direction === 'out' ? 'visitor' : 'local'
    if (direction === 'in') this.#http?.localEnded()
  }

  finish(outcome: Outcome = {}): void {
    if (this.#finished) return
    this.#finished = true
    const cut = cutFrom(outcome)
    if (this.#hello !== undefined) this.#open('tcp')
    this.#http?.finish(cut, this.#endedFirst ?? 'visitor')
    if (cut === undefined) this.#connection?.complete()
    else this.#connection?.abort(cut.by, cut.code)
  }

  #decide(direction: 'out' | 'in', chunk: Buffer): void {
    const { clock, startedAt, connectMs } = this.#options
    if (this.#firstAt < 0) this.#firstAt = startedAt ?? clock.now()
    const first = this.#hello?.[0] ?? chunk[0] ?? 0
    if (direction === 'out' && first === TLS_HANDSHAKE) this.#decideTls(chunk)
    else if (direction === 'out' && looksLikeHttp(first)) {
      this.#http = new HttpTracker(this.#context, { startedAt: this.#firstAt, connectMs })
      this.#http.request(chunk)
    } else {
      // Neither of both, or the app spoke first.
      this.#open('tcp')
      this.#count(direction, chunk)
    }
  }

  #decideTls(chunk: Buffer): void {
    const bytes = this.#hello === undefined ? chunk : Buffer.concat([this.#hello, chunk])
    const hello = parseClientHello(bytes)
    // A copy, since the chunk belongs to the splice.
    if (hello === 'more' && bytes.length <= HELLO_LIMIT_BYTES) this.#hello = Buffer.from(bytes)
    else {
      this.#hello = undefined
      this.#open(typeof hello === 'object' ? 'tls' : 'tcp', typeof hello === 'object' ? hello : undefined)
      this.#count('out', bytes)
    }
  }

  #open(protocol: string, tls?: ClientHello): void {
    const { connectMs } = this.#options
    this.#connection = new Exchange(this.#context, {
      kind: 'connection',
      protocol,
      startedAt: this.#firstAt,
      connectMs,
      ...(tls && { tls })
    })
    if (this.#hello !== undefined) this.#count('out', this.#hello)
    this.#hello = undefined
  }

  #count(direction: 'out' | 'in', chunk: Buffer): void {
    this.#connection?.passed(direction === 'out' ? 'in' : 'out', chunk)
  }
}

/** A method begins with a capital letter; clients of old send an empty line before it. */
const looksLikeHttp = (byte: number): boolean => (byte >= 65 && byte <= 90) || byte === 13

function cutFrom(outcome: Outcome): Cut | undefined {
  if ('by' in outcome) return outcome
  if (outcome.error === undefined) return undefined
  const { side, cause } = outcome.error
  return { by: side === 'a' ? 'visitor' : 'local', code: errnoOf(cause) ?? (isAbort(cause) ? 'ABORTED' : 'CLOSED') }
}
