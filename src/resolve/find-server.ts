/** From the address that a sidecar dials to the tunnel server's Service and pods (product.md §4, rule 4). What those say is `server-pods.ts`. */
import type { HostPort } from '../discovery/address.ts'
import { isForbidden } from './inventory.ts'
import { type Ingress, isOver, nameOf, namespaceOf, type Pod, type Service, servicePort, workloadOf } from './objects.ts'
import { type FoundServer, podsBehind, serverOfPods } from './server-pods.ts'
import { meaningOfHost } from './service-name.ts'
import type { World } from './world.ts'

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
