/** Streams being served → `exchange.*` events and the numbers of the summary. Passive: it only watches what the splice passes. */
import { observeExchanges, type ExchangeObserver } from '../capture/observe-http.ts'
import type { EmitExchange } from '../capture/exchange.ts'
import type { ExchangeStore } from '../capture/exchange-store.ts'
import type { Mask } from '../capture/mask.ts'
import { Bag, type Bagged } from '../base/bag.ts'
import type { Clock } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import { hasToken } from '../http/header.ts'
import type { RequestHead } from '../http/message.ts'
import type { Emit, EventBody, Summary, Who } from '../event/types.ts'
import type { SpliceObserver, SpliceResult } from '../transport/types.ts'
import { isPathProbe, nonceOf } from '../tunnel/probe-names.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

export interface StreamWatch extends SpliceObserver {
  /** Nobody waits for anything on this stream. */
  readonly allAnswered: boolean
  /** As far as the messages say, the app's connection is good for another request. */
  readonly keepsApp: boolean
  onBytes(direction: 'out' | 'in', chunk: Buffer): void
  onEnd(direction: 'out' | 'in'): void
  /** Called once when the stream's last exchange is complete: nobody expects more on it. */
  onLastByte(run: () => void): void
  finish(result: SpliceResult | { by: 'agent' | 'local'; code: string }): void
}

export interface Served {
  stream: TunnelStream
  who: Who
  why?: 'filter' | 'mirror' | 'thinned' | 'local-down' | 'local-paused' | undefined
  /** Whose laptop, where `who` is another one. */
  answeredBy?: string | undefined
  connectMs: number
  /** Taken from the stream already: the watch has seen them. */
  first?: Buffer | undefined
  /** The server asked for one request on this stream, in words that are not in `first`. */
  single?: boolean | undefined
}

/** What is looked at, beside the counting. */
export interface Capture {
  /** Remembers what passes, for screens and recordings. */
  store?: ExchangeStore | undefined
  /** Default: the headers that always hold secrets. */
  mask?: Mask | undefined
  /** Only count: no exchange is told or kept. */
  off?: boolean
}

/** Whoever leaves before an answer is there has cut it off himself. */
export const CUT_OFF = { by: 'agent', code: 'LEFT' } as const

export interface Exchanges {
  open(served: Served): StreamWatch
  /** One that was answered elsewhere, and told. */
  count(who: Who, body: EventBody<'exchange.completed'> | EventBody<'exchange.aborted'>): void
  /** A stream that nobody could take. */
  refused(refused: { stream: TunnelStream; by: 'local' | 'limit' | 'agent'; error: Error }): void
  /** Streams open now. */
  readonly inFlight: number
  /** Of those, the ones on which nobody waits: all is answered and sent, and only the peer's end of the stream is to come. */
  readonly answered: number
  /** Milliseconds of the last answered exchanges, at most 1,000. */
  readonly latencies: readonly number[]
  summary(): Summary
}

const KEPT_LATENCIES = 1_000

export interface ExchangesOptions {
  clock: Clock
  emit: Emit
  nextId: () => string
  /** The target's display name. */
  target?: string
  capture?: Capture | undefined
  /** An exchange is complete, and told. */
  onCompleted?: ((id: string) => void) | undefined
}

export const exchanges = (options: ExchangesOptions): Exchanges => new ServedExchanges(options)

class ServedExchanges implements Exchanges {
  readonly latencies: number[] = []
  readonly #options: ExchangesOptions
  readonly #startedAt: number
  readonly #sum = { requests: 0, errors: 0, returned: 0, other: 0, bytesIn: 0, bytesOut: 0 }
  readonly #open = new Bag<Watch>()
  #nextLatency = 0

  constructor(options: ExchangesOptions) {
    this.#options = options
    this.#startedAt = options.clock.now()
  }

  get inFlight(): number {
    return this.#open.size
  }

  get answered(): number {
    return this.#open.values().filter(watch => watch.allAnswered && watch.stream.bare.unsentBytes === 0).length
  }

  open(served: Served): StreamWatch {
    const watch = new Watch(served, this.#options, this)
    this.#open.add(watch)
    return watch
  }

  refused({ stream, by, error }: { stream: TunnelStream; by: 'local' | 'limit' | 'agent'; error: Error }): void {
    const { emit, nextId, clock, target, capture = {} } = this.#options
    if (isProbe(stream)) return
    const id = nextId()
    const body = { id, by, code: errnoOf(error) ?? error.name, ms: 0, bytesIn: 0, bytesOut: 0 }
    this.count('laptop', body)
    if (capture.off === true) return
    const start = { id, kind: 'connection', protocol: 'unknown', who: 'laptop', source: formatEndpoint(stream.source) } as const
    const rest = { target, of: undefined, why: undefined, hello: undefined, startedAt: clock.date().getTime() }
    capture.store?.begin({ ...start, ...rest }).ended({ kind: 'aborted', by, code: body.code }, 0)
    emit('exchange.started', start)
    emit('exchange.aborted', body)
  }

  summary(): Summary {
    const { other, ...sum } = this.#sum
    return { ...sum, ...(other > 0 && { other }), durationMs: this.#options.clock.now() - this.#startedAt }
  }

  over(watch: Watch): void {
    this.#open.delete(watch)
  }

  count(who: Who, body: EventBody<'exchange.completed'> | EventBody<'exchange.aborted'>): void {
    const sum = this.#sum
    sum.requests += 1
    if (who === 'returned') sum.returned += 1
    if (who === 'other') sum.other += 1
    sum.bytesIn += body.bytesIn
    sum.bytesOut += body.bytesOut
    if (!('timings' in body)) sum.errors += 1
    else {
      if (body.status !== undefined && body.status >= 500) sum.errors += 1
      if (body.status === 101) return // its time is the life of the connection
      this.latencies[this.#nextLatency] = body.timings.totalMs
      this.#nextLatency = (this.#nextLatency + 1) % KEPT_LATENCIES
    }
  }
}

/** Of another session of ours that looks for itself: it goes where a visitor goes, and is none. */
const isProbe = ({ destination }: TunnelStream): boolean => nonceOf(destination.host) !== undefined
const nothing = (): void => {}

class Watch implements StreamWatch, Bagged {
  place = -1
  readonly stream: TunnelStream
  readonly #who: Who
  readonly #emit: Emit
  readonly #onCompleted: ExchangesOptions['onCompleted']
  readonly #all: ServedExchanges
  readonly #observer: ExchangeObserver
  #last: (() => void) | undefined
  readonly #single: boolean
  #closes = false

  constructor({ stream, who, why, answeredBy, connectMs, first, single = false }: Served, options: ExchangesOptions, all: ServedExchanges) {
    const { clock, emit, nextId, target, capture = {} } = options
    this.stream = stream
    this.#single = single
    this.#who = who
    this.#emit = emit
    this.#onCompleted = options.onCompleted
    this.#all = all
    const source = formatEndpoint(stream.source)
    const startedAt = clock.now() - connectMs
    this.#observer = observeExchanges({
      clock,
      emit: isProbe(stream) ? nothing : capture.off === true ? this.#counted : this.#told,
      nextId,
      who,
      source,
      why,
      answeredBy,
      startedAt,
      connectMs,
      target,
      store: capture.store,
      quiet: capture.off === true || isProbe(stream),
      onHead: this.#asked,
      onHiddenEnd: this.#ended,
      ...(capture.mask === undefined ? {} : { mask: capture.mask })
    })
    if (first !== undefined) this.#observer.onBytes('out', first)
  }

  get allAnswered(): boolean {
    return this.#observer.allAnswered
  }

  get keepsApp(): boolean {
    return this.#observer.keepsApp
  }

  onBytes(direction: 'out' | 'in', chunk: Buffer): void {
    this.#observer.onBytes(direction, chunk)
  }

  onEnd(direction: 'out' | 'in'): void {
    this.#observer.onEnd(direction)
  }

  onLastByte(run: () => void): void {
    this.#last = run
  }

  finish(result: SpliceResult | { by: 'agent' | 'local'; code: string }): void {
    this.#all.over(this)
    this.#last = undefined
    this.#observer.finish(result)
  }

  readonly #asked = (head: RequestHead): 'hide' | undefined => {
    this.#closes = this.#single || hasToken(head, 'connection', 'close')
    return isPathProbe(head.method, head.target) ? 'hide' : undefined
  }

  readonly #told: EmitExchange = (type, body) => {
    this.#emit(type, body)
    this.#counted(type, body)
    if (type === 'exchange.completed') this.#onCompleted?.(body.id)
  }

  readonly #counted: EmitExchange = (type, body) => {
    if ((type !== 'exchange.completed' && type !== 'exchange.aborted') || !('bytesIn' in body)) return
    this.#all.count(this.#who, body)
    this.#ended()
  }

  readonly #ended = (): void => {
    if (this.#closes) this.#last?.()
  }
}
