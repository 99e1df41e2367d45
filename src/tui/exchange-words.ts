/** Words and colours of one exchange, the same in the list and in the detail. */
import { formatBytes, formatMs, printable } from '../base/format.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { abortWords, whyRemark } from '../event/state-words.ts'
import type { Tone } from './line.ts'

export const methodOf = ({ protocol, request }: KeptExchange): string =>
  protocol === 'websocket' ? 'WS' : request === undefined ? printable(protocol.toUpperCase(), 12) : printable(request.method, 12)

/** The path, or what else is known of where it wanted to go. */
export function whereOf({ request, hello, source }: KeptExchange): string {
  if (request !== undefined) return printable(request.path, 2_000)
  return hello?.serverName === undefined ? `from ${printable(source)}` : `${printable(hello.serverName)} (TLS)`
}

/** What stands beside the path: messages, why it was returned, what it repeats. */
export function remarkOf(exchange: KeptExchange): string {
  const { protocol, messageCount, of, equal, end, unparsed } = exchange
  if (end?.kind === 'aborted') return abortWords(end)
  if (of !== undefined) return `${equal === undefined ? '' : equal ? '= ' : '≠ '}of #${of}`
  if (protocol === 'websocket') return `⇅ ${messageCount.in}/${messageCount.out}`
  if (protocol === 'sse') return 'SSE'
  return whyRemark(exchange) || (unparsed ? 'unparsed' : '')
}

export function statusOf({ response, end }: KeptExchange): { text: string; tone: Tone } {
  const status = response?.status
  if (status === undefined) return { text: end === undefined ? '…' : '–', tone: end?.kind === 'aborted' ? 'red' : 'gray' }
  if (end?.kind === 'aborted' || status >= 500) return { text: String(status), tone: 'red' }
  return { text: String(status), tone: status >= 400 ? 'yellow' : 'green' }
}

/** Of the answer; while it goes on with `⋯`. */
export function sizeOf({ end, bytesOut, response, messageCount }: KeptExchange): string {
  if (end !== undefined) return formatBytes(bytesOut)
  const messages = messageCount.in + messageCount.out
  if (messages > 0) return `⋯ ${messages} msg`
  return response === undefined ? '' : `⋯ ${formatBytes(response.body.size)}`
}

export function tookOf({ timings, startedAt, end }: KeptExchange, now: number): string {
  return formatMs(end === undefined ? Math.max(0, now - startedAt) : (timings.totalMs ?? 0))
}

/** `203.0.113.9` of `203.0.113.9:41234`. */
export const addressOf = (source: string): string => printable(source.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'), 60)
