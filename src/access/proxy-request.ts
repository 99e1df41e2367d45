/**
 * What an HTTP/1 client asks of a proxy (RFC 9110 §7.6, §9.3.6; RFC 9112 §3.2): CONNECT, or a request in absolute form, which is made one in origin form
 * without the headers that are meant for us. Pure.
 */
import type { Endpoint } from '../base/connection.ts'
import { hasToken, header } from '../http/header.ts'
import { keepsAlive, requestFraming } from '../http/framing.ts'
import type { Framing, RequestHead } from '../http/message.ts'
import { isSafeMethod } from '../http/safe-method.ts'

export type ProxyRequest =
  | { kind: 'connect'; to: Endpoint }
  | {
      kind: 'request'
      to: Endpoint
      method: string
      /** Head to send to the origin. */
      head: Buffer
      framing: Framing
      upgrade: boolean
      keepAlive: boolean
      /** May be sent a second time when nothing came back (RFC 9110 §9.2.1), and has no body. */
      repeatable: boolean
    }

/** The client asks for something that this proxy does not do. */
export class ProxyRefused extends Error {
  override readonly name = 'ProxyRefused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** `host:port` of CONNECT and of URLs; a user in front of it is nobody's business. */
const AUTHORITY = /^(?:[^@/?#]*@)?(\[[0-9a-f:.]+\]|[^:@/?#[\]]+)(?::(\d{0,5}))?$/i
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i
const FRAMING = new Set(['host', 'content-length', 'transfer-encoding', 'connection'])
const FOR_US = new Set(['proxy-connection', 'proxy-authorization', 'proxy-authenticate', 'keep-alive', 'connection', 'host'])

/** Throws ProxyRefused, or a ProtocolError where the body has no certain end. */
export function readProxyRequest(head: RequestHead): ProxyRequest {
  if (head.method === 'CONNECT') return { kind: 'connect', to: endpointOf(head.target, undefined) }
  const [, scheme = '', authority = '', rest = ''] = ABSOLUTE.exec(head.target) ?? []
  if (scheme === '') throw new ProxyRefused(400, 'this is a proxy: it takes CONNECT, and requests with a whole URL (curl -x)')
  if (scheme.toLowerCase() !== 'http')
    throw new ProxyRefused(400, `${scheme.slice(0, 20)}:// does not go through a proxy like this; https goes through CONNECT`)
  const to = endpointOf(authority, 80)
  const upgrade = head.version === '1.1' && hasToken(head, 'connection', 'upgrade') && header(head, 'upgrade') !== undefined
  const framing = requestFraming(head)
  return {
    kind: 'request',
    to,
    method: head.method,
    head: originHead(head, { authority: authority.replace(/^[^@]*@/, ''), target: originForm(head.method, rest), upgrade }),
    framing,
    upgrade,
    keepAlive: keepsAlive(head),
    repeatable: framing.kind === 'none' && !upgrade && isSafeMethod(head.method)
  }
}

function endpointOf(authority: string, fallback: number | undefined): Endpoint {
  const [, host = '', digits] = AUTHORITY.exec(authority) ?? []
  const port = digits === undefined || digits === '' ? fallback : Number(digits)
  if (host === '' || port === undefined || port < 1 || port > 65_535) throw new ProxyRefused(400, 'the request names no host and port')
  return { host: host.replace(/^\[|\]$/g, ''), port }
}

/** `OPTIONS http://host` means the server itself (RFC 9112 §3.2.4). */
function originForm(method: string, rest: string): string {
  if (rest === '') return method === 'OPTIONS' ? '*' : '/'
  return rest.startsWith('/') ? rest : `/${rest}`
}

function originHead(head: RequestHead, { authority, target, upgrade }: { authority: string; target: string; upgrade: boolean }): Buffer {
  const named = new Set((header(head, 'connection') ?? '').split(',').map(token => token.trim().toLowerCase()))
  const lines = [`${head.method} ${target} HTTP/${head.version}`, `Host: ${authority}`]
  for (const [name, value] of head.headers) {
    const lower = name.toLowerCase()
    if (FOR_US.has(lower) || (named.has(lower) && !FRAMING.has(lower) && !(upgrade && lower === 'upgrade'))) continue
    if (lower === 'upgrade' && !upgrade) continue
    lines.push(`${name}: ${value}`)
  }
  if (upgrade) lines.push('Connection: Upgrade')
  else if (!keepsAlive(head)) lines.push('Connection: close')
  else if (head.version === '1.0') lines.push('Connection: keep-alive')
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
