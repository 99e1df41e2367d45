/** The seam between layers: bytes travel as `Duplex`, things that connect are a `Dial`. */
import type { Duplex } from 'node:stream'

export interface Endpoint {
  /** IP literal or host name, without brackets. */
  host: string
  port: number
}

/** A byte stream with half-close (`allowHalfOpen`). Destroying it with an error resets it, where the layer below can. */
export type Connection = Duplex & {
  /** What is written has been copied by the time the write calls back: its memory may be used again. */
  readonly copies?: boolean | undefined
  readonly local?: Endpoint | undefined
  readonly remote?: Endpoint | undefined
  readonly alpn?: string | undefined
  /** True when nobody between us and the peer can read the bytes in clear (TLS, or a port-forward): zero WebSocket masks are allowed. */
  readonly opaque?: boolean | undefined
}

/** Opens one connection; rejects with an Error of the layer, or with the signal's reason when aborted. */
export type Dial = (signal: AbortSignal) => Promise<Connection>

/** Opens one connection to the address given at call time (access proxy, return path). */
export type DialTo = (to: Endpoint, signal: AbortSignal) => Promise<Connection>

export const formatEndpoint = ({ host, port }: Endpoint): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
