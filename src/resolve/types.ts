/** TARGET → Plan: everything that a session, `list` and `--dry-run` need to know, found before anything is dialled. */
import type { Auth, Carrier } from '../discovery/types.ts'
import type { TlsFacts } from '../discovery/tls.ts'

export type TargetKind = 'service' | 'deployment' | 'statefulset' | 'daemonset' | 'replicaset' | 'pod' | 'ingress'

export interface TargetRef {
  /** As typed. */
  text: string
  /** Undefined for a bare name. */
  kind: TargetKind | undefined
  name: string
}

/** The pods behind a tunnel's connector, and what they forward to. */
export interface SidecarPod {
  pod: string
  namespace: string
  container: string
  ready: boolean
  terminating: boolean
  weight: number
  /** '' or loopback: the pod itself; else another address. Undefined: no forward target. */
  app: { host: string; port: number } | undefined
  proxyProtocol: 0 | 1 | 2
}

export interface ServerPod {
  pod: string
  namespace: string
  ip: string
  ready: boolean
  terminating: boolean
  /** Container ports. */
  tunnelPort: number
  entrypointPort: number | undefined
}

export interface ServerPlan {
  namespace: string
  /** Service that the sidecar dials; undefined for a pod IP or an address outside the cluster. */
  service: string | undefined
  servicePort: number
  /** Service port (number) that leads to the entrypoint, for the service-proxy. */
  entrypointServicePort: number | undefined
  pods: ServerPod[]
  carrier: Carrier
  path: string
  hostHeader: string | undefined
  auth: Auth | undefined
  tls: TlsFacts | undefined
  readTimeoutMs: number
  keepalive: boolean
  maxReceiveBuffer: number | undefined
  peer: 'gost' | 'ours'
  /** The server's configuration could not be read (RBAC, outside the cluster): pods may be empty, hosts come from Ingresses or flags. */
  unread: string | undefined
  /** Label selector of the server pods, for following them. */
  podSelector?: string
  /** Where the entrypoint has a Service of its own: `entrypointServicePort` is a port of this one, not of `service`. */
  entrypointService?: string
  /** Dialled directly from the laptop: `--tunnel-server`, or a server outside the cluster as the sidecar names it. */
  address?: { host: string; port: number }
  /** `--entrypoint`: where visitors go, dialled directly. */
  entrypointAddress?: { host: string; port: number; tls: boolean }
}

/** An Ingress that leads to the server: to its entrypoint (visitors), its tunnel port (us), or both. */
export interface IngressPlan {
  name: string
  namespace: string
  host: string
  /** Addresses of its status (`ip` or `hostname`), maybe with a port. */
  addresses: string[]
  port: number
  tls: boolean
  /** Path prefix that leads to the tunnel port; undefined when none does. */
  tunnelPath: string | undefined
  /** True when a path leads to the entrypoint. */
  entrypoint: boolean
  class: string | undefined
}

export interface TunnelPlan {
  /** Short name for screens: the target's name, `cart:8080` when a target has several tunnels. */
  name: string
  namespace: string
  /** What was resolved, for `plan.resolved.workload`: `deployment/nginx`. */
  workload: string
  target: TargetRef
  /** Further targets of the same command that lead to this tunnel. */
  alsoTargets?: TargetRef[]
  /** Full UUID: a bearer secret, never printed. */
  tunnelId: string
  protocol: 'http' | 'tls' | 'tcp' | 'udp'
  /** Hosts that visitors use, as written in the server's rules. Empty: unknown or reached by relay only. */
  hosts: string[]
  /** Ports of the server where everything belongs to this tunnel: `:3306`, `:53/udp`. */
  ports?: string[]
  /** The app's port in the pod: default for LOCAL and the end of the return path. */
  app: { host: string; port: number } | undefined
  sidecars: SidecarPod[]
  server: ServerPlan
  ingresses: IngressPlan[]
  /** `intercepts nginx.local (ingress nginx)`. */
  passes: string[]
  /** `Service nginx goes to the pods: its callers are NOT intercepted`. */
  bypasses: string[]
  /** Fallbacks taken, ambiguities: one line each, for the banner. */
  notes: string[]
  /** Kubernetes label selector of the workload's pods, for following them; undefined for a single pod. */
  podSelector: string | undefined
  /** Named by flags: which hosts lead here and who else registers is not known; empty lists say nothing. */
  byFlags?: true
  /** Other workloads of the namespace that register under the same tunnel: their sidecars are in `sidecars` too. */
  alsoServedBy?: { workload: string; podSelector: string | undefined }[]
  /** What REMOTE of `--port` may say to mean this tunnel: container port, Service ports and their names. */
  remotes?: string[]
  /** The Service that the sidecars forward to, when their target is not the pod itself. */
  appService?: { namespace: string; service: string; port: number }
}

/** `--port [NAME=]LOCAL[:REMOTE]`, parsed. */
export interface PortMapping {
  name: string | undefined
  local: { host: string; port: number }
  /** Service port number or name, or container port, that selects the tunnel. */
  remote: string | undefined
  /** From a file that may name more than is there: passed over where it names no tunnel of the command. */
  ifThere?: true
}
