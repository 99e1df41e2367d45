/** The pods behind a Service or a port, and the tunnel server that their own arguments describe. */
import type { HostPort } from '../discovery/address.ts'
import type { ServerFact } from '../discovery/types.ts'
import { sharedPort } from './entrypoints.ts'
import {
  isOver,
  isReady,
  isTerminating,
  labelsOf,
  nameOf,
  namespaceOf,
  type Pod,
  type Service,
  selects,
  servicePort,
  targetPort,
  workloadOf
} from './objects.ts'
import type { ServerPod } from './types.ts'
import type { World } from './world.ts'

export interface FoundServer {
  namespace: string
  service: Service | undefined
  /** Port of the Service, or of the pod when there is none. */
  servicePort: number
  pods: { pod: ServerPod; object: Pod; fact: ServerFact | undefined }[]
  /** Of the first pod that could be read. */
  fact: ServerFact | undefined
  podSelector: string | undefined
  unread: string | undefined
  /** Outside the cluster, as dialled. */
  address: HostPort | undefined
  problems: string[]
}

/** By selector, else by its Endpoints. */
export async function podsBehind(world: World, service: Service): Promise<Pod[]> {
  const namespace = namespaceOf(service)
  const pods = (await world.inventory.list('pods', namespace)).filter(pod => !isOver(pod))
  if (Object.keys(service.spec?.selector ?? {}).length > 0) return pods.filter(pod => selects(service.spec?.selector, labelsOf(pod)))
  const endpoints = await world.inventory.get('endpoints', namespace, nameOf(service))
  const addresses = (endpoints?.subsets ?? []).flatMap(subset => [...(subset.addresses ?? []), ...(subset.notReadyAddresses ?? [])])
  return pods.filter(pod =>
    addresses.some(address => (address.targetRef === undefined ? address.ip === pod.status?.podIP : address.targetRef.name === nameOf(pod)))
  )
}

interface Behind {
  namespace: string
  pods: Pod[]
  port: number
  service: Service | undefined
}

/** The pods' own arguments say what the port means. */
export async function serverOfPods(world: World, { namespace, pods, port, service }: Behind): Promise<FoundServer> {
  const headless = service?.spec?.clusterIP === 'None'
  const entry = service === undefined || headless ? undefined : servicePort(service, { number: port })
  const facts = await world.facts.read(pods)
  const found = facts.map(({ pod, servers }) => {
    const tunnelPort = service === undefined || headless ? port : entry === undefined ? undefined : targetPort(entry, pod)
    const fact =
      servers.find(server => server.port === tunnelPort) ??
      (entry === undefined && !headless && service !== undefined && servers.length === 1 ? servers[0] : undefined)
    return { object: pod, fact, pod: serverPod(pod, tunnelPort ?? fact?.port ?? port, fact) }
  })
  const readable = found.filter(({ fact }) => fact !== undefined)
  const kept = readable.length > 0 ? readable : found
  const problems = facts.flatMap(pod => pod.problems)
  if (service !== undefined && !headless && entry === undefined) problems.push(`Service ${nameOf(service)} has no port ${port}`)
  const [first] = readable
  const where = service === undefined ? `port ${port} of ${pods.map(nameOf).join(', ')}` : `Service ${nameOf(service)}`
  return {
    namespace,
    service,
    servicePort: port,
    pods: kept.map(({ pod, object, fact }) => ({ pod, object, fact })),
    fact: first?.fact,
    podSelector: selectorText(service),
    unread: first === undefined ? unreadReason(where, pods, problems) : first.fact?.rulesUnreadable,
    address: undefined,
    problems
  }
}

function unreadReason(where: string, pods: readonly Pod[], problems: readonly string[]): string {
  if (pods.length === 0) return `no pod stands behind ${where}`
  const [problem] = problems
  return problem === undefined
    ? `no gost tunnel server was recognised behind ${where} (${workloadOf(pods[0] ?? {})})`
    : `the tunnel server behind ${where} could not be read: ${problem}`
}

export function selectorText(service: Service | undefined): string | undefined {
  const entries = Object.entries(service?.spec?.selector ?? {})
  return entries.length === 0 ? undefined : entries.map(([key, value]) => `${key}=${value}`).join(',')
}

export const serverPod = (pod: Pod, tunnelPort: number, fact: ServerFact | undefined): ServerPod => ({
  pod: nameOf(pod),
  namespace: namespaceOf(pod),
  ip: pod.status?.podIP ?? '',
  ready: isReady(pod),
  terminating: isTerminating(pod),
  tunnelPort,
  entrypointPort: sharedPort(fact)
})
