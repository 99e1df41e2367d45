/** What one intercepted tunnel needs: plain values from flags, and the parts around it. */
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import type { Logger } from '../base/log.ts'
import type { Emit } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { Via } from '../route/types.ts'

/** From the command line, the same for every target. */
export interface InterceptSettings {
  /** 1…255. */
  weight: number
  /** 0…1; replaces `weight`. */
  split: number | undefined
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
  /** Ids of exchanges, unique within the session. */
  nextId: () => string
}
