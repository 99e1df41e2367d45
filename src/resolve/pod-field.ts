/** `fieldRef`: what a container can be told of its pod, and the host name it finds in HOSTNAME. Reference: kubelet_pods.go, pkg/fieldpath. Pure. */
import { goQuote } from './go-quote.ts'
import type { Pod } from './objects.ts'

const HOSTNAME_MAX = 63

export function fieldValue(pod: Pod, path: string): { text: string } | { problem: string } {
  const entry = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(path)
  if (entry !== null) return { text: (entry[1] === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations)?.[entry[2] ?? ''] ?? '' }
  if (!(path in FIELDS)) return { problem: `${path} is no field that a variable can have` }
  const text = FIELDS[path]?.(pod)
  return text === undefined ? { problem: `${path} is not known: the pod does not run` } : { text }
}

const joined = (ips: readonly { ip?: string }[] | undefined): string | undefined =>
  ips === undefined ? undefined : ips.map(({ ip }) => ip ?? '').join(',')

const FIELDS: Readonly<Record<string, (pod: Pod) => string | undefined>> = {
  'metadata.name': ({ metadata }) => metadata?.name || undefined,
  'metadata.namespace': ({ metadata }) => metadata?.namespace,
  'metadata.uid': ({ metadata }) => metadata?.uid,
  'metadata.labels': ({ metadata }) => formatMap(metadata?.labels),
  'metadata.annotations': ({ metadata }) => formatMap(metadata?.annotations),
  'spec.nodeName': ({ spec }) => spec?.nodeName,
  'spec.host': ({ spec }) => spec?.nodeName,
  'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
  'status.hostIP': ({ status }) => status?.hostIP,
  'status.hostIPs': ({ status }) => joined(status?.hostIPs) ?? status?.hostIP,
  'status.podIP': ({ status }) => status?.podIP,
  'status.podIPs': ({ status }) => joined(status?.podIPs) ?? status?.podIP
}

const formatMap = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .join('\n')

/** The container runtime sets HOSTNAME to the pod's host name; with `hostNetwork` to the node's, which has the node's name as a rule. */
export function hostnameOf(pod: Pod, clusterDomain = 'cluster.local'): string | undefined {
  const { spec, metadata } = pod
  if (spec?.hostNetwork === true) return spec.nodeName
  if (spec?.hostnameOverride !== undefined && spec.hostnameOverride !== '') return spec.hostnameOverride
  const name = spec?.hostname ?? metadata?.name ?? ''
  if (name === '') return undefined
  const short = name.slice(0, HOSTNAME_MAX).replace(/[-.]+$/, '')
  return spec?.setHostnameAsFQDN === true && spec.subdomain !== undefined
    ? `${short}.${spec.subdomain}.${metadata?.namespace ?? ''}.svc.${clusterDomain}`
    : short
}
