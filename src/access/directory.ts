/** What the cluster has, asked for when a connection wants to know, and kept for a moment (`fresh-cache.ts`). Needs no more than get and list. */
import type { Clock } from '../base/clock.ts'
import { InterceptError } from '../base/errors.ts'
import type { Cluster } from '../kube/types.ts'
import { formatSelector, type Labels, type Pod, type Service } from '../resolve/objects.ts'
import { freshCache } from './fresh-cache.ts'

export interface Directory {
  service(namespace: string, name: string): Promise<Service | undefined>
  pod(namespace: string, name: string): Promise<Pod | undefined>
  /** Of a Service's selector, whatever their state. */
  podsOf(namespace: string, selector: Labels): Promise<Pod[]>
  serviceByIp(ip: string): Promise<Service | undefined>
  podByIp(ip: string): Promise<Pod | undefined>
  /** The pods of that selector are not as they were. */
  forgetPods(namespace: string, selector: Labels): void
}

export type DirectoryCluster = Pick<Cluster, 'get' | 'list'>

export function directory(cluster: DirectoryCluster, options: { namespace: string; clock: Clock }): Directory {
  const cache = freshCache({ clock: options.clock })
  const podsKey = (namespace: string, selector: Labels): string => `pods ${namespace} ${formatSelector({ matchLabels: selector })}`
  /** In all namespaces, or where that is forbidden in ours. */
  const find = async <K extends 'pods' | 'services'>(kind: K, fieldSelector: string) => {
    try {
      return await cluster.list(kind, { fieldSelector })
    } catch (error) {
      if (!isForbidden(error)) throw error
      return cluster.list(kind, { fieldSelector, namespace: options.namespace })
    }
  }
  return {
    service: (namespace, name) => cache.get(`service ${namespace} ${name}`, () => cluster.get('services', namespace, name)),
    pod: (namespace, name) => cache.get(`pod ${namespace} ${name}`, () => cluster.get('pods', namespace, name)),
    podsOf: (namespace, selector) =>
      cache.get(podsKey(namespace, selector), () =>
        cluster.list('pods', { namespace, labelSelector: formatSelector({ matchLabels: selector }) })
      ),
    serviceByIp: ip =>
      cache.get(`service ${ip}`, async () => {
        const hasIp = ({ spec }: Service): boolean => spec?.clusterIP === ip || spec?.clusterIPs?.includes(ip) === true
        const primary = (await find('services', `spec.clusterIP=${ip}`)).find(hasIp)
        // The selector sees the first address only; a Service's second one is mostly IPv6.
        if (primary !== undefined || !ip.includes(':')) return primary
        return (await find('services', '')).find(hasIp)
      }),
    podByIp: ip =>
      cache.get(`pod ${ip}`, async () =>
        // Pods of the host's network share the node's address, which is no pod's.
        (await find('pods', `status.podIP=${ip}`)).find(
          ({ spec, status }) =>
            status?.podIP === ip && spec?.hostNetwork !== true && status.phase !== 'Succeeded' && status.phase !== 'Failed'
        )
      ),
    forgetPods: (namespace, selector) => cache.forget(podsKey(namespace, selector))
  }
}

export const isForbidden = (error: unknown): error is InterceptError =>
  error instanceof InterceptError && error.code === 'CLUSTER_FORBIDDEN'
