/** An entrypoint that answers TLS itself, for the names of its certificate: HTTP/2 and HTTP/1.1 by ALPN. Other names are passed through. */
import { X509Certificate } from 'node:crypto'
import { deadline } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { tlsAcceptor, type TlsServerOptions } from '../transport/tls-server.ts'
import { ByteReader } from './byte-reader.ts'
import type { ServerContext, Visitor } from './context.ts'
import { firstByte, serveAnyHttp } from './http-version.ts'
import { serveHttp2Session } from './http2-entrypoint.ts'

export interface TlsTermination {
  /** Whether a visitor that asks for this server name, or for none, is answered here. */
  covers(serverName: string | undefined): boolean
  /** The visitor's ClientHello is still in its reader. Resolves when its connection is over. */
  serve(visitor: Visitor, context: ServerContext): Promise<void>
  /** For visitors that come from now on. Throws Node's error, and then nothing changes. */
  renew(options: Pick<TlsServerOptions, 'cert' | 'key'>): void
}

/** Throws Node's error on a bad certificate or key. */
export function tlsTermination(options: Pick<TlsServerOptions, 'cert' | 'key'>): TlsTermination {
  const accept = tlsAcceptor({ ...options, alpn: ['h2', 'http/1.1'] })
  let certificate = new X509Certificate(options.cert)
  return {
    covers: serverName => serverName === undefined || certificate.checkHost(serverName) !== undefined,
    renew(next) {
      const read = new X509Certificate(next.cert)
      accept.renew(next)
      certificate = read
    },
    async serve(visitor, context) {
      const { clock, limits, log } = context
      const raw = visitor.connection
      const rest = visitor.reader.release()
      if (rest.length > 0) raw.unshift(rest)
      const limit = deadline(clock, limits.headTimeoutMs, () => new Error('TLS handshake too slow'))
      try {
        visitor.connection = await accept(raw, limit.signal)
      } catch (error) {
        log.debug('TLS handshake failed', { error: asError(error) })
        raw.destroy()
        return
      } finally {
        limit.done()
      }
      visitor.secure = true
      await serveInside(visitor, context)
    }
  }
}

async function serveInside(visitor: Visitor, context: ServerContext): Promise<void> {
  if (visitor.connection.alpn === 'h2') return serveHttp2Session(visitor, context)
  visitor.reader = new ByteReader(visitor.connection)
  visitor.idle = true
  const first = await firstByte(visitor, context)
  if (first === undefined) visitor.connection.destroy()
  else await serveAnyHttp(visitor, first, context)
}
