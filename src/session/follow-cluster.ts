/** Keeps a running target in step with its cluster: sidecars and replicas of the server that come and go. */
import type { Closable } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import { followPlan } from '../resolve/follow.ts'
import type { Changer } from './change.ts'
import type { Holding } from './holding.ts'
import { ownTargets, type ReturnTarget } from './return-targets.ts'
import type { RunningTarget } from './running-target.ts'

export interface Follower {
  changer: Changer
  holding: Holding
  /** Where the way back may end now. */
  onTargets: (targets: readonly ReturnTarget[]) => void
}

/** Undefined without a cluster. */
export function followCluster(target: RunningTarget, { changer, holding, onTargets }: Follower): Closable | undefined {
  const { cluster, plan, log } = target.options
  if (cluster === undefined) return undefined
  const following = followPlan(cluster, plan, now => {
    target.sidecars = now.sidecars
    if (plan.appService === undefined) onTargets(ownTargets(now.sidecars))
    changer.shareAgain()
    target.voice.say('pods changed')
    void holding.update(now.serverPods)
  })
  following.ready.catch(error => log.warn('cannot follow the pods', { error: asError(error) }))
  return following
}
