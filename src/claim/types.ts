/** What a session knows of the others on its tunnel, and how it stands among them. */
import type { Closable } from '../base/closable.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Emit } from '../event/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { Asker, ClaimRecord } from './lease.ts'
import type { LeaseCluster } from './lease-store.ts'

/** What a session wants of its tunnel. Weight 255 without a filter means to be the holder. */
export interface Wish {
  /** 1…255. */
  weight: number
  /** In the match grammar, always written the same way: the same text is the same filter. */
  filter?: string | undefined
  /** The session's own tunnel id, by which the holder passes on what matches. */
  privateTunnel?: string | undefined
  /** Takes no visitor for itself. */
  mirror?: boolean | undefined
}

/** When somebody else has it: be refused, have it handed over, or share it at random. */
export type Manner = 'refuse' | 'takeover' | 'join'

export interface Claim extends Closable {
  /** Others are told of us. False without the rights: then `want` refuses only what can be seen, and everything else does nothing. */
  readonly told: boolean
  /** Live sessions of this tunnel but ours, the oldest first. */
  readonly others: readonly ClaimRecord[]
  /** Whoever binds 255 for all visitors, maybe us. */
  readonly holder: ClaimRecord | undefined
  readonly holding: boolean
  /**
   * Brings what others see in line with this; called again for each change. Throws TAKEN when somebody has all visitors, or the same filter, and
   * then all is as it was. Beside a holder with a filter nobody is refused: see `holding` for who binds 255.
   */
  want(wish: Wish, manner: Manner, signal: AbortSignal): Promise<void>
  /** Becomes the holder whatever the wish, if nobody live is: for a session that serves others through itself. */
  tryHold(): Promise<boolean>
  /** Is the holder no longer. */
  release(): Promise<void>
  /** Told after each change of `others`, `holder` or `holding`. Returns how to stop it. */
  onChange(listener: () => void): () => void
}

export interface ClaimTimes {
  renewMs: number
  expireMs: number
  /** How long somebody who was asked may take to step back. */
  handOverMs: number
  /** Where watching is forbidden. */
  pollMs: number
  tickMs: number
}

export const CLAIM_TIMES: ClaimTimes = { renewMs: 10_000, expireMs: 30_000, handOverMs: 5_000, pollMs: 1_000, tickMs: 1_000 }

export interface ClaimOptions {
  cluster: LeaseCluster
  plan: Pick<TunnelPlan, 'name' | 'namespace' | 'workload' | 'tunnelId' | 'target' | 'server'>
  session: string
  /** `name@host`. */
  user: string
  pid: number
  /** Whether a process of this host runs; tells at once that a session of this host is gone. */
  runs?: ((pid: number) => boolean) | undefined
  clock: Clock
  log: Logger
  emit: Emit
  /** Asked to step back, or found that somebody took over while we slept. Called once. */
  onTaken: (by: Asker) => void
  times?: Partial<ClaimTimes> | undefined
}
