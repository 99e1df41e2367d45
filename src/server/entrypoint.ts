/** Where visitors arrive: the first byte tells relay (0x01), TLS (0x16) and HTTP apart (gost: x/handler/tunnel/entrypoint/entrypoint.go). */
import { closeOnce, type Closable } from '../base/closable.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { asError, ProtocolError } from '../base/errors.ts'
import { RELAY_VERSION } from '../relay/encode.ts'
import { listenTcp } from '../transport/tcp.ts'
import { ByteReader } from './byte-reader.ts'
import { TLS_HANDSHAKE } from './client-hello.ts'
import type { ServerContext, Visitor } from './context.ts'
import { firstByte, serveAnyHttp } from './http-version.ts'
import { sourceOf } from './open-stream.ts'
import { readProxyHeader } from './proxy-header.ts'
import { serveRelay } from './relay-entrypoint.ts'
import { serveTcp } from './tcp-entrypoint.ts'
import { serveTls } from './tls-entrypoint.ts'
import { type TlsTermination, tlsTermination } from './tls-termination.ts'

export interface Entrypoint extends Closable {
  readonly port: number
  /** Visitors connected now. */
  readonly visitors: number
  /** Of the visitors connected now, so far. */
  bytes(): { read: number; written: number }
  /** Where it answers TLS itself: for visitors that come from now on. */
  renewTls(tls: { cert: string; key: string }): void
  /** Closes the connections that wait for a next request. */
  closeIdle(): void
}

export interface EntrypointOptions extends Endpoint {
  /** Every visitor comes through a balancer that sends a PROXY header first. */
  proxyProtocol?: boolean
  /** Every visitor goes to this tunnel, whatever it speaks. */
  tunnelId?: string
  /** Answers TLS itself for the names of this certificate (PEM). */
  tls?: { cert: string; key: string } | undefined
}

/** A raw visitor may be silent for hours: TCP itself asks whether it is still there. */
const KEEP_ALIVE_MS = 60_000

/** Rejects with Node's error when the address cannot be listened on. */
export async function openEntrypoint(at: EntrypointOptions, context: ServerContext): Promise<Entrypoint> {
  const visitors = new Set<Visitor>()
  const serving = { ...at, termination: at.tls === undefined ? undefined : tlsTermination(at.tls) }
  const listener = await listenTcp(
    { host: at.host, port: at.port, pooled: true, ...(at.tunnelId === undefined ? {} : { keepAliveMs: KEEP_ALIVE_MS }) },
    connection => {
      if (connection.remote === undefined || (visitors.size >= context.limits.visitors && !dropOneWaiting(visitors))) {
        connection.destroy()
        return
      }
      const visitor: Visitor = { connection, reader: new ByteReader(connection), source: sourceOf(connection.remote), idle: true }
      visitors.add(visitor)
      context.counters.visitors += 1
      connection.once('close', () => {
        visitors.delete(visitor)
        const { read, written } = bytesOf(connection)
        context.counters.bytesIn += read
        context.counters.bytesOut += written
      })
      serveVisitor(visitor, context, serving).catch((error: unknown) => {
        context.log.error('visitor failed', { error: asError(error) })
        connection.destroy()
      })
    }
  )
  return {
    port: listener.port,
    get visitors() {
      return visitors.size
    },
    bytes() {
      const each = [...visitors].map(visitor => bytesOf(visitor.connection))
      return { read: each.reduce((sum, { read }) => sum + read, 0), written: each.reduce((sum, { written }) => sum + written, 0) }
    },
    renewTls: tls => serving.termination?.renew(tls),
    closeIdle() {
      for (const { connection, idle, drain } of visitors) {
        if (drain !== undefined) drain()
        else if (idle) connection.end(() => connection.destroy())
      }
    },
    close: closeOnce(() => listener.close())
  }
}

/** The one that has been there longest: silent strangers keep nobody out. False when all are busy. */
function dropOneWaiting(visitors: Set<Visitor>): boolean {
  for (const visitor of visitors) {
    // The end of its last answer may still be on its way.
    if (visitor.busy === true || visitor.connection.writableLength > 0) continue
    visitors.delete(visitor)
    visitor.connection.destroy()
    return true
  }
  return false
}

/** An accepted socket counts by itself. */
function bytesOf(connection: Connection): { read: number; written: number } {
  const { bytesRead = 0, bytesWritten = 0 } = connection as Connection & { bytesRead?: number; bytesWritten?: number }
  return { read: bytesRead, written: bytesWritten }
}

interface Serving extends EntrypointOptions {
  termination: TlsTermination | undefined
}

async function serveVisitor(visitor: Visitor, context: ServerContext, at: Serving): Promise<void> {
  if (at.proxyProtocol === true) await takeProxyHeader(visitor, context)
  if (at.tunnelId !== undefined) {
    visitor.idle = false
    await serveTcp(visitor, at.tunnelId, context)
    return
  }
  const first = await firstByte(visitor, context)
  if (first === undefined) visitor.connection.destroy()
  else if (first === RELAY_VERSION) await serveRelay(visitor, context)
  else if (first === TLS_HANDSHAKE) await serveTls(visitor, context, at.termination)
  else await serveAnyHttp(visitor, first, context)
}

/** Learns where the visitor comes from. Without a header in time the connection is closed. */
async function takeProxyHeader(visitor: Visitor, { clock, limits }: ServerContext): Promise<void> {
  const { reader, connection } = visitor
  const timer = clock.after(limits.headTimeoutMs, () => connection.destroy(), { unref: true })
  let bytes: Buffer = Buffer.alloc(0)
  try {
    for (;;) {
      const chunk = reader.take()
      if (chunk === undefined) {
        if (await reader.more()) continue
        return
      }
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      const header = readProxyHeader(bytes)
      if (header === undefined) continue
      visitor.source = header.source ?? visitor.source
      if (bytes.length > header.length) reader.putBack(bytes.subarray(header.length))
      return
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    connection.destroy()
  } finally {
    timer.cancel()
  }
}
