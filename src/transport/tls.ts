/**
 * TLS over any connection, as a gost client does it (x/internal/util/tls/tls.go): certificates are not verified unless `verify`; with a CA
 * but without `verify` the chain is checked and the name is not.
 */
import net from 'node:net'
import tls from 'node:tls'
import type { Connection, Dial, Endpoint } from '../base/connection.ts'
import type { TlsOptions } from './types.ts'

type TlsConnection = tls.TLSSocket & {
  local?: Endpoint | undefined
  remote?: Endpoint | undefined
  alpn?: string | undefined
  opaque?: boolean
}

/** Rejects with the dial's error, Node's TLS error (see `describeDialError`), or the signal's reason. */
export function dialTls(dial: Dial, options: TlsOptions): Dial {
  let context: tls.SecureContext | undefined
  return async signal => {
    const inner = await dial(signal)
    // Parsing a few hundred system certificates takes tens of milliseconds: once per dialler, not per connection.
    context ??= tls.createSecureContext({
      ...(options.verify || options.ca !== undefined ? { ca: options.ca ?? trusted() } : {}),
      ...(options.cert === undefined ? {} : { cert: options.cert, key: options.key })
    })
    return handshake(inner, { options, context, signal })
  }
}

let trustedCertificates: string[] | undefined

/** Node's own list, NODE_EXTRA_CA_CERTS and the system's store together: company roots live in the last two. */
function trusted(): string[] {
  trustedCertificates ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]
  return trustedCertificates
}

interface Handshake {
  options: TlsOptions
  context: tls.SecureContext
  signal: AbortSignal
}

function handshake(inner: Connection, { options, context, signal }: Handshake): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      inner.destroy()
      reject(signal.reason)
      return
    }
    const socket: TlsConnection = tls.connect(tlsOptions(inner, options, context))
    const onAbort = (): void => fail(signal.reason)
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      inner.destroy()
      reject(error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', fail) // stays: as with every socket of this folder `close` follows an error
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort)
      socket.local = inner.local
      socket.remote = inner.remote
      socket.alpn = socket.alpnProtocol === false ? undefined : (socket.alpnProtocol ?? undefined)
      socket.opaque = true
      resolve(socket)
    })
  })
}

function tlsOptions(inner: Connection, options: TlsOptions, secureContext: tls.SecureContext): tls.ConnectionOptions {
  const name = options.serverName ?? inner.remote?.host ?? ''
  return {
    socket: inner,
    secureContext,
    host: name,
    // RFC 6066 §3 allows no IP literal in SNI; the name check then goes by `host`.
    ...(name === '' || net.isIP(name) !== 0 ? {} : { servername: name }),
    ...(options.alpn === undefined ? {} : { ALPNProtocols: options.alpn }),
    rejectUnauthorized: options.verify || options.ca !== undefined,
    ...(options.verify ? {} : { checkServerIdentity: () => undefined })
  }
}
