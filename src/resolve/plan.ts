/** One tunnel → its TunnelPlan: server, Ingresses, what passes and what goes past (product.md §4). */
import { type HostPort, isLoopback } from '../discovery/address.ts'
import { shortTunnel } from '../base/format.ts'
import { together } from '../base/together.ts'
import type { EntrypointFact } from '../discovery/types.ts'
import type { TlsFacts } from '../discovery/tls.ts'
import { portsOf, portText, serverFor } from './entrypoints.ts'
import type { FoundServer } from './server-pods.ts'
import { servicePortTo } from './service-port.ts'
import { sidecarPod, type TunnelGroup, type TunnelMember, workloadsOf } from './groups.ts'
import { hostsOf, ingressPlans } from './ingress-plan.ts'
import { isTerminating, nameOf, namespaceOf, type Service, workloadOf } from './objects.ts'
import { meaningOfHost } from './service-name.ts'
import { bypassesOf, passesOf, protocolOf, remotesOf } from './traffic.ts'
import type { ServerPlan, TargetRef, TunnelPlan } from './types.ts'
import { podSelectorOf } from './workloads.ts'
import type { World } from './world.ts'

export interface PlanRequest {
  group: TunnelGroup
  target: TargetRef
  name: string
  /** The target's own workload and selector; by default those of the group's pods. */
  workload?: string
  podSelector?: string
  notes: readonly string[]
  /** Already known when the target is the server or an Ingress. */
  server?: FoundServer
}

export async function buildPlan(world: World, request: PlanRequest): Promise<TunnelPlan> {
  const { group } = request
  const chosen = bestMember(group.members)
  const found = request.server ?? (chosen === undefined ? undefined : await world.server(chosen.fact.server, chosen.pod))
  if (found === undefined) throw new TypeError('a plan needs a sidecar or a server')
  const server = serverFor(found, group.tunnelId)
  const [services, ingresses, serverServices, serverIngresses] = await together([
    world.services(group.namespace),
    world.inventory.listIfAllowed('ingresses', group.namespace),
    serverServicesOf(world, server),
    world.inventory.listIfAllowed('ingresses', server.namespace)
  ])
  const served = await servedBy(world, request, server)
  const hosts = server.fact === undefined ? [] : hostsOf(server.fact.rules, group.tunnelId)
  const plans = ingressPlans(serverIngresses, server, serverServices, group.tunnelId)
  const seen = hosts.length > 0 ? hosts : [...new Set(plans.filter(plan => plan.entrypoint && plan.host !== '').map(plan => plan.host))]
  const read = server.fact !== undefined && server.fact.rulesUnreadable === undefined
  const appService = appServiceOf(chosen, services)
  const ports = portsOf(server.fact, group.tunnelId)
  return {
    name: request.name,
    namespace: group.namespace,
    workload: served.workload,
    target: request.target,
    tunnelId: group.tunnelId,
    protocol: protocolOf(group.members, services, serverIngresses, { hosts: seen, read }),
    hosts: seen,
    app: chosen?.fact.app,
    sidecars: served.members.filter(({ pod }) => nameOf(pod) !== '').map(sidecarPod),
    server: serverPlan(server, serverServices, { chosen, tunnelId: group.tunnelId }),
    ingresses: plans,
    passes: passesOf({
      tunnelId: group.tunnelId,
      hosts: seen,
      ingresses: plans,
      entrypoint: entrypointName(server, serverServices),
      ports: ports.map(port => placeOf(port, server, serverServices))
    }),
    bypasses: [
      ...bypassesOf(
        group.members,
        services.filter(service => service !== server.service),
        ingresses
      ),
      ...pastAppService(appService)
    ],
    notes: [...request.notes, ...notesOf(world, { group, server, others: served.others, read })],
    podSelector: served.podSelector,
    remotes: remotesOf(group.members, services),
    ...(served.others.length === 0 ? {} : { alsoServedBy: served.others }),
    ...(appService === undefined ? {} : { appService }),
    ...(ports.length === 0 ? {} : { ports: ports.map(portText) })
  }
}

/** The one that visitors reach most likely: ready, staying, newest last. */
const bestMember = (members: readonly TunnelMember[]): TunnelMember | undefined =>
  members.find(({ pod }) => sidecarReady(pod)) ?? members.find(({ pod }) => !isTerminating(pod)) ?? members[0]

const sidecarReady = (pod: TunnelMember['pod']): boolean =>
  !isTerminating(pod) && (pod.status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ?? false)

async function serverServicesOf(world: World, server: FoundServer): Promise<Service[]> {
  return server.pods.length === 0 && server.service === undefined ? [] : world.services(server.namespace)
}

interface Served {
  workload: string
  podSelector: string | undefined
  /** The group's and those of other workloads under the same id: they take visitors too. */
  members: TunnelMember[]
  others: { workload: string; podSelector: string | undefined }[]
}

/** Other workloads are read with what is known: nothing is fetched for them. */
async function servedBy(world: World, { group, ...request }: PlanRequest, server: FoundServer): Promise<Served> {
  const mine = new Set(group.members.map(({ pod }) => nameOf(pod)))
  const all = (await world.members(group.namespace)).get(`${group.namespace} ${group.tunnelId} ${group.network}`) ?? []
  const members = [...group.members, ...all.filter(({ pod }) => !mine.has(nameOf(pod)))]
  const workload =
    request.workload ?? workloadsOf(group.members)[0] ?? (server.service === undefined ? 'tunnel' : `service/${nameOf(server.service)}`)
  const selectorFor = (name: string): Promise<string | undefined> => {
    const pods = members.map(({ pod }) => pod)
    return podSelectorOf(
      world,
      name,
      group.namespace,
      pods.filter(pod => workloadOf(pod) === name)
    )
  }
  // A selector that was given (a Service's, a workload's own) covers all pods of the group.
  const covered = request.podSelector !== undefined || workload.startsWith('pod/') ? mine : new Set<string>()
  const rest = members.filter(({ pod }) => !covered.has(nameOf(pod)) && workloadOf(pod) !== workload)
  const others = await together(workloadsOf(rest).map(async name => ({ workload: name, podSelector: await selectorFor(name) })))
  return { workload, podSelector: request.podSelector ?? (await selectorFor(workload)), members, others }
}

/** What gost does without `secure=true`. */
const UNVERIFIED: TlsFacts = { secure: false, serverName: undefined, ca: undefined, cert: undefined, key: undefined }

function serverPlan(
  server: FoundServer,
  services: readonly Service[],
  { chosen, tunnelId }: { chosen: TunnelMember | undefined; tunnelId: string }
): ServerPlan {
  const { fact } = server
  const [first] = server.pods
  const entry = first === undefined ? undefined : servicePortTo(services, server.service, first.object, first.pod.entrypointPort)
  const carrier = fact?.carrier ?? chosen?.fact.carrier ?? 'ws'
  return {
    namespace: server.namespace,
    service: server.service === undefined ? undefined : nameOf(server.service),
    servicePort: server.servicePort,
    entrypointServicePort: entry?.port,
    pods: server.pods.map(({ pod }) => pod),
    carrier,
    path: fact?.path ?? chosen?.fact.path ?? '/ws',
    hostHeader: chosen?.fact.hostHeader,
    auth: chosen === undefined ? fact?.auth.find(({ tunnels }) => tunnels?.includes(tunnelId) !== false) : chosen.fact.auth,
    tls: carrier === 'wss' || carrier === 'tls' ? (chosen?.fact.tls ?? UNVERIFIED) : undefined,
    readTimeoutMs: fact?.readTimeoutMs ?? 15_000,
    keepalive: fact?.keepalive ?? false,
    maxReceiveBuffer: fact?.maxReceiveBuffer,
    peer: fact?.peer ?? 'gost',
    unread: server.unread,
    ...(server.podSelector === undefined ? {} : { podSelector: server.podSelector }),
    ...(entry === undefined || entry.service === server.service ? {} : { entrypointService: nameOf(entry.service) }),
    ...(server.address === undefined ? {} : { address: server.address })
  }
}

/** Where visitors find an entrypoint of one tunnel. */
function placeOf(entrypoint: EntrypointFact, server: FoundServer, services: readonly Service[]): string {
  const [first] = server.pods
  const way = first === undefined ? undefined : servicePortTo(services, server.service, first.object, entrypoint.port)
  const at = portText({ ...entrypoint, port: way?.port ?? entrypoint.port }).slice(1)
  return way === undefined ? `port ${at} of the tunnel server` : `Service ${nameOf(way.service)}, port ${at}`
}

function entrypointName(server: FoundServer, services: readonly Service[]): string | undefined {
  const [first] = server.pods
  const entry = first === undefined ? undefined : servicePortTo(services, server.service, first.object, first.pod.entrypointPort)
  return entry === undefined ? undefined : `Service ${nameOf(entry.service)}, port ${entry.port}`
}

function appServiceOf(chosen: TunnelMember | undefined, services: readonly Service[]): TunnelPlan['appService'] {
  const app: HostPort | undefined = chosen?.fact.app
  if (chosen === undefined || app === undefined || isLoopback(app.host)) return undefined
  const meaning = meaningOfHost(app.host, namespaceOf(chosen.pod))
  if (meaning.kind !== 'names') return undefined
  const here = meaning.candidates.find(
    name => name.pod === undefined && services.some(service => namespaceOf(service) === name.namespace && nameOf(service) === name.service)
  )
  const name = here ?? meaning.candidates.find(candidate => candidate.pod === undefined)
  return name === undefined ? undefined : { namespace: name.namespace, service: name.service, port: app.port }
}

const pastAppService = (app: TunnelPlan['appService']): string[] =>
  app === undefined ? [] : [`Service ${app.service} is the sidecar's target: its direct callers are NOT intercepted`]

function notesOf(
  world: World,
  { group, server, others, read }: { group: TunnelGroup; server: FoundServer; others: Served['others']; read: boolean }
): string[] {
  const notes = others.map(
    ({ workload }) => `${workload} registers under the same tunnel ${shortTunnel(group.tunnelId)} and takes visitors too`
  )
  if (group.members.length === 0)
    notes.push(`no sidecar of tunnel ${shortTunnel(group.tunnelId)} was found in namespace ${group.namespace}`)
  else if (!group.members.some(({ pod }) => sidecarReady(pod))) notes.push('no pod with a sidecar is ready')
  if (server.unread !== undefined) notes.push(`the server could not be read: ${server.unread}`)
  else if (read && server.fact?.authUnreadable !== undefined)
    notes.push(`the server's users could not be read: ${server.fact.authUnreadable}`)
  const proxies = group.members[0]?.fact.proxies ?? 0
  if (proxies > 0)
    notes.push(`the sidecar reaches the server through ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}, which are not used from here`)
  const refused = [...world.inventory.forbidden].filter(what => what.startsWith('ingresses'))
  return [...notes, ...refused.map(what => `${what} may not be listed: routes and hosts through them are not known`)]
}
