/** The server's side of TLS over connections handed to it; certificates and keys are PEM. Client certificates are asked for only with `ca`. */
import tls from 'node:tls'
import type { Connection, Endpoint } from '../base/connection.ts'

export interface TlsServerOptions {
  cert: string
  key: string
  /** Client certificates must be signed by it. */
  ca?: string | undefined
  /** Application protocols by preference (RFC 7301). A client that offers none is served; one that offers only others is refused. */
  alpn?: readonly string[] | undefined
}

type TlsConnection = tls.TLSSocket & {
  local?: Endpoint | undefined
  remote?: Endpoint | undefined
  opaque?: boolean
  alpn?: string | undefined
}

export interface TlsAcceptor {
  (connection: Connection, signal: AbortSignal): Promise<Connection>
  /** Later connections see this certificate; established ones live on. Throws at once on a bad certificate or key, and then nothing changes. */
  renew(certificate: Pick<TlsServerOptions, 'cert' | 'key'>): void
}

/** Takes over raw connections; the promise rejects with Node's TLS error, or the signal's reason. Throws at once on a bad certificate or key. */
export function tlsAcceptor(options: TlsServerOptions): TlsAcceptor {
  const { ca, alpn } = options
  const contextOf = ({ cert, key }: Pick<TlsServerOptions, 'cert' | 'key'>): tls.SecureContext =>
    tls.createSecureContext({ cert, key, ...(ca === undefined ? {} : { ca }) })
  let secureContext = contextOf(options)
  const accept = (inner: Connection, signal: AbortSignal): Promise<Connection> =>
    new Promise((resolve, reject) => {
      const socket: TlsConnection = new tls.TLSSocket(inner, {
        isServer: true,
        secureContext,
        requestCert: ca !== undefined,
        rejectUnauthorized: ca !== undefined,
        ...(alpn === undefined ? {} : { ALPNProtocols: wireNames(alpn) })
      })
      const onAbort = (): void => fail(signal.reason)
      const fail = (error: unknown): void => {
        signal.removeEventListener('abort', onAbort)
        socket.destroy()
        inner.destroy()
        reject(error)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      socket.on('error', fail) // stays: as with every socket of this folder `close` follows an error
      socket.once('close', () => fail(new Error('connection closed during the TLS handshake')))
      socket.once('secure', () => {
        signal.removeEventListener('abort', onAbort)
        socket.local = inner.local
        socket.remote = inner.remote
        socket.opaque = true
        // Node clears it only for sockets of a tls.Server, and node:http2 waits for that.
        Object.assign(socket, { secureConnecting: false })
        if (typeof socket.alpnProtocol === 'string') socket.alpn = socket.alpnProtocol
        resolve(socket)
      })
      if (signal.aborted) onAbort()
    })
  return Object.assign(accept, {
    renew(certificate: Pick<TlsServerOptions, 'cert' | 'key'>) {
      secureContext = contextOf(certificate)
    }
  })
}

/** As they travel: each with its length before it. */
const wireNames = (names: readonly string[]): Buffer => Buffer.concat(names.map(name => Buffer.from([name.length, ...Buffer.from(name)])))
