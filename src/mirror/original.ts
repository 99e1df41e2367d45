/** A copy that a server of ours sent: told and remembered as the exchange that it was, in the cluster, and what of it can be sent again. */
import type { Clock } from '../base/clock.ts'
import { Exchange, type EmitExchange } from '../capture/exchange.ts'
import { requestSink, responseSink } from '../capture/body-sinks.ts'
import type { ExchangeStore } from '../capture/exchange-store.ts'
import type { KeptExchange } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import { BodyFramer } from '../http/framer.ts'
import { requestFraming, responseFraming } from '../http/framing.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseRequestHead, parseResponseHead } from '../http/head.ts'
import type { ReplayRequest } from '../replay/replayable.ts'
import { type Copy, COPY_REQUEST_LIMIT, COPY_RESPONSE_LIMIT } from '../tunnel/mirror-channel.ts'

export interface OriginalContext {
  clock: Clock
  emit: EmitExchange
  nextId: () => string
  mask: Mask
  store: ExchangeStore
  target: string
}

export interface Original {
  before: KeptExchange
  request: ReplayRequest
}

/** Undefined when the store forgot it at once. Throws ProtocolError on what is no HTTP/1 exchange. */
export function tellOriginal(copy: Copy, context: OriginalContext): Original | undefined {
  const { clock } = context
  const asked = split(copy.request, COPY_REQUEST_LIMIT)
  const answered = split(copy.response, COPY_RESPONSE_LIMIT)
  const head = parseRequestHead(asked.raw)
  const answer = parseResponseHead(answered.raw)
  const framing = responseFraming(answer, head.method)
  const start = { kind: 'request', protocol: `http/${head.version}`, startedAt: clock.now() - copy.ms } as const
  const who = copy.agent === true ? ({ who: 'other', answeredBy: copy.by } as const) : ({ who: 'cluster' } as const)
  const exchange = new Exchange({ ...context, ...who, source: copy.source }, start, head)
  const body: Buffer[] = []
  const sink = requestSink(exchange)
  new BodyFramer(requestFraming(head), {
    payload(bytes) {
      body.push(bytes)
      sink?.payload(bytes)
    },
    trailers: raw => sink?.trailers(raw)
  }).push(asked.rest)
  exchange.bytesIn = copy.request.length
  exchange.response(answer, clock.now())
  const answerFramer = new BodyFramer(framing, responseSink(exchange, answer))
  answerFramer.push(answered.rest)
  exchange.bytesOut = copy.whole ?? copy.response.length
  const { kept } = exchange
  if (copy.whole !== undefined)
    kept?.responseCut(answerFramer.untilClose ? copy.whole - copy.response.length : (answerFramer.remaining ?? 0))
  exchange.complete()
  const request = kept?.request
  if (kept === undefined || request === undefined) return undefined
  return {
    before: kept,
    request: { method: head.method, target: head.target, headers: request.headers, trailers: request.trailers, body: Buffer.concat(body) }
  }
}

/** The head, and what follows it. */
function split(bytes: Buffer, limit: number): { raw: Buffer; rest: Buffer } {
  const read = new HeadReader(limit).push(bytes)
  return read ?? { raw: bytes, rest: bytes.subarray(bytes.length) }
}
