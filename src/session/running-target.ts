/** What the parts of one running target share: its options, the facts its state is derived from, and the parts that come up with it. */
import type { Claim } from '../claim/types.ts'
import type { SidecarPod, TunnelPlan } from '../resolve/types.ts'
import type { Guest } from './guests.ts'
import type { Exchanges } from './exchanges.ts'
import type { InterceptOptions } from './options.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { StateVoice } from './state-voice.ts'
import type { TargetFacts } from './state.ts'

export interface RunningTarget {
  /** What they emit is about this target already. */
  readonly options: InterceptOptions
  readonly facts: TargetFacts
  readonly voice: StateVoice
  readonly exchanges: Exchanges
  /** Aborts when everything ends. */
  readonly stop: AbortSignal
  /** Whether somebody served the tunnel before this session; asked only where no cluster tells. */
  servedBefore: boolean | undefined
  /** As the cluster says now. */
  sidecars: SidecarPod[]
  /** What others know of it. Undefined until it starts, and without a cluster. */
  claim: Claim | undefined
  /** A tunnel id of its own, by which a holder passes on what is ours. A bearer secret. */
  privateTunnel: string | undefined
  /** Sessions that ours passes requests on to. */
  guests: readonly Guest[]
  /** Undefined until the routes are open. */
  replicas: ReplicaSet | undefined
}

export const allVerified = ({ replicas }: RunningTarget): boolean =>
  replicas !== undefined && replicas.bound > 0 && replicas.all.every(({ connector, verified }) => connector.phase !== 'bound' || verified)

/** A guest is reached by its own tunnel. */
export const planOf = ({ options, privateTunnel }: RunningTarget, asGuest: boolean): TunnelPlan =>
  asGuest && privateTunnel !== undefined ? { ...options.plan, tunnelId: privateTunnel } : options.plan
