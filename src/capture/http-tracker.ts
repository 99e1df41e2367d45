/**
 * Follows HTTP/1.1 on one stream: requests one way, responses the other way, matched in order (RFC 9112 §9.3.2). Keeps heads only, and no
 * more of them than limits allow. When it cannot follow any more it says so, and from then on only counts.
 */
import { ProtocolError } from '../base/errors.ts'
import { BodyFramer } from '../http/framer.ts'
import { keepsAlive, requestFraming, responseFraming } from '../http/framing.ts'
import { HeadReader } from '../http/head-reader.ts'
import { header } from '../http/header.ts'
import { parseRequestHead, parseResponseHead } from '../http/head.ts'
import type { ResponseHead } from '../http/message.ts'
import { requestSink, responseSink } from './body-sinks.ts'
import { type AbortedBy, Exchange, type ExchangeContext } from './exchange.ts'
import { type Upgraded, upgraded } from './upgraded.ts'

/** Requests sent ahead without waiting for their answers; nobody sane comes near it. */
const PIPELINE_LIMIT = 64
const PREFACE = 'PRI * HTTP/2.0\r\n'

export interface Cut {
  by: AbortedBy
  code: string
}

export class HttpTracker {
  readonly #context: ExchangeContext
  readonly #requestReader = new HeadReader()
  readonly #responseReader = new HeadReader()
  #requestFramer: BodyFramer | undefined
  #responseFramer: BodyFramer | undefined
  /** Whose request body is on its way. */
  #sending: Exchange | undefined
  /** Waiting for their answers, or the rest of them. */
  readonly #waiting: Exchange[] = []
  /** Takes all bytes from now on: after 101, or when we cannot follow any more. */
  #counting: Exchange | undefined
  /** Follows what comes after a 101. */
  #upgraded: Upgraded | undefined
  /** When the next request began; undefined until its first byte. */
  #headAt: number | undefined
  #answerAt = 0
  /** Bytes of the head at hand that came in earlier chunks, for the count when it cannot be read. */
  #headBytesIn = 0
  #headBytesOut = 0
  #connectMs: number | undefined
  #isPreface = false
  /** Nobody has said that the connection ends, or is bound to one visitor. */
  #keepsAlive = true

  /** `startedAt`: when the first byte came (`Clock.now()`), or earlier when opening the stream shall count. */
  constructor(context: ExchangeContext, { startedAt, connectMs }: { startedAt: number; connectMs?: number | undefined }) {
    this.#context = context
    this.#headAt = startedAt
    this.#connectMs = connectMs
  }

  /** Everything is answered, and both sides want to go on with this connection. */
  get keepsApp(): boolean {
    return this.#keepsAlive && this.allAnswered && this.#responseReader.length === 0
  }

  /** Every request that came is answered, and no other has begun. */
  get allAnswered(): boolean {
    return this.#waiting.length === 0 && this.#sending === undefined && this.#counting === undefined && this.#requestReader.length === 0
  }

  request(bytes: Buffer): void {
    let rest = bytes
    try {
      while (rest.length > 0 && this.#counting === undefined) rest = this.#requestPart(rest)
    } catch (error) {
      this.#giveUp(error, { bytesIn: this.#headBytesIn, bytesOut: this.#responseReader.length })
    }
    if (this.#counting !== undefined) this.#uncertain('in', rest)
  }

  response(bytes: Buffer): void {
    let rest = bytes
    try {
      while (rest.length > 0 && this.#counting === undefined) rest = this.#responsePart(rest)
    } catch (error) {
      this.#giveUp(error, { bytesIn: this.#requestReader.length, bytesOut: this.#headBytesOut })
    }
    if (this.#counting !== undefined) this.#uncertain('out', rest)
  }

  /** Not HTTP/1, or not any more. */
  #uncertain(direction: 'in' | 'out', bytes: Buffer): void {
    this.#counting?.passed(direction, bytes)
    this.#upgraded?.passed(direction, bytes)
  }

  /** The app has sent all it will: the end of an answer without a length. */
  localEnded(): void {
    const [exchange] = this.#waiting
    if (exchange !== undefined && this.#responseFramer?.untilClose === true) this.#responseDone(exchange)
  }

  /** The stream is over. `cut`: it broke; else whoever ended first is why an answer is missing. */
  finish(cut: Cut | undefined, endedFirst: 'visitor' | 'local'): void {
    const [first] = this.#waiting
    if (first !== undefined) first.bytesOut += this.#responseReader.length
    else if (/[^\r\n]/.test(this.#requestReader.taken().toString('latin1'))) {
      const half = this.#connection('tcp')
      half.bytesIn = this.#requestReader.length
      half.abort(cut?.by ?? 'visitor', cut?.code ?? 'LEFT')
    }
    if (this.#counting !== undefined) endOf(this.#counting, cut)
    for (const exchange of this.#waiting) {
      if (cut !== undefined || exchange.unparsed) endOf(exchange, cut)
      else if (endedFirst === 'local') exchange.abort('local', exchange.status === undefined ? 'NO_RESPONSE' : 'TRUNCATED')
      else exchange.abort('visitor', 'LEFT')
    }
    if (this.#sending?.responseDone === true) this.#sending.complete() // the app answered early and did not want the rest
  }

  #requestPart(bytes: Buffer): Buffer {
    const framer = this.#requestFramer
    const exchange = this.#sending
    if (framer === undefined || exchange === undefined) return this.#requestHead(bytes)
    const { consumed, done, rest } = framer.push(bytes)
    exchange.bytesIn += consumed
    if (done) this.#requestDone(exchange)
    return rest
  }

  #requestHead(bytes: Buffer): Buffer {
    const reader = this.#requestReader
    this.#headAt ??= this.#context.clock.now()
    this.#headBytesIn = reader.length
    const found = reader.push(bytes)
    if (found === undefined) return bytes.subarray(bytes.length)
    this.#isPreface = found.raw.toString('latin1', 0, PREFACE.length) === PREFACE
    const head = parseRequestHead(found.raw)
    if (this.#waiting.length >= PIPELINE_LIMIT) throw new ProtocolError('HTTP_PIPELINE', `more than ${PIPELINE_LIMIT} requests sent ahead`)
    this.#headBytesIn = 0
    const kind = this.#context.of === undefined ? 'request' : this.#context.who === 'mirror' ? 'mirror' : 'replay'
    const start = { kind, protocol: `http/${head.version}`, startedAt: this.#headAt, connectMs: this.#connectMs } as const
    if (!keepsAlive(head)) this.#keepsAlive = false
    const exchange = new Exchange(this.#context, start, head)
    this.#headAt = undefined
    this.#connectMs = undefined
    exchange.bytesIn = found.raw.length
    this.#sending = exchange
    this.#waiting.push(exchange)
    try {
      this.#requestFramer = new BodyFramer(requestFraming(head), requestSink(exchange))
    } catch (error) {
      this.#giveUp(error, { bytesIn: 0, bytesOut: this.#responseReader.length })
    }
    if (this.#requestFramer?.done === true) this.#requestDone(exchange)
    return found.rest
  }

  #requestDone(exchange: Exchange): void {
    this.#requestFramer = undefined
    this.#sending = undefined
    exchange.requestDone = true
    if (exchange.responseDone) exchange.complete()
  }

  #responsePart(bytes: Buffer): Buffer {
    const [exchange] = this.#waiting
    if (exchange === undefined) throw new ProtocolError('HTTP_UNASKED', 'an answer without a request')
    const framer = this.#responseFramer
    if (framer === undefined) return this.#responseHead(exchange, bytes)
    const { consumed, done, rest } = framer.push(bytes)
    exchange.bytesOut += consumed
    if (done) this.#responseDone(exchange)
    return rest
  }

  #responseHead(exchange: Exchange, bytes: Buffer): Buffer {
    if (this.#responseReader.length === 0) this.#answerAt = this.#context.clock.now()
    this.#headBytesOut = this.#responseReader.length
    const found = this.#responseReader.push(bytes)
    if (found === undefined) return bytes.subarray(bytes.length)
    const head = parseResponseHead(found.raw)
    this.#headBytesOut = 0
    exchange.bytesOut += found.raw.length
    if (head.status < 200 && head.status !== 101) return found.rest // 100, 103: the answer itself comes later
    if (!keepsAlive(head) || bindsConnection(head)) this.#keepsAlive = false
    exchange.response(head, this.#answerAt)
    try {
      const framing = responseFraming(head, exchange.method)
      if (framing.kind === 'tunnel') {
        this.#counting = exchange
        this.#upgraded = upgraded(exchange, head)
      } else this.#responseFramer = new BodyFramer(framing, responseSink(exchange, head))
    } catch (error) {
      this.#giveUp(error, { bytesIn: this.#requestReader.length, bytesOut: 0 })
    }
    if (this.#responseFramer?.done === true) this.#responseDone(exchange)
    return found.rest
  }

  #responseDone(exchange: Exchange): void {
    this.#responseFramer = undefined
    this.#waiting.shift()
    exchange.responseDone = true
    if (exchange.requestDone) exchange.complete()
  }

  /** From now on bytes are only counted, for the exchange that was going on or for one about the whole connection. */
  #giveUp(error: unknown, unread: { bytesIn: number; bytesOut: number }): void {
    if (!(error instanceof ProtocolError)) throw error
    const counting = this.#waiting[0] ?? this.#sending ?? this.#connection(this.#isPreface ? 'h2' : 'tcp')
    counting.unparsed = !this.#isPreface
    for (const exchange of this.#waiting) exchange.unparsed = true
    counting.bytesIn += unread.bytesIn
    counting.bytesOut += unread.bytesOut
    if (counting.method === '') counting.kept?.raw('in', this.#requestReader.taken())
    this.#requestReader.reset()
    this.#responseReader.reset()
    this.#counting = counting
  }

  #connection(protocol: string): Exchange {
    const startedAt = this.#headAt ?? this.#context.clock.now()
    return new Exchange(this.#context, { kind: 'connection', protocol, startedAt, connectMs: this.#connectMs })
  }
}

/** A login of this kind counts for all that follows on the connection, whoever sends it; or the app is about to close it. */
const bindsConnection = (head: ResponseHead): boolean =>
  (head.status === 401 && /\b(?:ntlm|negotiate)\b/i.test(header(head, 'www-authenticate') ?? '')) ||
  /\btimeout=[01]\b/.test(header(head, 'keep-alive') ?? '')

function endOf(exchange: Exchange, cut: Cut | undefined): void {
  if (cut === undefined) exchange.complete()
  else exchange.abort(cut.by, cut.code)
}
