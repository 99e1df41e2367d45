/** TARGET → one pod of it, with what its containers run. No tunnel is needed: any workload has pods. */
import { InterceptError } from '../base/errors.ts'
import type { Inventory, ReadableCluster } from './inventory.ts'
import { locate } from './locate.ts'
import { isReady, isTerminating, nameOf, type Pod } from './objects.ts'
import type { PodFacts } from './pod-facts.ts'
import { ingressTarget } from './server-target.ts'
import { listAhead } from './tunnel-pods.ts'
import type { TargetRef } from './types.ts'
import { createWorld } from './world.ts'

export interface TargetPod {
  facts: PodFacts
  /** `deployment/nginx`. */
  what: string
  /** False: the template of a workload that has no pods now. */
  exists: boolean
  notes: string[]
  /** What was read on the way, so that nothing is read twice. */
  inventory: Inventory
}

export async function findTargetPod(
  cluster: ReadableCluster,
  target: TargetRef,
  options: { namespace: string; signal: AbortSignal }
): Promise<TargetPod> {
  const { namespace, signal } = options
  const world = createWorld(cluster, { everywhere: false, signal })
  listAhead(world, namespace)
  const located = await locate(world, target, namespace)
  const pods =
    located.ingress === undefined
      ? located.pods
      : (await ingressTarget(world, located.ingress, namespace)).group.members.map(({ pod }) => pod)
  const pod = best(pods) ?? located.template
  if (pod === undefined) {
    throw new InterceptError('TARGET_NOT_FOUND', `no pod stands behind ${located.what}`, { hint: `kubectl get pods -n ${namespace}` })
  }
  const [facts] = await world.facts.read([pod])
  if (facts === undefined) throw new Error('a pod was read, and its facts are missing')
  return { facts, what: located.what, exists: pod !== located.template, notes: located.notes, inventory: world.inventory }
}

/** Ready before running before the rest; the first name, so that asking again gives the same pod. */
function best(pods: readonly Pod[]): Pod | undefined {
  const rank = (pod: Pod): number => (isTerminating(pod) ? 3 : isReady(pod) ? 0 : pod.status?.phase === 'Running' ? 1 : 2)
  return pods.toSorted((a, b) => rank(a) - rank(b) || (nameOf(a) < nameOf(b) ? -1 : 1))[0]
}
