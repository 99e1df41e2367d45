/** What the transport folder offers; the functions live in files of their names. */
import type { Connection } from '../base/connection.ts'

export interface TlsOptions {
  /** SNI and, when `verify`, the name checked. */
  serverName?: string
  /** gost's `secure=true`; false accepts any certificate, as gost does by default. */
  verify: boolean
  /** PEM. */
  ca?: string
  /** A client certificate and its key, PEM. */
  cert?: string
  key?: string
  alpn?: string[]
}

export interface WebSocketOptions {
  /** HTTP Host header; default: host[:port] of the dialled endpoint. */
  host?: string
  /** Request path, exact, default `/ws` as gost has it. */
  path?: string
  headers?: Readonly<Record<string, string>>
  handshakeTimeoutMs?: number
}

/** Called with what passes; must not throw, keep or change the bytes. `direction`: `out` = from a to b, `in` = from b to a. */
export interface SpliceObserver {
  onBytes?(direction: 'out' | 'in', chunk: Buffer): void
  onEnd?(direction: 'out' | 'in'): void
}

export interface SpliceResult {
  bytesOut: number
  bytesIn: number
  /** Which side broke, when one did. */
  error?: { side: 'a' | 'b'; cause: Error }
}

export interface Listener {
  readonly port: number
  readonly host: string
  close(): Promise<void>
}

export type OnConnection = (connection: Connection) => void
