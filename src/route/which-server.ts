/** Which server a plan leads to, where nothing was read that tells: it is asked, on a connection of its own, and nobody is registered for that. */
import { type Clock, deadline } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { askPeer } from '../tunnel/handshake.ts'
import { candidates } from './candidates.ts'
import { replicasOf } from './replicas.ts'
import type { Via } from './types.ts'

export interface WhichOptions {
  cluster: Cluster | undefined
  via: Via
  clock: Clock
  log: Logger
  timeoutMs?: number
}

/** The plan, with the peer that answered. Where nobody does it stays: the routes tell why. */
export async function withPeer(plan: TunnelPlan, options: WhichOptions, signal: AbortSignal): Promise<TunnelPlan> {
  if (plan.server.unread === undefined || plan.server.peer === 'ours') return plan
  const { cluster, via, clock, log, timeoutMs = 4_000 } = options
  const limit = deadline(clock, timeoutMs, () => new InterceptError('TUNNEL_LOST', 'no answer in time'), signal)
  try {
    for (const candidate of candidates(plan, plan.server.pods, via, cluster !== undefined).candidates) {
      const [route] = replicasOf(candidate, { plan, cluster }, plan.server.pods)
      if (route === undefined) continue
      try {
        const peer = await askPeer(await route.dialTunnel(limit.signal), { clock, timeoutMs, signal: limit.signal })
        return { ...plan, server: { ...plan.server, peer } }
      } catch (error) {
        log.debug('the server did not say which one it is', { error: asError(error), by: route.describe })
        if (limit.signal.aborted) break
      }
    }
  } finally {
    limit.done()
  }
  signal.throwIfAborted()
  return plan
}
