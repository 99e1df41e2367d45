/** What one intercepted tunnel needs: plain values from flags, and the parts around it. */
import type { Closable } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import type { Logger } from '../base/log.ts'
import type { Manner } from '../claim/types.ts'
import type { Emit, Summary, TargetState } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { Via } from '../route/types.ts'
import type { Changer } from './change.ts'
import type { EndReport } from './end-check.ts'
import type { Capture } from './exchanges.ts'
import type { MirrorSettings } from './mirroring.ts'

/** From the command line, the same for every target. */
export interface InterceptSettings {
  /** 1…255. */
  weight: number
  /** 0…1; replaces `weight`. */
  split: number | undefined
  /** Only what matches. */
  filter: Filter | undefined
  /** The cluster answers, and copies come here; replaces weight and split. */
  mirror: MirrorSettings | undefined
  /** The user agreed that visitors pass this laptop who are not served here: a thinned share, a filter or a mirror on a stock server. */
  mayThin: boolean
  via: Via
  entrypoint: URL | undefined
  fallback: boolean
  /** Requests a second on the return path. */
  returnLimit: number
  onPause: 'wait' | 'cluster'
  /** Wait for a closed local port instead of failing. */
  wait: boolean
  graceMs: number
  requireAll: boolean
  /** Of the end check. */
  probePath: string
  /** When somebody else has the visitors. */
  manner: Manner
}

export interface InterceptOptions {
  plan: TunnelPlan
  local: Endpoint
  settings: InterceptSettings
  cluster: Cluster | undefined
  clock: Clock
  log: Logger
  emit: Emit
  random: () => string
  /** `name@host`, told to other sessions of the same tunnel. */
  user: string
  /** Tells this session from others of the same tunnel. */
  session: string
  pid: number
  /** Whether a process of this machine runs. */
  runs?: ((pid: number) => boolean) | undefined
  /** Ids of exchanges, unique within the session. */
  nextId: () => string
  capture?: Capture | undefined
}

/** One intercepted tunnel, as `run.ts` and the demo hold it. */
export interface Intercept extends Closable, Pick<Changer, 'check' | 'change'> {
  readonly name: string
  readonly state: TargetState
  readonly inFlight: number
  /** Resolves when somebody else takes it over: it is to be left. */
  readonly taken: Promise<void>
  /** From the local port over routes and connectors to the first proof. Rejects when it cannot start. */
  start(signal: AbortSignal): Promise<void>
  /** Lets running exchanges end (until `signal` aborts), leaves, and checks that the cluster serves. */
  drain(signal: AbortSignal): Promise<EndReport>
  summary(): Summary
  /** Durations of the answered exchanges, for the percentiles over all targets. */
  readonly latencies: readonly number[]
}
