/** Names of parameters that nothing here reads: a misspelt one is a mistake, any other, gost's included, is passed over. Values stay out of it: they may be secrets. */
import { nearest, printable } from '../base/format.ts'
import type { NodeConfig, ServiceConfig } from './config.ts'
import type { Params } from './param.ts'

export interface Unread {
  name: string
  /** It is spelt nearly like this one. */
  meant: string | undefined
}

const words = (text: string): string[] => text.trim().split(/\s+/)
const TLS = words('tls.certFile certFile cert tls.keyFile keyFile key tls.caFile caFile ca auth')
const SERVER = words(
  `entrypoint entrypoints entrypoint.readTimeout entrypoint.keepalive entrypoint.ProxyProtocol ingress tunnel tunnel.direct path ws.path
   mux.type mux.version mux.maxReceiveBuffer proxyProtocol`
)
const SIDECAR = words('proxyProtocol')
const NODE = words(
  'tunnel.id tunnelID tunnel.weight path ws.path host ws.host mux.type mux.version tls.secure secure tls.serverName serverName'
)
/** Of gost's tunnel, its carriers and services: spelt well, and without effect here. */
const PASSED_OVER = new Set(
  words(
    `admission backlog bypass climiter connectTimeout dialTimeout dns enableCompression entrypoint.compression entrypoint.id failTimeout
     fail_timeout handshakeTimeout header host hosts http.keepalive idleTimeout interface keepalive keepalive.count keepalive.idle
     keepalive.interval limiter.cleanupInterval limiter.conn.in limiter.conn.out limiter.in limiter.out limiter.refreshInterval maxFails
     max_fails mptcp mux.keepaliveDisabled mux.keepaliveInterval mux.keepaliveTimeout mux.maxFrameSize mux.maxReceiveBuffer
     mux.maxStreamBuffer mux.maxStreamWindow netns netns.out nodelay observePeriod observer prefer readBufferSize readHeaderTimeout
     readQueueSize readTimeout resolver retries reuseport rlimiter secure serverName sniffing sniffing.timeout so_mark strategy
     tcp.keepalive tls.secure tls.serverName ttl tunnel.id tunnel.ttl tunnel.weight tunnelID udp writeBufferSize ws.backlog
     ws.enableCompression ws.handshakeTimeout ws.header ws.host ws.keepalive ws.readBufferSize ws.readHeaderTimeout ws.writeBufferSize`
  ).map(name => name.toLowerCase())
)
/** So short that any word is near. */
const SHORT = 4

export const unreadOfServer = ({ handler, listener, params }: ServiceConfig): Unread[] =>
  unread([handler.params, listener.params, params], [...SERVER, ...TLS])

export const unreadOfSidecar = ({ handler, listener, params }: ServiceConfig): Unread[] =>
  unread([handler.params, listener.params, params], [...SIDECAR, ...TLS])

export const unreadOfNode = ({ connector, dialer }: NodeConfig): Unread[] => unread([connector.params, dialer.params], [...NODE, ...TLS])

function unread(sections: readonly Params[], known: readonly string[]): Unread[] {
  const read = new Set(known.map(name => name.toLowerCase()))
  const names = new Set(sections.flatMap(params => [...params.keys()]))
  return [...names]
    .filter(name => !read.has(name.toLowerCase()))
    .map(name => ({ name: shown(name), meant: PASSED_OVER.has(name.toLowerCase()) ? undefined : meantBy(name.toLowerCase(), known) }))
}

/** A name may be an id that lost what stood before it. */
const shown = (name: string): string => (/^[0-9a-f{}-]{16,}$/i.test(name) ? 'a parameter' : printable(name, 60))

function meantBy(name: string, known: readonly string[]): string | undefined {
  const candidates = known.filter(each => each.length >= SHORT)
  const [near] = nearest(
    name,
    candidates.map(each => each.toLowerCase()),
    1
  )
  return candidates.find(each => each.toLowerCase() === near || each.toLowerCase().endsWith(`.${name}`))
}
