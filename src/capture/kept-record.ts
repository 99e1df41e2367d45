/** One remembered exchange, written by the observer while it goes on. What it grows by is told to its keeper, who may have forgotten it. */
import { BodyKeeper, NO_BODY } from './body-keeper.ts'
import type { KeptBody, KeptExchange, KeptMessage, KeptRequest, KeptResponse, KeptTimings } from './kept.ts'
import type { Slab } from './slab.ts'
import type { ClientHello } from './tls-hello.ts'

/** Of a connection that is no HTTP, each way. */
const PREVIEW_BYTES = 1_024
/** What a message, a header field cost beside their text, roughly: many small ones are more than their bytes. */
const MESSAGE_BYTES = 256
const FIELD_BYTES = 128

export type KeptStart = Pick<
  KeptExchange,
  'id' | 'target' | 'kind' | 'protocol' | 'who' | 'source' | 'of' | 'why' | 'answeredBy' | 'startedAt' | 'hello'
>
export type KeptHead<T> = Omit<T, 'trailers' | 'body'>

/** The store, as its records know it. */
export interface RecordKeeper {
  /** Of one body, each way; of one exchange. */
  readonly limits: { readonly bodyBytes: number; readonly messages: number }
  readonly slab: Slab
  /** `record` has grown by `bytes`. */
  add(record: KeptRecord, bytes: number): void
}

export class KeptRecord implements KeptExchange {
  readonly id: string
  readonly target: string | undefined
  readonly kind: KeptExchange['kind']
  readonly who: KeptExchange['who']
  readonly source: string
  readonly of: string | undefined
  readonly why: KeptExchange['why']
  readonly answeredBy: string | undefined
  readonly startedAt: number
  readonly hello: ClientHello | undefined
  readonly timings: KeptTimings = {}
  readonly messages: KeptMessage[] = []
  readonly messageCount = { in: 0, out: 0 }
  protocol: string
  version = 0
  request: KeptRequest | undefined
  response: KeptResponse | undefined
  preview: { in: BodyKeeper; out: BodyKeeper } | undefined
  bytesIn = 0
  bytesOut = 0
  unparsed = false
  equal: boolean | undefined
  end: KeptExchange['end']
  /** For the store's sum. */
  kept = 0
  forgotten = false
  readonly #store: RecordKeeper
  #requestBody: BodyKeeper | undefined
  #responseBody: BodyKeeper | undefined

  constructor(start: KeptStart, store: RecordKeeper) {
    this.id = start.id
    this.target = start.target
    this.kind = start.kind
    this.protocol = start.protocol
    this.who = start.who
    this.source = start.source
    this.of = start.of
    this.why = start.why
    this.answeredBy = start.answeredBy
    this.startedAt = start.startedAt
    this.hello = start.hello
    this.#store = store
  }

  asked(head: KeptHead<KeptRequest>, headBytes: number): void {
    if (this.forgotten) return
    this.request = { ...head, trailers: [], body: NO_BODY }
    this.#grew(headBytes + head.headers.length * FIELD_BYTES)
  }

  answered(head: KeptHead<KeptResponse>, headBytes: number): void {
    if (this.forgotten) return
    this.response = { ...head, trailers: [], body: NO_BODY }
    this.#responseBody = undefined
    this.#grew(headBytes + head.headers.length * FIELD_BYTES)
  }

  requestBody(bytes: Buffer): void {
    if (this.request === undefined || this.forgotten) return
    if (this.#requestBody === undefined) {
      this.#requestBody = new BodyKeeper(this.#store.limits.bodyBytes, this.#store.slab)
      this.request = withBody(this.request, this.#requestBody)
    }
    this.#grew(this.#requestBody.push(bytes))
  }

  responseBody(bytes: Buffer): void {
    if (this.response === undefined || this.forgotten) return
    if (this.#responseBody === undefined) {
      this.#responseBody = new BodyKeeper(this.#store.limits.bodyBytes, this.#store.slab)
      this.response = withBody(this.response, this.#responseBody)
    }
    this.#grew(this.#responseBody.push(bytes))
  }

  /** Only the beginning of the answer came: `rest` more bytes of its body, where that is known. */
  responseCut(rest = 0): void {
    if (this.#responseBody === undefined) return
    this.#responseBody.size += rest
    this.#responseBody.cut = true
    this.touched()
  }

  trailers(of: 'request' | 'response', trailers: KeptRequest['trailers'], bytes: number): void {
    if (this.forgotten) return
    if (of === 'request' && this.request !== undefined) this.request = { ...this.request, trailers }
    if (of === 'response' && this.response !== undefined) this.response = { ...this.response, trailers }
    this.#grew(bytes + trailers.length * FIELD_BYTES)
  }

  raw(direction: 'in' | 'out', bytes: Buffer): void {
    if (this.forgotten) return
    const { slab } = this.#store
    this.preview ??= { in: new BodyKeeper(PREVIEW_BYTES, slab), out: new BodyKeeper(PREVIEW_BYTES, slab) }
    this.#grew(this.preview[direction].push(bytes))
  }

  said(message: KeptMessage): void {
    this.messageCount[message.direction] += 1
    if (this.forgotten) return
    this.messages.push({ ...message, bytes: this.#store.slab.copy(message.bytes) })
    let grown = message.bytes.length + MESSAGE_BYTES
    if (this.messages.length > this.#store.limits.messages) grown -= (this.messages.shift()?.bytes.length ?? 0) + MESSAGE_BYTES
    this.#grew(grown)
  }

  ended(end: NonNullable<KeptExchange['end']>, totalMs: number): void {
    this.end = end
    this.timings.totalMs = totalMs
    this.touched()
  }

  touched(): void {
    this.#grew(0)
  }

  /** Out of the store. While it goes on, its connection still holds it: without the bytes, which nobody counts any more. */
  forget(): void {
    this.forgotten = true
    if (this.end !== undefined) return
    this.#requestBody?.release()
    this.#responseBody?.release()
    this.messages.length = 0
    this.request = undefined
    this.response = undefined
    this.preview = undefined
  }

  #grew(bytes: number): void {
    this.version += 1
    this.#store.add(this, bytes)
  }
}

const withBody = <T extends { body: KeptBody }>(message: T, body: KeptBody): T => ({ ...message, body })
