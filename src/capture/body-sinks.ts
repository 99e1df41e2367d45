/** Where the content of bodies goes while it passes: into what is remembered of the exchange, and to the reader of server-sent events. */
import type { BodySink } from '../http/framer.ts'
import { header } from '../http/header.ts'
import type { ResponseHead } from '../http/message.ts'
import type { Header } from '../event/types.ts'
import type { Exchange } from './exchange.ts'
import { SseReader } from './sse-reader.ts'

/** Undefined when nobody wants to see the content. */
export function requestSink({ kept }: Exchange): BodySink | undefined {
  if (kept === undefined) return undefined
  return {
    payload: bytes => kept.requestBody(bytes),
    trailers: raw => kept.trailers('request', parseTrailers(raw), raw.length)
  }
}

export function responseSink(exchange: Exchange, head: ResponseHead): BodySink | undefined {
  const { kept } = exchange
  const events = isEventStream(head)
    ? new SseReader(event => exchange.said({ kind: 'sse', direction: 'out', compressed: false, ...event }))
    : undefined
  if (events !== undefined) exchange.becomes('sse')
  if (kept === undefined && events === undefined) return undefined
  return {
    payload(bytes) {
      kept?.responseBody(bytes)
      events?.push(bytes)
    },
    trailers: raw => kept?.trailers('response', parseTrailers(raw), raw.length)
  }
}

const isEventStream = (head: ResponseHead): boolean =>
  /^text\/event-stream\b/i.test(header(head, 'content-type') ?? '') && /^(?:identity)?$/i.test(header(head, 'content-encoding') ?? '')

/** Well-formed already: the framer has seen to it. */
const parseTrailers = (raw: Buffer): Header[] =>
  raw
    .toString('latin1')
    .split('\r\n')
    .filter(line => line !== '')
    .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
