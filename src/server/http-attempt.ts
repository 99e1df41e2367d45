/**
 * One request through one tunnel stream. The head is forwarded, then both bodies flow at the same time; the stream is closed once the response is
 * complete (gost has no half-close: earlier would lose it). A visitor that leaves closes it at once, so that the app hears of it.
 */
import type { Timer } from '../base/clock.ts'
import { ProtocolError } from '../base/errors.ts'
import { BodyFramer } from '../http/framer.ts'
import { HeadReader } from '../http/head-reader.ts'
import { hasToken } from '../http/header.ts'
import { resetConnection } from '../transport/reset.ts'
import { ByteReader } from './byte-reader.ts'
import { writeBounded } from './byte-writer.ts'
import type { ServerContext, Visitor } from './context.ts'
import type { Ending, Failure, Outcome } from './http-outcome.ts'
import { joinVisitor } from './join.ts'
import type { OpenedStream } from './open-stream.ts'
import type { Asked } from './personal.ts'
import type { RequestBody } from './request-body.ts'
import type { PlannedRequest } from './request-plan.ts'
import { type PlannedResponse, planResponse } from './response-plan.ts'
import type { Tap } from './tap.ts'

/** Copied behind its head; more is written as it is. */
const ONE_WRITE_BYTES = 16_384

export interface AttemptOptions {
  visitor: Visitor
  request: PlannedRequest
  body: RequestBody
  stream: OpenedStream
  context: ServerContext
  asked: () => Asked
  /** Somebody else could take the request while this connector does not answer. */
  hasOther: () => boolean
}

export class Attempt {
  readonly #options: AttemptOptions
  readonly #answer: ByteReader
  #tap: Tap | undefined
  readonly #startedAt: number
  #progressAt: number
  #timer: Timer | undefined
  #failure: Failure | undefined
  /** A byte of an answer has come. */
  #answered = false
  /** Another attempt may be under way. */
  #over = false

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#answer = new ByteReader(options.stream.connection)
    this.#startedAt = options.context.clock.now()
    this.#progressAt = this.#startedAt
  }

  async run(): Promise<Outcome> {
    const { visitor, request, body, stream, context, asked, hasOther } = this.#options
    stream.onUnanswered(() => {
      if (request.repeatable && body.kept !== undefined && !this.#answered && hasOther()) this.#fail({ why: 'unanswered' })
    })
    this.#watchAnswer()
    // The stream ends with the answer. A connector of ours may use the app's connection again; a stock one would wait for its end.
    const head = request.forward(stream.connector.peer === 'ours')
    if (!request.upgrade) this.#tap = context.tap({ connector: stream.connector, source: visitor.source, head, asked })
    stream.connection.write(head)
    visitor.reader.onLeave = () => this.#checkVisitor()
    void this.#sendBody()
    try {
      return await this.#receive()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      context.log.info('answer of the app not passed on', { error, code: error.code })
      return { failure: { why: 'bad-response' } }
    } finally {
      this.#over = true
      this.#tap?.end(false)
      this.#timer?.cancel()
      visitor.reader.onLeave = undefined
      stream.connection.destroy()
    }
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure
    this.#options.stream.connection.destroy()
  }

  /**
   * A visitor that ended its side has left, unless it said before that this is its last request (`Connection: close`, HTTP/1.0): then it may only
   * have closed what it does not need any more. Bytes behind the request are a pipelined one, and a sign of interest.
   */
  #checkVisitor(): void {
    const { visitor, request, body } = this.#options
    const { reader } = visitor
    if (reader.gone || (reader.ended && body.done && request.keepAlive && reader.available === 0)) this.#fail({ why: 'visitor-left' })
  }

  async #sendBody(): Promise<void> {
    const { visitor, body } = this.#options
    // What an attempt before this one has read already.
    for (const bytes of body.kept?.slice() ?? []) if (!(await this.#pass(bytes))) return
    while (!body.done) {
      const bytes = this.#takeBody()
      if (bytes !== undefined) {
        const room = this.#pass(bytes)
        if (room !== true && !(await room)) return
      } else if (this.#failure !== undefined) return
      else if (!(await visitor.reader.more())) {
        this.#fail({ why: 'visitor-left' })
        return
      }
      if (this.#over) return
    }
    this.#checkVisitor()
  }

  #takeBody(): Buffer | undefined {
    try {
      return this.#options.body.take()
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.#fail({ why: 'bad-upload', detail: error.message })
      return undefined
    }
  }

  #pass(bytes: Buffer): Promise<boolean> | boolean {
    const { stream, context } = this.#options
    this.#tap?.requestBody(bytes)
    this.#progressAt = context.clock.now()
    const room = writeBounded(stream.connection, bytes)
    if (typeof room === 'boolean') return room
    return room.then(there => {
      this.#progressAt = context.clock.now()
      return there
    })
  }

  /** The time starts when the request is sent; a body that still moves extends it, as in Go's transport. */
  #watchAnswer(): void {
    const { clock, limits } = this.#options.context
    const check = (): void => {
      const restMs = this.#progressAt + limits.firstByteTimeoutMs - clock.now()
      if (restMs <= 0) this.#fail({ why: 'no-answer' })
      else this.#timer = clock.after(restMs, check)
    }
    this.#timer = clock.after(limits.firstByteTimeoutMs, check)
  }

  async #receive(): Promise<Outcome> {
    const { visitor, request, body, stream, context } = this.#options
    for (let interim = 0; interim <= context.limits.interimResponses; interim += 1) {
      const heads = new HeadReader(context.limits.responseHeadBytes)
      const raw = await this.#readHead(heads)
      if (raw === undefined) {
        const silent = heads.length === 0 && interim === 0
        return { failure: this.#failure ?? { why: 'app-closed', silent, declined: stream.declined } }
      }
      const response = planResponse(raw, request, body.done && !context.draining())
      if (response.framing.kind === 'tunnel' || response.status >= 200)
        stream.connector.tally?.answered(response.status, context.clock.now() - this.#startedAt)
      if (response.framing.kind === 'tunnel') return this.#switchProtocols(response)
      if (response.status >= 200) {
        this.#tap?.responseHead(raw)
        return { ending: await this.#forward(response) }
      }
      this.#progressAt = context.clock.now()
      // HTTP/1.0 has no interim responses (RFC 9110 §15.2).
      if (request.head.version === '1.1') void writeBounded(visitor.connection, response.forward)
    }
    throw new ProtocolError('HTTP_INTERIM', 'too many interim responses')
  }

  async #readHead(heads: HeadReader): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#answer.take()
      if (chunk === undefined) {
        if (await this.#answer.more()) continue
        return undefined
      }
      this.#answered = true
      this.#options.body.release()
      const read = heads.push(chunk)
      if (read === undefined) continue
      if (read.rest.length > 0) this.#answer.putBack(read.rest)
      return read.raw
    }
  }

  async #forward(response: PlannedResponse): Promise<Ending> {
    const { visitor, context } = this.#options
    this.#timer?.cancel()
    const body = new BodyFramer(response.framing)
    let room = writeBounded(visitor.connection, this.#withBody(response.forward, body))
    try {
      while (!body.done) {
        if (room !== true && !(await room)) break
        const chunk = this.#answer.take()
        if (chunk === undefined) {
          if (await this.#answer.more()) continue
          break
        }
        room = writeBounded(visitor.connection, this.#cut(chunk, body))
      }
    } catch (error) {
      // The head is out: only a cut connection can still say that the body is broken.
      if (!(error instanceof ProtocolError)) throw error
      context.log.info('body of the app not passed on', { error, code: error.code })
    }
    if (body.done || (response.framing.kind === 'close' && this.#answer.finished)) {
      this.#tap?.end(this.#options.body.done)
      return response.keepAlive ? 'keep' : 'close'
    }
    if (this.#failure?.why === 'visitor-left' || visitor.reader.gone) context.counters.aborted += 1
    resetConnection(visitor.connection, new Error('the response was cut short'))
    return 'gone'
  }

  /** The head, and in the same bytes what has come of a small body: one write for most answers. */
  #withBody(head: Buffer, body: BodyFramer): Buffer {
    if (body.done || this.#answer.available === 0 || this.#answer.available > ONE_WRITE_BYTES) return head
    const chunk = this.#answer.take()
    return chunk === undefined ? head : Buffer.concat([head, this.#cut(chunk, body)])
  }

  /** The part of the chunk that is body. */
  #cut(chunk: Buffer, body: BodyFramer): Buffer {
    const { consumed } = body.push(chunk)
    const bytes = consumed === chunk.length ? chunk : chunk.subarray(0, consumed)
    this.#tap?.responseBody(bytes)
    return bytes
  }

  async #switchProtocols(response: PlannedResponse): Promise<Outcome> {
    const { visitor, request, stream, context } = this.#options
    this.#timer?.cancel()
    visitor.reader.onLeave = undefined
    visitor.connection.write(response.forward)
    const endIsLeaving = hasToken(request.head, 'upgrade', 'websocket')
    await joinVisitor(visitor, stream, { context, early: this.#answer.release(), endIsLeaving })
    return { ending: 'gone' }
  }
}
