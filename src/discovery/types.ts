/**
 * gost's (and our) configuration, read from what a pod spec and its ConfigMaps and Secrets say. Everything here is plain data and pure functions;
 * who fetches the objects is `resolve/`.
 */
import type { TlsFacts } from './tls.ts'

/** Carrier under the tunnel protocol. Others (quic, kcp, mws, grpc …) are reported by name as `unsupported`. */
export type Carrier = 'ws' | 'wss' | 'tls' | 'tcp'

export interface Auth {
  user: string
  password: string
  /** The only tunnels that may be bound with it. */
  tunnels?: string[]
}

/** Where one container's connector registers, and what it serves. One per `-L rtcp` × last hop `-F tunnel`. */
export interface SidecarFact {
  container: string
  /** Lower case, dashed. Undefined: gost makes a random one at each start, so that nobody else can join. */
  tunnelId: string | undefined
  /** As the server counts it: 0/absent = 1. */
  weight: number
  /** The forward target in the pod (`:80` → host ''), undefined without one. */
  app: { host: string; port: number } | undefined
  server: { host: string; port: number }
  carrier: Carrier
  /** WebSocket path and Host header. */
  path: string
  hostHeader: string | undefined
  auth: Auth | undefined
  tls: TlsFacts | undefined
  /** gost sends a PROXY header to the app: version 1 or 2. */
  proxyProtocol: 0 | 1 | 2
  network: 'tcp' | 'udp'
  mux: 'smux' | 'yamux'
  muxVersion: number
  peer: 'gost' | 'ours'
  /** Why this connector cannot be joined by us, in words. */
  unsupported: string | undefined
  /** The carrier as written, when it is none of ours. */
  carrierName?: string
  /** Proxies that the sidecar passes before the server. */
  proxies?: number
  /** Other nodes of the same hop: gost binds to one of them at a time. */
  alternatives?: { host: string; port: number }[]
}

export interface IngressRule {
  /** As written; `*.x` and `.x` match x and everything below it. */
  host: string
  tunnelId: string
  private: boolean
}

export interface EntrypointFact {
  /** Container port. */
  port: number
  /** The server puts a PROXY header reader there. */
  proxyProtocol: 0 | 1 | 2
  /** Address it listens on; '' for all. */
  host?: string
  /** Whatever arrives there goes to this tunnel. */
  tunnelId?: string
  /** Datagrams arrive there. */
  udp?: true
}

/** One tunnel listener of a server container. */
export interface ServerFact {
  container: string
  carrier: Carrier
  /** Container port of the tunnel listener. */
  port: number
  path: string
  entrypoints: EntrypointFact[]
  rules: IngressRule[]
  /** Rules that live where we cannot read them (redis, http, plugin), in words. */
  rulesUnreadable: string | undefined
  auth: Auth[]
  authUnreadable: string | undefined
  tls: boolean
  /** `entrypoint.readTimeout`, default 15 s. */
  readTimeoutMs: number
  /** `entrypoint.keepalive`. */
  keepalive: boolean
  muxVersion: number
  /** `mux.maxStreamBuffer` / `mux.maxReceiveBuffer` of the server, when set. */
  maxReceiveBuffer: number | undefined
  peer: 'gost' | 'ours'
  unsupported: string | undefined
  /** Where it stands, for sentences. */
  place?: string
  /** Address of the tunnel listener; '' for all. */
  host?: string
  /** `tunnel.direct`: a visitor on the tunnel port may name any tunnel. */
  direct?: boolean
  /** Paths in the container. */
  certFile?: string
  keyFile?: string
}

/** What one container's process does, and what could not be read on the way (missing Secret, `-C http://…`, unknown variable). */
export interface GostFacts {
  sidecars: SidecarFact[]
  servers: ServerFact[]
  problems: string[]
}
