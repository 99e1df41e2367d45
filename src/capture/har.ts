/**
 * Exchanges as HAR 1.2 (w3c.github.io/web-performance/specs/HAR), which browsers' developer tools, viewers and `kubectl intercept replay` open. Secret headers and
 * cookies are masked; bodies are as they were kept, and say so when that is not all of them. WebSocket messages stand where Chrome puts them.
 */
import { isUtf8 } from 'node:buffer'
import type { Har, Header as HarHeader, Cookie, Entry, PostData, QueryString } from 'har-format'
import type { Header } from '../event/types.ts'
import { header } from '../http/header.ts'
import { decodeBody } from './decode-body.ts'
import { harTimings } from './har-timings.ts'
import type { KeptBody, KeptExchange, KeptMessage, KeptRequest, KeptResponse } from './kept.ts'
import { type Mask, MASKED_VALUE } from './mask.ts'

export interface HarOptions {
  mask: Mask
  /** Of this program. */
  version?: string
  /** Where a target's local app listens, for replays. */
  localOf?: ((target: string | undefined) => string | undefined) | undefined
}

/** An entry with what viewers know beside the standard: names with `_` are private fields by it. */
export interface HarEntry extends Entry {
  _webSocketMessages?: { type: 'send' | 'receive'; time: number; opcode: number; data: string }[]
  /** Who answered: `laptop`, `returned`, `replay`. */
  _who: string
  _id: string
  _target?: string
  /** Where the local app listened, `127.0.0.1:8080`. */
  _local?: string
}

/** What is no HTTP request has no place in a HAR. */
export const fitsHar = ({ request }: KeptExchange): boolean => request !== undefined

/** A whole file; a recording writes head, entries and tail as they come. */
export function harText(exchanges: Iterable<KeptExchange>, options: HarOptions): string {
  const entries = [...exchanges].filter(fitsHar).map(exchange => `\n${JSON.stringify(harEntry(exchange, options))}`)
  return `${harHead(options)}${entries.join()}${HAR_TAIL}`
}

export function harHead({ version = '0' }: { version?: string }): string {
  const log: Har['log'] = { version: '1.2', creator: { name: 'kubectl-intercept', version }, entries: [] }
  return `{"log":${JSON.stringify(log).replace(/\]\}$/, '')}`
}

export const HAR_TAIL = '\n]}}\n'

export function harEntry(exchange: KeptExchange, { mask, localOf }: HarOptions): HarEntry {
  const { id, who, target, startedAt, request, response, messages, unparsed } = exchange
  if (request === undefined) throw new RangeError('only HTTP requests have a place in a HAR')
  const { time, timings } = harTimings(exchange)
  const local = localOf?.(target)
  const comments = [...cutWords(exchange), ...(unparsed ? ['could not be followed to its end'] : [])]
  return {
    startedDateTime: new Date(startedAt).toISOString(),
    time,
    request: harRequest(request, mask),
    response: response === undefined ? noResponse(exchange) : harResponse(response, mask),
    cache: {},
    timings,
    ...(comments.length === 0 ? {} : { comment: comments.join('; ') }),
    ...(messages.some(({ kind }) => kind === 'ws') ? { _webSocketMessages: messages.map(message => harMessage(message, startedAt)) } : {}),
    _who: who,
    _id: id,
    ...(target === undefined ? {} : { _target: target }),
    ...(local === undefined ? {} : { _local: local })
  }
}

function harRequest(request: KeptRequest, mask: Mask): Entry['request'] {
  const { method, host, path, version, body } = request
  const { headers, masked } = mask(request.headers)
  const type = header(request, 'content-type') ?? ''
  return {
    method,
    url: `http://${host === '' ? 'unknown' : host}${path.startsWith('/') ? path : `/${path}`}`,
    httpVersion: `HTTP/${version}`,
    cookies: requestCookies(request.headers, masked),
    headers: harHeaders(headers),
    queryString: queryOf(path),
    ...(body.size === 0 ? {} : { postData: postData(body, type) }),
    headersSize: -1,
    bodySize: body.size
  }
}

function harResponse(response: KeptResponse, mask: Mask): Entry['response'] {
  const { status, reason, version, body } = response
  const { headers, masked } = mask(response.headers)
  const { bytes } = decodeBody(body.bytes, header(response, 'content-encoding'), { truncated: body.truncated })
  const text = textOf(bytes)
  return {
    status,
    statusText: reason,
    httpVersion: `HTTP/${version}`,
    cookies: responseCookies(response.headers, masked),
    headers: harHeaders(headers),
    content: {
      // Unpacked: of what was not kept whole the length is known only when nothing packed it.
      size: body.truncated && header(response, 'content-encoding') === undefined ? body.size : bytes.length,
      mimeType: header(response, 'content-type') ?? 'application/octet-stream',
      ...(body.size === 0 ? {} : text === undefined ? { text: bytes.toString('base64'), encoding: 'base64' } : { text })
    },
    redirectURL: header(response, 'location') ?? '',
    headersSize: -1,
    bodySize: body.size
  }
}

/** What browsers write for a request that was not answered. */
const noResponse = ({ end }: KeptExchange): Entry['response'] => ({
  status: 0,
  statusText: '',
  httpVersion: '',
  cookies: [],
  headers: [],
  content: { size: 0, mimeType: 'x-unknown' },
  redirectURL: '',
  headersSize: -1,
  bodySize: -1,
  comment: end?.kind === 'aborted' ? `aborted by ${end.by} (${end.code})` : 'no answer'
})

const harHeaders = (headers: readonly Header[]): HarHeader[] => headers.map(([name, value]) => ({ name, value }))

const queryOf = (path: string): QueryString[] => {
  const at = path.indexOf('?')
  return at === -1 ? [] : [...new URLSearchParams(path.slice(at + 1))].map(([name, value]) => ({ name, value }))
}

/** `params` and `text` exclude each other; the text alone is exact. HAR has no place for bytes: they go in as base64, and say so. */
function postData(body: KeptBody, mimeType: string): PostData {
  const text = textOf(body.bytes)
  if (text !== undefined) return { mimeType, text }
  return { mimeType, text: body.bytes.toString('base64'), comment: 'base64' }
}

const textOf = (bytes: Buffer): string | undefined => (isUtf8(bytes) ? bytes.toString('utf8') : undefined)

const requestCookies = (headers: readonly Header[], masked: readonly string[]): Cookie[] =>
  headers
    .filter(([name]) => name.toLowerCase() === 'cookie')
    .flatMap(([name, value]) => value.split(';').map(part => cookie(part, masked.includes(name))))
    .filter(({ name }) => name !== '')

const responseCookies = (headers: readonly Header[], masked: readonly string[]): Cookie[] =>
  headers
    .filter(([name]) => name.toLowerCase() === 'set-cookie')
    .map(([name, value]) => cookie(value.split(';', 1)[0] ?? '', masked.includes(name)))

function cookie(text: string, isMasked: boolean): Cookie {
  const at = text.indexOf('=')
  const name = (at === -1 ? '' : text.slice(0, at)).trim()
  return { name, value: isMasked ? MASKED_VALUE : text.slice(at + 1).trim() }
}

function cutWords({ request, response, messages, messageCount }: KeptExchange): string[] {
  const words: string[] = []
  if (request?.body.truncated === true)
    words.push(`the first ${request.body.bytes.length} of ${request.body.size} bytes of the request body were kept`)
  if (response?.body.truncated === true)
    words.push(`the first ${response.body.bytes.length} of ${response.body.size} bytes of the response body were kept`)
  const all = messageCount.in + messageCount.out
  if (messages.length < all) words.push(`the last ${messages.length} of ${all} messages were kept`)
  return words
}

const OPCODES: Readonly<Record<string, number>> = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

function harMessage({ direction, atMs, name, bytes }: KeptMessage, startedAt: number) {
  const opcode = OPCODES[name] ?? 1
  const data = opcode === 1 ? bytes.toString('utf8') : bytes.toString('base64')
  return { type: direction === 'in' ? 'send' : 'receive', time: (startedAt + atMs) / 1_000, opcode, data } as const
}
