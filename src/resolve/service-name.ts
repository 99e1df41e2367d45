/** What a host name means inside a pod: which Service or pod of the cluster, by the pod's DNS search list. Pure. */
import { isIp, isLoopback } from '../discovery/address.ts'

export type HostMeaning =
  | { kind: 'loopback' }
  | { kind: 'ip'; ip: string }
  /** In the order in which DNS tries them. */
  | { kind: 'names'; candidates: ClusterName[] }

export interface ClusterName {
  namespace: string
  service: string
  /** A pod of a headless Service, by its host name. */
  pod: string | undefined
}

/** `proxy`, `proxy.ns`, `proxy.ns.svc`, `proxy.ns.svc.cluster.local`, and a pod's name in front of each. */
export function meaningOfHost(host: string, namespace: string): HostMeaning {
  if (isLoopback(host)) return { kind: 'loopback' }
  if (isIp(host)) return { kind: 'ip', ip: host }
  const absolute = host.replace(/\.$/, '')
  const labels = absolute.split('.')
  const svc = labels.indexOf('svc')
  const rooted = host.endsWith('.') ? [] : searched(labels, namespace)
  const written = svc === 2 || svc === 3 ? named(labels.slice(0, svc)) : []
  return { kind: 'names', candidates: [...rooted, ...written] }
}

/** `NAMESPACE.svc.…` first, then `svc.…`, as in the search list of a pod. */
function searched(labels: readonly string[], namespace: string): ClusterName[] {
  const [a = '', b = '', c = ''] = labels
  if (labels.length === 1) return [{ namespace, service: a, pod: undefined }]
  if (labels.length === 2)
    return [
      { namespace, service: b, pod: a },
      { namespace: b, service: a, pod: undefined }
    ]
  return labels.length === 3 ? [{ namespace: c, service: b, pod: a }] : []
}

function named(labels: readonly string[]): ClusterName[] {
  const [a = '', b = '', c = ''] = labels
  return labels.length === 2 ? [{ namespace: b, service: a, pod: undefined }] : [{ namespace: c, service: b, pod: a }]
}
