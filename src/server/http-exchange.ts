/**
 * One request of a visitor, to the end of its response: an attempt on one connector, and another one on the next when the first died, or does not
 * answer at all, before a byte of a response was there. That needs a method that may be repeated, or the connector's word that no app has seen
 * the request; and what has been read of the body must still be kept.
 */
import { formatEndpoint } from '../base/connection.ts'
import type { LazyTimer } from '../base/lazy-timer.ts'
import { type Answer, encodeAnswer } from './answer.ts'
import { writeBounded } from './byte-writer.ts'
import { chooseConnector } from './choice.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import { Attempt } from './http-attempt.ts'
import type { Ending, Failure } from './http-outcome.ts'
import { openOnReturn, openStream } from './open-stream.ts'
import { type Asked, askedByRequest } from './personal.ts'
import type { Connector, StreamOpen } from './registry.ts'
import { RequestBody } from './request-body.ts'
import type { PlannedRequest } from './request-plan.ts'
import { portOf, stripPort } from './routes.ts'

export interface ExchangeOptions {
  visitor: Visitor
  request: PlannedRequest
  tunnelId: string
  context: ServerContext
  timer: LazyTimer
}

export async function runExchange({ visitor, request, tunnelId, context, timer }: ExchangeOptions): Promise<Ending> {
  const open = openFor(visitor, request.host)
  const tried = new Set<Connector>()
  const asked = (): Asked => askedByRequest({ ...request.head, path: request.target, host: request.host }, formatEndpoint(visitor.source))
  const hasOther = (): boolean =>
    tried.size < context.limits.attempts &&
    chooseConnector(context.registry.connectors(tunnelId), { network: 'tcp', random: () => 0, except: tried, asked })?.condition === 'live'
  const body = new RequestBody({ reader: visitor.reader, framing: request.framing, limits: context.limits, held: context.held })
  let failure: Failure | undefined
  try {
    for (;;) {
      const stream =
        openStream(context, tunnelId, { open, tried, asked }) ??
        (await openOnReturn(context, tunnelId, { open, tried, asked, visitor, hasLeft: () => body.isAbandoned(request) }))
      if (stream === undefined) {
        if (visitor.reader.gone) failure = { why: 'visitor-left' }
        return refuse(visitor, request, { context, failure })
      }
      if (failure !== undefined) context.counters.retried += 1
      const outcome = await new Attempt({ visitor, request, body, stream, context, timer, asked, hasOther }).run()
      if ('ending' in outcome) return outcome.ending
      failure = outcome.failure
      if (body.kept === undefined || !mayRepeat(request, failure) || tried.size >= context.limits.attempts)
        return refuse(visitor, request, { context, failure })
    }
  } finally {
    body.release()
  }
}

function openFor(visitor: Visitor, host: string): StreamOpen {
  if (visitor.asked?.host !== host) {
    visitor.asked = { host, open: { source: visitor.source, destination: { host: stripPort(host), port: portOf(host, 80) } } }
  }
  return visitor.asked.open
}

function mayRepeat(request: PlannedRequest, failure: Failure): boolean {
  if (failure.why === 'unanswered') return request.repeatable
  return failure.why === 'app-closed' && failure.silent && (request.repeatable || failure.declined)
}

/** The answer to a request that no app answered. */
export function refuse(visitor: Visitor, request: PlannedRequest, rest: { context: ServerContext; failure?: Failure | undefined }): Ending {
  const { context, failure } = rest
  if (failure?.why === 'visitor-left') {
    context.counters.aborted += 1
    visitor.connection.destroy()
    return 'gone'
  }
  return answer(
    visitor,
    { ...describeFailure(failure), keepAlive: keepsAfterRefusal(request, context), bodiless: request.head.method === 'HEAD' },
    context
  )
}

function describeFailure(failure: Failure | undefined): Pick<Answer, 'status' | 'why' | 'detail'> {
  if (failure === undefined) return { status: 503, why: 'no-connector' }
  if (failure.why === 'bad-upload') return { status: 400, why: 'bad-request', detail: failure.detail }
  if (failure.why === 'bad-response' || failure.why === 'app-closed') return { status: 503, why: failure.why }
  return { status: 503, why: 'no-answer' }
}

/** A body that was not read would be taken for the next request. */
export const keepsAfterRefusal = (request: PlannedRequest, context: ServerContext): boolean =>
  request.keepAlive && request.framing.kind === 'none' && !context.draining()

export function answer(visitor: Visitor, given: Answer, context: ServerContext): Ending {
  countRefusal(context, given.why)
  const room = writeBounded(visitor.connection, encodeAnswer(given))
  if (room === false) return 'gone'
  return given.keepAlive ? 'keep' : 'close'
}
