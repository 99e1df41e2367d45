/**
 * One request through one tunnel stream. The head is forwarded, then both bodies flow at the same time; the stream is closed once the response is
 * complete (gost has no half-close: earlier would lose it). A visitor that leaves closes it at once, so that the app hears of it.
 */
import { ProtocolError } from '../base/errors.ts'
import type { LazyTimer } from '../base/lazy-timer.ts'
import { HeadReader } from '../http/head-reader.ts'
import { hasToken } from '../http/header.ts'
import type { StreamOwner } from '../smux/types.ts'
import { resetConnection } from '../transport/reset.ts'
import { writeBounded } from './byte-writer.ts'
import type { ServerContext, Visitor } from './context.ts'
import type { Failure, Outcome } from './http-outcome.ts'
import { joinVisitor } from './join.ts'
import type { Asked } from './personal.ts'
import type { TunnelStream } from './registry.ts'
import type { RequestBody } from './request-body.ts'
import { sendBody } from './send-body.ts'
import type { PlannedRequest } from './request-plan.ts'
import { type PlannedResponse, planResponse } from './response-plan.ts'
import { type ResponseSource, ResponseWriter } from './response-writer.ts'
import type { Tap } from './tap.ts'

export interface AttemptOptions {
  visitor: Visitor
  request: PlannedRequest
  body: RequestBody
  stream: TunnelStream
  context: ServerContext
  /** Runs while no byte of an answer comes. */
  timer: LazyTimer
  asked: () => Asked
  /** Somebody else could take the request while this connector does not answer. */
  hasOther: () => boolean
}

export class Attempt implements StreamOwner, ResponseSource {
  readonly #options: AttemptOptions
  readonly #heads: HeadReader
  #settle: ((outcome: Outcome) => void) | undefined
  #tap: Tap | undefined
  readonly #startedAt: number
  #progressAt: number
  #failure: Failure | undefined
  #interim = 0
  /** The head of the answer is out, and this follows it. */
  #response: ResponseWriter | undefined
  /** A byte of an answer has come. */
  #answered = false
  /** Another attempt may be under way. */
  #over = false

  constructor(options: AttemptOptions) {
    const { context } = options
    this.#options = options
    this.#heads = new HeadReader(context.limits.responseHeadBytes)
    this.#startedAt = context.clock.now()
    this.#progressAt = this.#startedAt
  }

  run(): Promise<Outcome> {
    return new Promise(settle => {
      this.#settle = settle
      this.#start()
    })
  }

  onReadable(): void {
    const { bare } = this.#options.stream
    try {
      while (!this.#over && this.#response?.full !== true) {
        const chunk = bare.take()
        if (chunk !== undefined) this.#receive(chunk)
        else if (bare.finished) this.#ended(true)
        else return
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#broken(error)
    }
  }

  onClose(): void {
    if (!this.#over) this.#ended(false)
  }

  onRoom(): void {
    this.onReadable()
  }

  #start(): void {
    const { visitor, request, body, stream, context, asked, hasOther } = this.#options
    stream.bare.attach(this)
    stream.onUnanswered(() => {
      if (request.repeatable && body.kept !== undefined && !this.#answered && hasOther()) this.#fail({ why: 'unanswered' })
    })
    this.#watchAnswer(context.limits.firstByteTimeoutMs)
    // The stream ends with the answer. A connector of ours may use the app's connection again; a stock one would wait for its end.
    const head = request.forward(stream.connector.peer === 'ours')
    if (!request.upgrade)
      this.#tap = context.tap({ connector: stream.connector, source: visitor.source, startedAt: this.#startedAt, head, asked })
    stream.bare.write(head)
    visitor.reader.onLeave = this.#checkVisitor
    if (body.done && (body.kept === undefined || body.kept.length === 0)) this.#checkVisitor()
    else void this.#upload()
  }

  #finish(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    const { visitor, stream, timer } = this.#options
    this.#tap?.end(false)
    timer.clear()
    visitor.reader.onLeave = undefined
    stream.bare.destroy()
    this.#settle?.(outcome)
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure
    this.#options.stream.bare.destroy()
  }

  readonly #checkVisitor = (): void => {
    const { request, body } = this.#options
    if (body.isAbandoned(request)) this.#fail({ why: 'visitor-left' })
  }

  async #upload(): Promise<void> {
    const { visitor, body, stream, context } = this.#options
    const end = await sendBody(body, {
      reader: visitor.reader,
      stream: stream.bare,
      tap: this.#tap,
      over: () => this.#over,
      moved: () => (this.#progressAt = context.clock.now())
    })
    if (end === 'sent') this.#checkVisitor()
    else if (end !== 'over') this.#fail(end)
  }

  /** The time starts when the request is sent; a body that still moves extends it, as in Go's transport. */
  #watchAnswer(ms: number): void {
    const { context, timer } = this.#options
    timer.set(ms, () => {
      const restMs = this.#progressAt + context.limits.firstByteTimeoutMs - context.clock.now()
      if (restMs <= 0) this.#fail({ why: 'no-answer' })
      else this.#watchAnswer(restMs)
    })
  }

  #receive(chunk: Buffer): void {
    if (this.#response !== undefined) {
      this.#response.push(chunk)
      this.#checkEnd()
      return
    }
    if (!this.#answered) {
      this.#answered = true
      this.#options.body.release()
    }
    for (let bytes = chunk; bytes.length > 0; ) {
      const read = this.#heads.push(bytes)
      if (read === undefined) return
      if (this.#head(read.raw, read.rest)) return
      bytes = read.rest
    }
  }

  /** True when the head was the last one: `rest` is then taken care of. */
  #head(raw: Buffer, rest: Buffer): boolean {
    const { visitor, request, body, stream, context } = this.#options
    const response = planResponse(raw, request, body.done && !context.draining())
    if (response.framing.kind === 'tunnel' || response.status >= 200)
      stream.connector.tally?.answered(response.status, context.clock.now() - this.#startedAt)
    if (response.framing.kind === 'tunnel') {
      this.#switchProtocols(response, rest)
      return true
    }
    if (response.status >= 200) {
      this.#tap?.responseHead(raw)
      this.#forward(response, rest)
      return true
    }
    this.#progressAt = context.clock.now()
    // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
    if (request.head.version === '1.1') void writeBounded(visitor.connection, response.forward)
    this.#interim += 1
    if (this.#interim > context.limits.interimResponses) throw new ProtocolError('HTTP_INTERIM', 'too many interim responses')
    return false
  }

  #forward(plan: PlannedResponse, rest: Buffer): void {
    const { visitor, stream, timer } = this.#options
    timer.clear()
    this.#response = new ResponseWriter(this, plan, visitor.connection)
    this.#response.tap = this.#tap
    this.#response.begin(rest, stream.bare)
    this.#checkEnd()
  }

  #checkEnd(): void {
    if (this.#over || this.#response?.done !== true) return
    this.#complete(this.#response.plan)
  }

  #complete(plan: PlannedResponse): void {
    this.#tap?.end(this.#options.body.done)
    this.#finish({ ending: plan.keepAlive ? 'keep' : 'close' })
  }

  /** Nothing more comes; `whole`: because the connector said so. */
  #ended(whole: boolean): void {
    const { stream } = this.#options
    if (this.#response !== undefined) {
      if (whole && this.#response.plan.framing.kind === 'close') this.#complete(this.#response.plan)
      else this.cutShort()
      return
    }
    const silent = this.#heads.length === 0 && this.#interim === 0
    this.#finish({ failure: this.#failure ?? { why: 'app-closed', silent, declined: stream.declined } })
  }

  cutShort(): void {
    const { visitor, context } = this.#options
    if (this.#over) return
    if (this.#failure?.why === 'visitor-left' || visitor.reader.gone) context.counters.aborted += 1
    resetConnection(visitor.connection, new Error('the response was cut short'))
    this.#finish({ ending: 'gone' })
  }

  #broken(error: ProtocolError): void {
    const { log } = this.#options.context
    if (this.#response === undefined) {
      log.info('answer of the app not passed on', { error, code: error.code })
      this.#finish({ failure: { why: 'bad-response' } })
    } else {
      // The head is out: only a cut connection can still say that the body is broken.
      log.info('body of the app not passed on', { error, code: error.code })
      this.cutShort()
    }
  }

  #switchProtocols(response: PlannedResponse, early: Buffer): void {
    const { visitor, request, stream, context, timer } = this.#options
    this.#over = true
    timer.clear()
    visitor.reader.onLeave = undefined
    visitor.connection.write(response.forward)
    const endIsLeaving = hasToken(request.head, 'upgrade', 'websocket')
    void joinVisitor(visitor, stream, { context, early, endIsLeaving }).then(() => {
      stream.bare.destroy()
      this.#settle?.({ ending: 'gone' })
    })
  }
}
