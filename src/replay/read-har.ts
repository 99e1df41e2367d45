/** HAR files, ours and those of browsers and proxies: Chrome, Firefox, mitmproxy. What only HTTP/2 has is left out: it is sent as HTTP/1.1. */
import { InterceptError } from '../base/errors.ts'
import type { KeptBody, KeptRequest, KeptResponse } from '../capture/kept.ts'
import type { Header } from '../event/types.ts'
import { type Fields, fields, whoOf } from './fields.ts'
import { notOne } from './not-a-recording.ts'
import type { Recorded, RecordedExchange } from './recorded.ts'

export function readHar(content: string, name: string): Recorded {
  const document = fields(parse(content, name))
  const log = fields(document['log'])
  const entries = log['entries']
  if (!Array.isArray(entries)) throw notOne(name, 'it has no log.entries')
  const exchanges = entries.map((entry, index) => exchangeOf(fields(entry), { name, index }))
  const told = entries.map(entry => [text(fields(entry)['_target']), text(fields(entry)['_local'])] as const)
  return { exchanges, locals: new Map(told.filter(([, local]) => local !== '')) }
}

function parse(text: string, name: string): unknown {
  const whole = text.replace(/^\ufeff/, '')
  // Ours have an entry a line: of one that was cut off by a kill, the whole lines.
  const lines = whole.slice(0, whole.lastIndexOf('\n')).replace(/,\s*$/, '')
  for (const candidate of !whole.includes('\n') ? [whole] : [whole, `${whole}]}}`, `${lines}]}}`]) {
    try {
      return JSON.parse(candidate)
    } catch {
      // The next one, or the error below.
    }
  }
  throw notOne(name, 'it is no whole JSON document')
}

interface Place {
  name: string
  /** From 0. */
  index: number
}

function exchangeOf(entry: Fields, place: Place): RecordedExchange {
  const request = fields(entry['request'])
  const isWebSocket = Array.isArray(entry['_webSocketMessages']) || fields(entry['response'])['status'] === 101
  const comment = text(entry['comment'])
  return {
    id: text(entry['_id']) || String(place.index + 1),
    protocol: isWebSocket ? 'websocket' : 'http/1.1',
    who: whoOf(entry['_who']),
    source: '',
    target: text(entry['_target']) || undefined,
    request: requestOf(request, comment, place),
    response: responseOf(fields(entry['response']), comment),
    unparsed: /could not be followed/.test(comment)
  }
}

/** Undefined for what browsers have beside HTTP: `data:`, `blob:`, extensions. */
function requestOf(request: Fields, comment: string, place: Place): KeptRequest | undefined {
  const method = request['method']
  const url = request['url']
  if (typeof method !== 'string' || typeof url !== 'string' || !/^[a-z][a-z\d+.-]*:/i.test(url)) {
    throw new InterceptError('BAD_USAGE', `entry ${place.index + 1} of ${place.name} has no method or no URL`, {
      hint: 'is it a whole HAR file?'
    })
  }
  // Not by URL: it would tidy a path (`/a/../b`, `/%7E`) that shall be sent as it was.
  const [, authority, rest] = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(url) ?? []
  if (authority === undefined) return undefined
  const target = /^[?]|^$/.test(rest ?? '') ? `/${rest ?? ''}` : (rest ?? '')
  const headers = headersOf(request['headers'])
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? authority.replace(/^.*@/, '')
  const withHost: Header[] = headers.some(([name]) => name.toLowerCase() === 'host') ? headers : [['Host', host], ...headers]
  return {
    method,
    target,
    host,
    path: target,
    version: '1.1',
    headers: withHost,
    trailers: [],
    body: requestBody(fields(request['postData']), comment)
  }
}

/** `params` where the text is missing, as some tools write forms. */
function requestBody(postData: Fields, comment: string): KeptBody {
  const { text: given, params, encoding } = postData
  const form = Array.isArray(params)
    ? new URLSearchParams(params.map((param): [string, string] => [text(fields(param)['name']), text(fields(param)['value'])])).toString()
    : ''
  const isBase64 = encoding === 'base64' || postData['comment'] === 'base64'
  const bytes = typeof given === 'string' && given !== '' ? Buffer.from(given, isBase64 ? 'base64' : 'utf8') : Buffer.from(form)
  return { bytes, size: bytes.length, truncated: /bytes of the request body were kept/.test(comment) }
}

/** Undefined where nothing answered (browsers write status 0). */
function responseOf(response: Fields, comment: string): KeptResponse | undefined {
  const status = response['status']
  if (typeof status !== 'number' || status < 100) return undefined
  const content = fields(response['content'])
  const bytes = Buffer.from(text(content['text']), content['encoding'] === 'base64' ? 'base64' : 'utf8')
  // Browsers forget large bodies, and we keep only the beginning: the size tells.
  const size = typeof content['size'] === 'number' ? Math.max(content['size'], bytes.length) : bytes.length
  // The text of a HAR is unpacked: what packed it is no longer true of it.
  const headers = headersOf(response['headers']).filter(([name]) => name.toLowerCase() !== 'content-encoding')
  const truncated = /bytes of the response body were kept/.test(comment) || size > bytes.length
  return { status, reason: text(response['statusText']), version: '1.1', headers, trailers: [], body: { bytes, size, truncated } }
}

/** HTTP/2's pseudo headers begin with a colon. */
const headersOf = (value: unknown): Header[] =>
  (Array.isArray(value) ? value : [])
    .map(header => [text(fields(header)['name']), text(fields(header)['value'])] as const)
    .filter(([name]) => name !== '' && !name.startsWith(':'))

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
