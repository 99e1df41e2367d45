/**
 * One connection to the API server: TCP, through a proxy when there is one, TLS with the cluster's CA and our certificate. REST requests and
 * WebSockets both come through here, so that trust, proxies and certificates are decided once.
 */
import { request } from 'node:http'
import tls from 'node:tls'
import { type Clock, deadline } from '../base/clock.ts'
import type { Connection, Dial, Endpoint } from '../base/connection.ts'
import { dialTcp } from '../transport/tcp.ts'
import { dialTls } from '../transport/tls.ts'
import type { Certificate } from './credentials.ts'

export interface ApiSocketOptions {
  server: URL
  /** PEM; absent: the system's authorities. */
  ca: string | undefined
  insecure: boolean
  tlsServerName: string | undefined
  proxyUrl: string | undefined
  certificate: () => Promise<Certificate | undefined>
  clock: Clock
  connectTimeoutMs?: number | undefined
}

const CONNECT_TIMEOUT_MS = 15_000

export const endpointOf = (url: URL): Endpoint => ({
  host: url.hostname.replace(/^\[|\]$/g, ''),
  port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
})

/** Bytes to the API server, through the proxy when there is one, without TLS: for somebody who speaks TLS with it himself. */
export function dialApiServerRaw({ server, proxyUrl }: Pick<ApiSocketOptions, 'server' | 'proxyUrl'>): Dial {
  const endpoint = endpointOf(server)
  return proxyUrl === undefined ? dialTcp(endpoint) : dialThroughProxy(new URL(proxyUrl), endpoint)
}

/** Rejects with the layer's error (see `unreachable` in errors.ts), a credentials error, or the signal's reason. */
export function dialApiServer(options: ApiSocketOptions): Dial {
  const dialBelow = dialApiServerRaw(options)
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  const secure = options.server.protocol === 'https:' ? secureContexts(options) : undefined
  return async parent => {
    const timedOut = (): Error => Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' })
    const limit = deadline(options.clock, timeoutMs, timedOut, parent)
    try {
      // Before the connection is opened: a credential plugin may take a while to ask a person.
      const context = secure === undefined ? undefined : await secure()
      const inner = await dialBelow(limit.signal)
      // HTTP/1.1 has no use for half-open connections; keep-alive pools want them gone at the server's FIN.
      inner.once('end', () => inner.end())
      return context === undefined ? inner : await handshake(inner, { context, options, signal: limit.signal })
    } finally {
      limit.done()
    }
  }
}

/** One parsed context as long as the certificate stays the same. */
function secureContexts({ ca, certificate }: ApiSocketOptions): () => Promise<tls.SecureContext> {
  let last: { pair: Certificate | undefined; context: tls.SecureContext } | undefined
  return async () => {
    const pair = await certificate()
    if (last === undefined || last.pair?.cert !== pair?.cert || last.pair?.key !== pair?.key) {
      last = { pair, context: tls.createSecureContext({ ca: ca ?? systemAuthorities(), ...pair }) }
    }
    return last.context
  }
}

/** Node's list and the system's, as Go looks into the system's: reading them costs some 10 ms, so only without CA data. */
const systemAuthorities = (): string[] => [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]

interface Handshake {
  context: tls.SecureContext
  options: ApiSocketOptions
  signal: AbortSignal
}

function handshake(inner: Connection, { context, options, signal }: Handshake): Promise<Connection> {
  const { host } = endpointOf(options.server)
  const name = options.tlsServerName ?? host
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      socket: inner,
      secureContext: context,
      host: name,
      ...(isIpLiteral(name) ? {} : { servername: name }),
      rejectUnauthorized: !options.insecure,
      ALPNProtocols: ['http/1.1']
    })
    const onAbort = (): void => fail(signal.reason)
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      inner.destroy()
      socket.destroy()
      reject(error)
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', fail) // stays for the socket's life: `close` follows and tells
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort)
      resolve(socket)
    })
  })
}

/** RFC 6066 §3: no IP literal in SNI. */
const isIpLiteral = (host: string): boolean => host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host)

/** `http`, `https` (CONNECT) and `socks5` proxies, as `proxy-url` allows them. */
function dialThroughProxy(proxy: URL, target: Endpoint): Dial {
  if (proxy.protocol === 'socks5:' || proxy.protocol === 'socks5h:') return dialThroughSocks(proxy, target)
  const toProxy = dialTcp(endpointOf(proxy))
  return dialThroughConnect(
    proxy.protocol === 'https:' ? dialTls(toProxy, { verify: true, serverName: endpointOf(proxy).host }) : toProxy,
    proxy,
    target
  )
}

function dialThroughConnect(dial: Dial, proxy: URL, target: Endpoint): Dial {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`
  return async signal => {
    const socket = await dial(signal)
    return new Promise((resolve, reject) => {
      const connect = request({
        method: 'CONNECT',
        path: authority,
        headers: { Host: authority, ...proxyAuthorization(proxy) },
        createConnection: () => socket,
        signal
      })
      const fail = (error: unknown): void => {
        socket.destroy()
        reject(signal.aborted ? signal.reason : error)
      }
      connect.once('error', fail)
      connect.once('response', response => fail(proxyRefused(proxy, response.statusCode)))
      connect.once('connect', (response, tunnel, head) => {
        if (response.statusCode !== 200) return fail(proxyRefused(proxy, response.statusCode))
        if (head.length > 0) tunnel.unshift(head)
        resolve(socket)
      })
      connect.end()
    })
  }
}

const proxyRefused = (proxy: URL, status: number | undefined): Error =>
  new Error(`proxy ${proxy.host} answered ${status ?? 'nothing'} to CONNECT`)

function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const userInfo = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(userInfo).toString('base64')}` }
}

/** Names are resolved by the proxy, as Go does it. */
function dialThroughSocks(proxy: URL, target: Endpoint): Dial {
  const { host, port } = endpointOf(proxy)
  return async signal => {
    const { SocksClient } = await import('./socks.ts')
    const { socket } = await SocksClient.createConnection({
      proxy: {
        host,
        port: proxy.port === '' ? 1080 : port,
        type: 5,
        ...(proxy.username === '' ? {} : { userId: decodeURIComponent(proxy.username), password: decodeURIComponent(proxy.password) })
      },
      command: 'connect',
      destination: target
    })
    if (signal.aborted) {
      socket.destroy()
      throw signal.reason
    }
    socket.setNoDelay(true)
    return socket
  }
}
