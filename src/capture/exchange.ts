/** One exchange as it is told in events: counts, timings, its one end. Knows nothing of parsing. */
import type { Clock } from '../base/clock.ts'
import type { EventBody, Who } from '../event/types.ts'
import type { RequestHead, ResponseHead } from '../http/message.ts'
import { header } from '../http/header.ts'
import type { Mask } from './mask.ts'
import type { ClientHello } from './tls-hello.ts'

export type ExchangeEventType = 'exchange.started' | 'exchange.request' | 'exchange.response' | 'exchange.completed' | 'exchange.aborted'
/** A session's `Emit` is one. */
export type EmitExchange = <T extends ExchangeEventType>(type: T, body: EventBody<T>) => void
export type AbortedBy = EventBody<'exchange.aborted'>['by']

export interface ExchangeContext {
  clock: Clock
  emit: EmitExchange
  nextId: () => string
  who: Who
  /** Where the visitor came from. */
  source: string
  why?: EventBody<'exchange.started'>['why'] | undefined
  mask: Mask
  /** What the visitor's TLS hello said, for a `connection` exchange of protocol `tls`. */
  onHello?: ((id: string, hello: ClientHello) => void) | undefined
}

export interface ExchangeStart {
  kind: 'request' | 'connection'
  protocol: string
  /** Of `Clock.now()`. */
  startedAt: number
  tls?: ClientHello
  /** How long opening the connection to the app took, for its first exchange. */
  connectMs?: number | undefined
}

export class Exchange {
  readonly #context: ExchangeContext
  readonly #start: ExchangeStart
  readonly #id: string
  readonly method: string
  status: number | undefined
  /** From and to the visitor, as the bytes travel: heads, chunk lines and trailers count. */
  bytesIn = 0
  bytesOut = 0
  requestDone = false
  responseDone = false
  unparsed = false
  #ttfbMs: number | undefined
  #over = false

  constructor(context: ExchangeContext, start: ExchangeStart, head?: RequestHead) {
    this.#context = context
    this.#start = start
    this.#id = context.nextId()
    this.method = head?.method ?? ''
    const { kind, protocol, tls } = start
    const { who, source, why } = context
    context.emit('exchange.started', { id: this.#id, kind, protocol, who, source, ...(why && { why }) })
    if (tls !== undefined) context.onHello?.(this.#id, tls)
    if (head !== undefined) context.emit('exchange.request', this.#request(head))
  }

  #request(head: RequestHead): EventBody<'exchange.request'> {
    const { method, target, version } = head
    // The absolute form names the host itself (RFC 9112 §3.2.2).
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target)
    const host = absolute?.[1] ?? header(head, 'host') ?? ''
    const path = absolute === null ? target : absolute[2] || '/'
    return { id: this.#id, method, host, path, httpVersion: version, ...this.#context.mask(head.headers) }
  }

  /** The final response has begun; `firstByteAt` of `Clock.now()`. */
  response(head: ResponseHead, firstByteAt: number): void {
    const ttfbMs = firstByteAt - this.#start.startedAt
    this.status = head.status
    this.#ttfbMs = ttfbMs
    const { headers } = this.#context.mask(head.headers)
    this.#context.emit('exchange.response', { id: this.#id, status: head.status, headers, ...this.#connectMs(), ttfbMs })
  }

  complete(): void {
    if (this.#over) return
    this.#over = true
    this.#context.emit('exchange.completed', {
      id: this.#id,
      ...(this.status !== undefined && { status: this.status }),
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      timings: { totalMs: this.#age(), ...this.#connectMs(), ...(this.#ttfbMs !== undefined && { ttfbMs: this.#ttfbMs }) },
      ...(this.unparsed && { unparsed: true })
    })
  }

  abort(by: AbortedBy, code: string): void {
    if (this.#over) return
    this.#over = true
    this.#context.emit('exchange.aborted', { id: this.#id, by, code, ms: this.#age(), bytesIn: this.bytesIn, bytesOut: this.bytesOut })
  }

  #age(): number {
    return this.#context.clock.now() - this.#start.startedAt
  }

  #connectMs(): { connectMs?: number } {
    return this.#start.connectMs === undefined ? {} : { connectMs: this.#start.connectMs }
  }
}
