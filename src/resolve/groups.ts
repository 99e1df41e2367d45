/** Sidecars of pods → tunnels: those that register under one id, for one kind of network, in one namespace. Pure. */
import type { SidecarFact } from '../discovery/types.ts'
import { isReady, isTerminating, nameOf, namespaceOf, type Pod, workloadOf } from './objects.ts'
import type { PodFacts } from './pod-facts.ts'
import { parseTarget } from './target.ts'
import type { SidecarPod, TargetRef } from './types.ts'

export interface TunnelMember {
  pod: Pod
  fact: SidecarFact
}

export interface TunnelGroup {
  tunnelId: string
  network: 'tcp' | 'udp'
  namespace: string
  members: TunnelMember[]
}

export interface Grouped {
  groups: TunnelGroup[]
  /** Sidecars that nobody can join, with the reason. */
  unusable: { pod: Pod; fact: SidecarFact; why: string }[]
}

/** Ids that only terminating pods still use are left out when there are others: a rollout changed the id. */
export function groupTunnels(facts: readonly PodFacts[]): Grouped {
  const groups = new Map<string, TunnelGroup>()
  const unusable: Grouped['unusable'] = []
  for (const { pod, sidecars } of facts) {
    for (const fact of sidecars) {
      const { tunnelId } = fact
      if (tunnelId === undefined || fact.unsupported !== undefined) {
        unusable.push({ pod, fact, why: fact.unsupported ?? 'its tunnel id is not known' })
        continue
      }
      const key = groupKey(pod, fact)
      const group = groups.get(key) ?? { tunnelId, network: fact.network, namespace: namespaceOf(pod), members: [] }
      group.members.push({ pod, fact })
      groups.set(key, group)
    }
  }
  const alive = [...groups.values()].filter(group => group.members.some(({ pod }) => !isTerminating(pod)))
  return { groups: alive.length > 0 ? alive : [...groups.values()], unusable }
}

/** Same tunnel, as the server sees it. */
export const groupKey = (pod: Pod, fact: SidecarFact): string => `${namespaceOf(pod)} ${fact.tunnelId ?? ''} ${fact.network}`

export const sidecarPod = ({ pod, fact }: TunnelMember): SidecarPod => ({
  pod: nameOf(pod),
  namespace: namespaceOf(pod),
  container: fact.container,
  ready: isReady(pod),
  terminating: isTerminating(pod),
  weight: fact.weight,
  app: fact.app,
  proxyProtocol: fact.proxyProtocol
})

/** The workloads of the members, most pods first. */
export function workloadsOf(members: readonly TunnelMember[]): string[] {
  const counts = new Map<string, number>()
  for (const { pod } of members) counts.set(workloadOf(pod), (counts.get(workloadOf(pod)) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([workload]) => workload)
}

/** The target that a person would type for this tunnel's workload. */
export function targetOfGroup(group: TunnelGroup): TargetRef {
  const [workload = 'pod/unknown'] = workloadsOf(group.members)
  const [kind = '', name = ''] = workload.split('/')
  return ['deployment', 'statefulset', 'daemonset', 'replicaset', 'pod'].includes(kind)
    ? parseTarget(workload)
    : { text: workload, kind: undefined, name }
}
