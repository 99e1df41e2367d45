/** What a session is asked to do, and what it is given: plain values, no defaults left to apply. Made by the command line, the demo and tests. */
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import type { Logger } from '../base/log.ts'
import type { Auth } from '../discovery/types.ts'
import type { EventStream } from '../event/stream.ts'
import type { EndReason } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import type { Manner } from '../claim/types.ts'
import type { Cluster } from '../kube/types.ts'
import type { By } from './change.ts'
import type { Capture } from './exchanges.ts'
import type { MirrorSettings } from './mirroring.ts'
import type { PortMapping, TunnelPlan } from '../resolve/types.ts'

/** How to reach the tunnel server; `url` replaces the address only. */
export type ViaRequest = { kind: 'auto' | 'ingress' | 'port-forward' | 'service-proxy' } | { kind: 'url'; url: string }

/** `--weight` or `--split`; weight 255 when neither was given. */
export type Share = { kind: 'weight'; weight: number } | { kind: 'split'; share: number }

/** Replaces discovery: nothing of a cluster is needed. */
export interface ManualTunnel {
  /** `ws://host[:port]/path`, also wss, tls, tcp. */
  server: string
  /** Lower case, dashed. A bearer secret. */
  tunnelId: string
  entrypoint: string | undefined
}

export interface TunnelCredentials {
  auth: Auth | undefined
  /** PEM text. */
  ca: string | undefined
  cert: string | undefined
  key: string | undefined
}

export interface InterceptRequest {
  /** As typed; empty with `all` or `manual`. */
  targets: string[]
  all: boolean
  allNamespaces: boolean
  selector: string | undefined
  ports: PortMapping[]
  share: Share
  /** Only what matches, all of it. */
  filter: Filter | undefined
  /** The cluster answers, and copies come here. */
  mirror: MirrorSettings | undefined
  via: ViaRequest
  manual: ManualTunnel | undefined
  credentials: TunnelCredentials
  fallback: boolean
  /** Requests a second on the return path. */
  returnLimit: number
  onPause: 'wait' | 'cluster'
  waitForLocal: boolean
  /** Consent to a thinned share, given on the command line. */
  throughLaptop: boolean
  graceMs: number
  requireAll: boolean
  probePath: string
  /** `--takeover`, `--join`. */
  manner: Manner
  dryRun: boolean
  /** `--yes`: `--all` starts without a question. */
  confirmed: boolean
}

export type Args = Readonly<Record<string, unknown>>
/** Its result is the answer's `result`. An InterceptError it throws is the answer's error. */
export type CommandRun = (args: Args, by: By) => Promise<Args | undefined>

/** Commands that arrive while the session runs. */
export interface CommandTable {
  /** One runner a name. */
  on(name: string, run: CommandRun): void
}

/** What a session is given by whoever runs it. */
export interface InterceptContext {
  clock: Clock
  log: Logger
  /** The output is subscribed already; `session` of the stream is this session's id. */
  events: EventStream
  /** First Ctrl-C, SIGTERM, SIGHUP, `leave`, or a reader that closed stdout. */
  drain: AbortSignal
  /** Second Ctrl-C: leave everything. */
  now: AbortSignal
  /** Connects to the cluster of the kubeconfig and flags; not called with `manual`. The session does not close it. */
  connect: () => Promise<Cluster>
  /** Asks on the terminal; undefined without one. */
  confirm: ((question: string) => Promise<boolean>) | undefined
  commands: CommandTable
  /** `name@host`. */
  user: string
  version: string
  pid: number
  /** Whether a process of this machine runs. */
  runs?: ((pid: number) => boolean) | undefined
  /** The command line without secrets, for `session.started`. */
  commandLine: string
  controlPath: string | undefined
  /** What is looked at of the traffic, and whether it is remembered. */
  capture?: Capture | undefined
  /** The file that the traffic is written to. */
  recording?: string | undefined
  /** Why it is drained, where that is no person's doing. */
  reason?: (() => EndReason | undefined) | undefined
  /** Resident bytes now, for `stats`. */
  memory: () => number
}

/** A tunnel and the local address it goes to. */
export interface Mapped {
  plan: TunnelPlan
  local: Endpoint
}
