/** gost's configuration as one shape, whether it came from -L and -F or from a file (x/config/config.go, the parts a tunnel needs). */
import type { Params } from './param.ts'
import type { Auth } from './types.ts'

export interface TlsConfig {
  secure: boolean
  serverName: string
  caFile: string
  certFile: string
  keyFile: string
}

export interface NodeConfig {
  name: string
  addr: string
  /** Where it stands, for sentences; without credentials and ids. */
  place?: string
  connector: { type: string; auth: Auth | undefined; authFile: string | undefined; params: Params }
  /** `unknown`: as written, where gost takes a carrier that it does not know for tcp. */
  dialer: { type: string; tls: TlsConfig | undefined; params: Params; unknown?: string }
}

export interface HopConfig {
  name: string
  nodes: NodeConfig[]
  /** Nodes that live elsewhere (file, redis, http, plugin), in words. */
  elsewhere: string | undefined
}

export interface ChainConfig {
  name: string
  hops: HopConfig[]
}

export interface ForwardTarget {
  addr: string
  /** Where `addr` is not what was written: a port that does not exist becomes 0. */
  written?: string
  /** The target takes only some of the traffic (`filter`, `matcher`). */
  conditional: boolean
}

export interface ServiceConfig {
  name: string
  addr: string
  /** Where it stands, for sentences; without credentials and ids. */
  place?: string
  /** As for targets. */
  written?: string
  handler: { type: string; auth: Auth | undefined; authers: string[]; chains: string[]; params: Params; unread: string | undefined }
  /** `unknown`: as for dialers. */
  listener: { type: string; chains: string[]; certFile: string; keyFile: string; caFile: string; params: Params; unknown?: string }
  targets: ForwardTarget[]
  /** `service.proxyProtocol`: what the service itself receives. */
  params: Params
}

export interface IngressConfig {
  name: string
  rules: { hostname: string; endpoint: string }[]
  file: string | undefined
  elsewhere: string | undefined
}

export interface AutherConfig {
  name: string
  auths: Auth[]
  file: string | undefined
  elsewhere: string | undefined
}

export interface GostConfig {
  services: ServiceConfig[]
  chains: ChainConfig[]
  hops: HopConfig[]
  nodes: NodeConfig[]
  ingresses: IngressConfig[]
  authers: AutherConfig[]
  /** An API server is configured: gost then starts without any service. */
  api: boolean
}

export const emptyConfig = (): GostConfig => ({ services: [], chains: [], hops: [], nodes: [], ingresses: [], authers: [], api: false })

/** As gost merges several `-C` and the command line: lists are appended. */
export const mergeConfigs = (configs: readonly GostConfig[]): GostConfig => ({
  services: configs.flatMap(config => config.services),
  chains: configs.flatMap(config => config.chains),
  hops: configs.flatMap(config => config.hops),
  nodes: configs.flatMap(config => config.nodes),
  ingresses: configs.flatMap(config => config.ingresses),
  authers: configs.flatMap(config => config.authers),
  api: configs.some(config => config.api)
})

/** Listener names that gost registers. Any other word in a URL means plain tcp. */
const TRANSPORTS = new Set(
  `tcp udp tls mtls mtcp ws wss mws mwss h2 h2c h3 http2 http3 wt quic kcp ssh sshd grpc dtls icmp icmp6 ftcp pht phts otls ohttp
   unix serial utls stdio`.split(/\s+/)
)
const LISTENERS_ONLY = new Set('rtcp rudp runix dns tun tap tungo red redir redirect redu redirect-tcp redirect-udp'.split(' '))

export const dialerType = (name: string): string => (TRANSPORTS.has(name) ? name : 'tcp')
export const listenerType = (name: string): string => (TRANSPORTS.has(name) || LISTENERS_ONLY.has(name) ? name : 'tcp')

/** The second half of `a+b`, where no carrier has that name. */
export function unknownCarrier(scheme: string): { unknown?: string } {
  const [, second] = scheme.split('+')
  return second === undefined || TRANSPORTS.has(second) || LISTENERS_ONLY.has(second) ? {} : { unknown: second }
}

/** `a+b` → both halves; one word stands for both. */
export function schemeHalves(scheme: string): [string, string] {
  const parts = scheme.split('+')
  if (parts.length === 1) return [parts[0] ?? '', parts[0] ?? '']
  return parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : ['', '']
}
