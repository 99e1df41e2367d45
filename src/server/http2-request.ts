/**
 * The header section of an HTTP/2 request → the head of an HTTP/1.1 one (RFC 9113 §8.3, RFC 8441 for WebSockets). Whatever could make the HTTP/1.1
 * side see another request than the HTTP/2 side does is refused. Pure.
 */
import { ProtocolError } from '../base/errors.ts'
import { encodeRequest } from '../http/encode.ts'
import { RequestRefused } from './request-plan.ts'

export interface Http2Request {
  method: string
  authority: string
  /** Fields as they came, without pseudo-header fields; cookies are one. */
  fields: readonly (readonly [name: string, value: string])[]
  path: string
  /** Nothing follows the header section. */
  ended: boolean
  /** The head for HTTP/1.1. */
  head: Buffer
  /** The body travels in chunks; else its length is known, or there is none. */
  chunked: boolean
  /** An extended CONNECT: what follows the head are the bytes of a WebSocket. */
  webSocket: boolean
  /** Needs HTTP/2 up to the app. */
  grpc: boolean
}

export interface Http2Fields {
  /** Name, value, name, value … as node:http2 gives them. */
  raw: readonly string[]
  /** Nothing follows the header section. */
  ended: boolean
}

const PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])
/** RFC 9113 §8.2.2: a message that holds one is malformed. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'http2-settings'])
/** Blanks around a name would get lost on the way to HTTP/1.1. */
const VISIBLE = /^[\x21-\x7e]+$/
const GRPC = /^application\/grpc(?:$|[+;\s])/i

/** Throws RequestRefused. */
export function planHttp2Request({ raw, ended }: Http2Fields): Http2Request {
  const { pseudo, fields } = split(raw)
  const method = pseudo.get(':method') ?? ''
  const protocol = pseudo.get(':protocol')
  if (method === 'CONNECT' && protocol === undefined) throw new RequestRefused(405, 'CONNECT is not served here')
  if (protocol !== undefined && (method !== 'CONNECT' || protocol.toLowerCase() !== 'websocket')) {
    throw new RequestRefused(501, 'the only protocol of an extended CONNECT here is websocket')
  }
  const path = pseudo.get(':path') ?? ''
  if (!path.startsWith('/') && !(path === '*' && method === 'OPTIONS')) throw new RequestRefused(400, 'the path is malformed')
  const authority = authorityOf(pseudo.get(':authority'), fields)
  const others = joinCookies(fields.filter(([name]) => name !== 'host'))
  const webSocket = protocol !== undefined
  const hasLength = others.some(([name]) => name === 'content-length') && !others.some(([name]) => name === 'trailer')
  const chunked = !ended && !webSocket && !hasLength
  const headers: (readonly [string, string])[] = [['Host', authority], ...others.filter(([name]) => hasLength || name !== 'content-length')]
  if (webSocket) headers.push(...upgradeFields(others))
  if (chunked) headers.push(['Transfer-Encoding', 'chunked'])
  return {
    method,
    authority,
    fields: others,
    path,
    ended,
    head: encode(webSocket ? 'GET' : method, path, headers),
    chunked,
    webSocket,
    grpc: method === 'POST' && GRPC.test(fields.find(([name]) => name === 'content-type')?.[1] ?? '')
  }
}

function split(raw: readonly string[]): { pseudo: Map<string, string>; fields: [string, string][] } {
  const pseudo = new Map<string, string>()
  const fields: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]]
    if (!name.startsWith(':')) {
      if (OF_CONNECTION.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers')) {
        throw new RequestRefused(400, `HTTP/2 has no field ${JSON.stringify(name)} of that kind`)
      }
      fields.push([name, value])
    } else if (!PSEUDO.has(name) || pseudo.has(name) || fields.length > 0) {
      throw new RequestRefused(400, 'the pseudo-header fields are malformed')
    } else pseudo.set(name, value)
  }
  return { pseudo, fields }
}

/** `:authority`, or Host where a translating client left it out; both must say the same (RFC 9113 §8.3.1). */
function authorityOf(authority: string | undefined, fields: readonly (readonly [string, string])[]): string {
  const named = [...(authority === undefined ? [] : [authority]), ...fields.filter(([name]) => name === 'host').map(([, value]) => value)]
  const [first] = named
  if (first === undefined || first === '') throw new RequestRefused(400, 'the request names no host')
  if (!VISIBLE.test(first)) throw new RequestRefused(400, 'the Host is malformed')
  if (named.some(name => name.toLowerCase() !== first.toLowerCase())) throw new RequestRefused(400, ':authority and Host differ')
  return first
}

/** Crumbs become one field again (RFC 9113 §8.2.3). */
function joinCookies(fields: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  const crumbs = fields.filter(([name]) => name === 'cookie')
  if (crumbs.length < 2) return [...fields]
  const first = crumbs[0]
  return fields.flatMap((field): (readonly [string, string])[] => {
    if (field === first) return [['cookie', crumbs.map(([, value]) => value).join('; ')]]
    return field[0] === 'cookie' ? [] : [field]
  })
}

/** HTTP/1.1 asks for a key, which says nothing about who asks; HTTP/2 has none. */
function upgradeFields(fields: readonly (readonly [string, string])[]): [string, string][] {
  const has = (name: string): boolean => fields.some(([known]) => known === name)
  return [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ...(has('sec-websocket-key') ? [] : [['Sec-WebSocket-Key', 'a3ViZWN0bC1pbnRlcmNlcA=='] satisfies [string, string]]),
    ...(has('sec-websocket-version') ? [] : [['Sec-WebSocket-Version', '13'] satisfies [string, string]])
  ]
}

function encode(method: string, target: string, headers: readonly (readonly [string, string])[]): Buffer {
  try {
    return encodeRequest({ method, target, headers })
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new RequestRefused(400, error.message)
  }
}
