/** From the address that a sidecar dials to the tunnel server's Service and pods, and what their arguments say (product.md §4, rule 4). */
import type { HostPort } from '../discovery/address.ts'
import type { ServerFact } from '../discovery/types.ts'
import { sharedPort } from './entrypoints.ts'
import { isForbidden } from './inventory.ts'
import {
  type Ingress,
  isOver,
  isReady,
  isTerminating,
  labelsOf,
  nameOf,
  namespaceOf,
  type Pod,
  portsOf,
  type Service,
  selects,
  servicePort,
  targetPort,
  workloadOf
} from './objects.ts'
import type { ServerPod } from './types.ts'
import type { World } from './world.ts'
import { meaningOfHost } from './service-name.ts'

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

/** Never throws for what is missing or forbidden: `unread` says it. */
export async function findServer(world: World, dialled: HostPort, from: Pod): Promise<FoundServer> {
  const namespace = namespaceOf(from)
  const alias = from.spec?.hostAliases?.find(candidate => candidate.hostnames?.includes(dialled.host) === true)
  const meaning = meaningOfHost(alias?.ip ?? dialled.host, namespace)
  try {
    if (meaning.kind === 'loopback')
      return await serverOfPods(world, { namespace, pods: await siblings(world, from), port: dialled.port, service: undefined })
    if (meaning.kind === 'ip') return await serverOfIp(world, meaning.ip, dialled, namespace)
    for (const name of meaning.candidates) {
      const service = (await world.services(name.namespace)).find(candidate => nameOf(candidate) === name.service)
      if (service === undefined) continue
      const found = await serverOfService(world, service, dialled, name.pod)
      if (found !== undefined) return found
    }
    return (
      (await serverBehindIngress(world, dialled, namespace)) ?? outside(dialled, namespace, `${dialled.host} is no Service of this cluster`)
    )
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown
    return outside(dialled, namespace, `the Services and pods behind ${dialled.host} may not be read (forbidden)`, true)
  }
}

/** A server in the sidecar's own pod stands in every pod of the workload. */
async function siblings(world: World, from: Pod): Promise<Pod[]> {
  const pods = (await world.inventory.list('pods', namespaceOf(from))).filter(pod => !isOver(pod) && workloadOf(pod) === workloadOf(from))
  return pods.length === 0 ? [from] : pods
}

function outside(dialled: HostPort, namespace: string, unread: string, inCluster = false): FoundServer {
  return {
    namespace,
    service: undefined,
    servicePort: dialled.port,
    pods: [],
    fact: undefined,
    podSelector: undefined,
    unread,
    address: inCluster ? undefined : dialled,
    problems: []
  }
}

async function serverOfService(
  world: World,
  service: Service,
  dialled: HostPort,
  podName: string | undefined
): Promise<FoundServer | undefined> {
  const namespace = namespaceOf(service)
  if (service.spec?.type === 'ExternalName') {
    const external = service.spec.externalName ?? ''
    const meaning = meaningOfHost(`${external.replace(/\.$/, '')}.`, namespace)
    const [name] = meaning.kind === 'names' ? meaning.candidates : []
    const other =
      name === undefined
        ? undefined
        : (await world.services(name.namespace)).find(
            candidate => nameOf(candidate) === name.service && candidate.spec?.type !== 'ExternalName'
          )
    if (other !== undefined) return serverOfService(world, other, dialled, undefined)
    return outside(
      { host: external, port: dialled.port },
      namespace,
      `Service ${nameOf(service)} stands for ${external}, outside the cluster`
    )
  }
  const pods = await podsBehind(world, service)
  const chosen = podName === undefined ? pods : pods.filter(pod => (pod.spec?.hostname ?? nameOf(pod)) === podName)
  if (podName !== undefined && chosen.length === 0) return undefined
  return serverOfPods(world, { namespace, pods: chosen, port: dialled.port, service })
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

async function serverOfIp(world: World, ip: string, dialled: HostPort, namespace: string): Promise<FoundServer> {
  const services = await world.services(namespace)
  const service = services.find(({ spec, status }) =>
    [
      spec?.clusterIP,
      ...(spec?.clusterIPs ?? []),
      ...(spec?.externalIPs ?? []),
      ...(status?.loadBalancer?.ingress ?? []).map(item => item.ip)
    ].includes(ip)
  )
  if (service !== undefined)
    return (await serverOfService(world, service, dialled, undefined)) ?? outside(dialled, namespace, `${ip} has no pods`)
  const pods = (await world.inventory.list('pods', namespace)).filter(pod => pod.status?.podIP === ip && !isOver(pod))
  if (pods.length > 0) return serverOfPods(world, { namespace, pods, port: dialled.port, service: undefined })
  return (
    (await serverBehindIngress(world, dialled, namespace)) ??
    outside(dialled, namespace, `${ip} is neither a Service nor a pod of namespace ${namespace}`)
  )
}

/** A sidecar may go out and come back in through an Ingress of its own namespace. */
async function serverBehindIngress(world: World, dialled: HostPort, namespace: string): Promise<FoundServer | undefined> {
  const ingresses = await world.inventory.listIfAllowed('ingresses', namespace)
  const answers = (ingress: Ingress): boolean =>
    (ingress.status?.loadBalancer?.ingress ?? []).some(({ ip, hostname }) => ip === dialled.host || hostname === dialled.host) ||
    (ingress.spec?.rules ?? []).some(rule => rule.host === dialled.host)
  for (const ingress of ingresses.filter(answers)) {
    const backends = (ingress.spec?.rules ?? []).flatMap(rule => (rule.http?.paths ?? []).map(path => path.backend.service))
    for (const backend of backends) {
      const service = (await world.services(namespace)).find(candidate => nameOf(candidate) === backend?.name)
      const port = service === undefined ? undefined : servicePort(service, { name: backend?.port?.name, number: backend?.port?.number })
      if (service === undefined || port === undefined) continue
      const found = await serverOfService(world, service, { host: dialled.host, port: port.port }, undefined)
      if (found !== undefined && found.fact !== undefined) return found
    }
  }
  return undefined
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

/** The Service port that leads to this container port, on the server's own Service first, then on any other that selects its pods. */
export function servicePortTo(
  services: readonly Service[],
  own: Service | undefined,
  pod: Pod,
  containerPort: number | undefined
): { service: Service; port: number } | undefined {
  if (containerPort === undefined) return undefined
  const others = services.filter(service => service !== own && selects(service.spec?.selector, labelsOf(pod)))
  for (const service of own === undefined ? others : [own, ...others]) {
    const port = portsOf(service).find(candidate => targetPort(candidate, pod) === containerPort)
    if (port !== undefined) return { service, port: port.port }
  }
  return undefined
}
