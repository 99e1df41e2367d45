/** One exchange as it is told in events and remembered in the store: counts, timings, its one end. Knows nothing of parsing. */
import type { Clock } from '../base/clock.ts'
import type { EventBody, Who } from '../event/types.ts'
import type { RequestHead, ResponseHead } from '../http/message.ts'
import { header } from '../http/header.ts'
import type { ExchangeStore } from './exchange-store.ts'
import type { KeptRecord } from './kept-record.ts'
import type { KeptMessage } from './kept.ts'
import type { Mask } from './mask.ts'
import { MessageVoice } from './message-voice.ts'
import type { ClientHello } from './tls-hello.ts'

export type ExchangeEventType =
  | 'exchange.started'
  | 'exchange.request'
  | 'exchange.response'
  | 'exchange.message'
  | 'exchange.completed'
  | 'exchange.aborted'
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
  /** Whose laptop, where it is another one. */
  answeredBy?: string | undefined
  /** The exchange that this one repeats. */
  of?: string | undefined
  /** The target's display name, for the store. */
  target?: string | undefined
  mask: Mask
  /** Remembers what passes; without one nothing is kept. */
  store?: ExchangeStore | undefined
  /** Only counts: no heads and no messages are told or kept. */
  quiet?: boolean | undefined
  /** Before anything is told of it. `hide`: it is no visitor's, and nothing is told, kept or counted of it. */
  onHead?: ((head: RequestHead) => 'hide' | undefined) | undefined
  onHiddenEnd?: (() => void) | undefined
  /** What the visitor's TLS hello said, for a `connection` exchange of protocol `tls`. */
  onHello?: ((id: string, hello: ClientHello) => void) | undefined
}

export interface ExchangeStart {
  kind: 'request' | 'connection' | 'replay' | 'mirror'
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
  readonly #hidden: boolean
  readonly method: string
  status: number | undefined
  requestDone = false
  responseDone = false
  /** What the laptop remembers of it. */
  readonly kept: KeptRecord | undefined
  #bytesIn = 0
  #bytesOut = 0
  #unparsed = false
  #ttfbMs: number | undefined
  #over = false
  #voice: MessageVoice | undefined

  constructor(context: ExchangeContext, start: ExchangeStart, head?: RequestHead) {
    this.#context = context
    this.#start = start
    this.#id = context.nextId()
    this.method = head?.method ?? ''
    const { kind, protocol, tls } = start
    const { who, source, why, answeredBy, of } = context
    this.#hidden = head !== undefined && context.onHead?.(head) === 'hide'
    if (this.#untold) return
    this.kept = this.#remembered()
    context.emit('exchange.started', {
      id: this.#id,
      kind,
      protocol,
      who,
      source,
      ...(of && { of }),
      ...(answeredBy && { answeredBy }),
      ...(why && { why })
    })
    if (tls !== undefined) context.onHello?.(this.#id, tls)
    if (head !== undefined) this.#asked(head)
  }

  /** No heads and no messages are told or kept. */
  get #untold(): boolean {
    return this.#hidden || this.#context.quiet === true
  }

  /** From and to the visitor, as the bytes travel: heads, chunk lines and trailers count. */
  get bytesIn(): number {
    return this.#bytesIn
  }

  set bytesIn(bytes: number) {
    this.#bytesIn = bytes
    if (this.kept !== undefined) this.kept.bytesIn = bytes
  }

  get bytesOut(): number {
    return this.#bytesOut
  }

  set bytesOut(bytes: number) {
    this.#bytesOut = bytes
    if (this.kept !== undefined) this.kept.bytesOut = bytes
  }

  /** From here on nobody could read it. */
  get unparsed(): boolean {
    return this.#unparsed
  }

  set unparsed(unparsed: boolean) {
    this.#unparsed = unparsed
    if (this.kept !== undefined) this.kept.unparsed = unparsed
    this.kept?.touched()
  }

  #remembered(): KeptRecord | undefined {
    const { store, clock, who, source, why, answeredBy, of, target } = this.#context
    if (store === undefined) return undefined
    const { kind, protocol, tls: hello, startedAt } = this.#start
    const since = clock.date().getTime() - (clock.now() - startedAt)
    const kept = store.begin({ id: this.#id, kind, protocol, who, source, why, answeredBy, of, target, hello, startedAt: since })
    if (this.#start.connectMs !== undefined) kept.timings.connectMs = this.#start.connectMs
    return kept
  }

  #asked(head: RequestHead): void {
    const { method, target, version, headers } = head
    // The absolute form names the host itself (RFC 9112 §3.2.2); a password in it is nobody's to read.
    const absolute = /^https?:\/\/(?:[^/?#]*@)?([^/?#]*)(.*)$/i.exec(target)
    const host = absolute?.[1] ?? header(head, 'host') ?? ''
    const path = absolute === null ? target : absolute[2] || '/'
    this.kept?.asked({ method, target, host, path, version, headers }, head.raw.length)
    this.#context.emit('exchange.request', { id: this.#id, method, host, path, httpVersion: version, ...this.#context.mask(headers) })
  }

  /** The final response has begun; `firstByteAt` of `Clock.now()`. */
  response(head: ResponseHead, firstByteAt: number): void {
    const ttfbMs = firstByteAt - this.#start.startedAt
    this.status = head.status
    this.#ttfbMs = ttfbMs
    if (this.#untold) return
    if (this.kept !== undefined) {
      const { status, reason, version, headers: raw } = head
      this.kept.timings.ttfbMs = ttfbMs
      this.kept.answered({ status, reason, version, headers: raw }, head.raw.length)
    }
    const { headers } = this.#context.mask(head.headers)
    this.#context.emit('exchange.response', { id: this.#id, status: head.status, headers, ...this.#connectMs(), ttfbMs })
  }

  /** Bytes that belong to it and are no HTTP/1 message any more; `in`: from the visitor. */
  passed(direction: 'in' | 'out', bytes: Buffer): void {
    if (direction === 'in') this.bytesIn += bytes.length
    else this.bytesOut += bytes.length
    if (this.#start.kind === 'connection') this.kept?.raw(direction, bytes)
  }

  /** The protocol after all: what the answer made of it. */
  becomes(protocol: string): void {
    if (this.kept === undefined) return
    this.kept.protocol = protocol
    this.kept.touched()
  }

  /** A WebSocket message or a server-sent event; `in`: from the visitor. */
  said(message: Omit<KeptMessage, 'atMs'>): void {
    if (this.#over || this.#untold) return
    const { clock, emit } = this.#context
    const kept = { ...message, atMs: this.#age() }
    this.kept?.said(kept)
    this.#voice ??= new MessageVoice({ id: this.#id, clock, tell: body => emit('exchange.message', body) })
    this.#voice.said(kept)
  }

  complete(): void {
    if (this.#over) return
    this.#over = true
    if (this.#hidden) return this.#context.onHiddenEnd?.()
    this.#ended({ kind: 'completed' })
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
    if (this.#hidden) return this.#context.onHiddenEnd?.()
    this.#ended({ kind: 'aborted', by, code })
    this.#context.emit('exchange.aborted', { id: this.#id, by, code, ms: this.#age(), bytesIn: this.bytesIn, bytesOut: this.bytesOut })
  }

  #ended(end: NonNullable<KeptRecord['end']>): void {
    this.#voice?.flush()
    this.kept?.ended(end, this.#age())
  }

  #age(): number {
    return this.#context.clock.now() - this.#start.startedAt
  }

  #connectMs(): { connectMs?: number } {
    return this.#start.connectMs === undefined ? {} : { connectMs: this.#start.connectMs }
  }
}
