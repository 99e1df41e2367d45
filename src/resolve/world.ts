/** Everything one resolution shares: the lists, the readers, and servers already found. */
import { type HostPort, isLoopback } from '../discovery/address.ts'
import { findServer } from './find-server.ts'
import type { FoundServer } from './server-pods.ts'
import { groupKey, type TunnelMember } from './groups.ts'
import { type Inventory, inventory, type ReadableCluster } from './inventory.ts'
import { isOver, namespaceOf, type Pod, type Service } from './objects.ts'
import { type FactReader, factReader } from './pod-facts.ts'

export interface World {
  inventory: Inventory
  facts: FactReader
  services(namespace: string): Promise<Service[]>
  server(dialled: HostPort, from: Pod): Promise<FoundServer>
  /** Every sidecar of the namespace by `groupKey`, as far as it can be told without fetching more. */
  members(namespace: string): Promise<ReadonlyMap<string, TunnelMember[]>>
}

export function createWorld(cluster: ReadableCluster, options: { everywhere: boolean; signal: AbortSignal | undefined }): World {
  const lists = inventory(cluster, options)
  const services = new Map<string, Service[]>()
  const servers = new Map<string, Promise<FoundServer>>()
  const members = new Map<string, Promise<ReadonlyMap<string, TunnelMember[]>>>()
  const readMembers = async (namespace: string): Promise<ReadonlyMap<string, TunnelMember[]>> => {
    const byKey = new Map<string, TunnelMember[]>()
    for (const pod of (await lists.list('pods', namespace)).filter(candidate => !isOver(candidate))) {
      for (const fact of world.facts.peek(pod).sidecars)
        byKey.set(groupKey(pod, fact), [...(byKey.get(groupKey(pod, fact)) ?? []), { pod, fact }])
    }
    return byKey
  }
  const world: World = {
    inventory: lists,
    facts: factReader(lists, namespace => services.get(namespace) ?? []),
    async services(namespace) {
      const list = services.get(namespace) ?? (await lists.list('services', namespace))
      services.set(namespace, list)
      return list
    },
    server(dialled, from) {
      const local = isLoopback(dialled.host) || from.spec?.hostAliases !== undefined
      const key = `${namespaceOf(from)} ${local ? (from.metadata?.name ?? '') : ''} ${dialled.host} ${dialled.port}`
      const known = servers.get(key) ?? findServer(world, dialled, from)
      servers.set(key, known)
      return known
    },
    members(namespace) {
      const known = members.get(namespace) ?? readMembers(namespace)
      members.set(namespace, known)
      return known
    }
  }
  return world
}
