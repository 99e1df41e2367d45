/** Everything one resolution shares: the lists, the readers, and servers already found. */
import type { HostPort } from '../discovery/address.ts'
import { type FoundServer, findServer } from './find-server.ts'
import { type Inventory, inventory, type ReadableCluster } from './inventory.ts'
import { namespaceOf, type Pod, type Service } from './objects.ts'
import { type FactReader, factReader } from './pod-facts.ts'

export interface World {
  inventory: Inventory
  facts: FactReader
  services(namespace: string): Promise<Service[]>
  server(dialled: HostPort, from: Pod): Promise<FoundServer>
}

export function createWorld(cluster: ReadableCluster, options: { everywhere: boolean; signal: AbortSignal | undefined }): World {
  const lists = inventory(cluster, options)
  const services = new Map<string, Service[]>()
  const servers = new Map<string, Promise<FoundServer>>()
  const world: World = {
    inventory: lists,
    facts: factReader(lists, namespace => services.get(namespace) ?? []),
    async services(namespace) {
      const list = services.get(namespace) ?? (await lists.list('services', namespace))
      services.set(namespace, list)
      return list
    },
    server(dialled, from) {
      const local =
        dialled.host === '' || dialled.host === 'localhost' || dialled.host.startsWith('127.') || from.spec?.hostAliases !== undefined
      const key = `${namespaceOf(from)} ${local ? (from.metadata?.name ?? '') : ''} ${dialled.host} ${dialled.port}`
      const known = servers.get(key) ?? findServer(world, dialled, from)
      servers.set(key, known)
      return known
    }
  }
  return world
}
