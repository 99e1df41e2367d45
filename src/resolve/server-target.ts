/** A tunnel server or an Ingress as the target: its tunnels, and the sidecars that register there (product.md §4, rule 3). */
import { InterceptError } from '../base/errors.ts'
import { shortTunnel } from '../base/format.ts'
import type { IngressRule, ServerFact } from '../discovery/types.ts'
import { WITHOUT_DISCOVERY } from './failures.ts'
import { portsOf, portText } from './entrypoints.ts'
import { type FoundServer, podsBehind, serverOfPods } from './server-pods.ts'
import { servicePortTo } from './service-port.ts'
import { groupTunnels, type TunnelGroup, workloadsOf } from './groups.ts'
import { hostsOf, tunnelsOfHost } from './ingress-plan.ts'
import type { Located } from './locate.ts'
import { type Ingress, isOver, nameOf, servicePort, targetPort } from './objects.ts'
import type { World } from './world.ts'

export interface ServerTarget {
  group: TunnelGroup
  server: FoundServer
  note: string
}

/** Undefined when the target's pods run no tunnel server. */
export async function serverTarget(world: World, located: Located, namespace: string): Promise<ServerTarget | undefined> {
  const facts = (await world.facts.read(located.pods)).find(({ servers }) => servers.length > 0)
  const fact = facts?.servers[0]
  if (facts === undefined || fact === undefined) return undefined
  const way = servicePortTo(await world.services(namespace), located.service, facts.pod, fact.port)
  const server = await serverOfPods(world, { namespace, pods: located.pods, port: way?.port ?? fact.port, service: way?.service })
  return oneTunnel(world, { what: located.what, server, rules: server.fact?.rules ?? [], ids: tunnelsOf(server.fact) }, namespace)
}

/** By its rules, and by entrypoints of one tunnel alone. */
const tunnelsOf = (fact: ServerFact | undefined): Set<string> =>
  new Set([...(fact?.rules ?? []), ...(fact?.entrypoints ?? [])].flatMap(({ tunnelId }) => tunnelId ?? []))

/** Through the Ingress's hosts and the server's rules. Throws TUNNEL_NOT_FOUND when no backend is a tunnel server. */
export async function ingressTarget(world: World, ingress: Ingress, namespace: string): Promise<ServerTarget> {
  const ids = new Set<string>()
  const looked: string[] = []
  let behind: FoundServer | undefined
  for (const { host, name, port } of backendsOf(ingress)) {
    const service = (await world.services(namespace)).find(candidate => nameOf(candidate) === name)
    const entry = service === undefined ? undefined : servicePort(service, port)
    if (service === undefined || entry === undefined) {
      looked.push(
        service === undefined ? `Service ${name} does not exist` : `Service ${name} has no port ${port.name ?? port.number ?? ''}`
      )
      continue
    }
    const pods = await podsBehind(world, service)
    const facts = (await world.facts.read(pods)).find(({ servers }) => servers.length > 0)
    const fact = facts?.servers[0]
    if (facts === undefined || fact === undefined) {
      looked.push(`Service ${name} is no tunnel server: its pods are reached past any tunnel`)
      continue
    }
    const way = servicePortTo(await world.services(namespace), service, facts.pod, fact.port)
    behind ??= await serverOfPods(world, { namespace, pods, port: way?.port ?? fact.port, service: way?.service ?? service })
    if (targetPort(entry, facts.pod) === fact.port) continue
    for (const id of tunnelsOfHost(fact.rules, host)) ids.add(id)
  }
  if (behind === undefined) {
    throw new InterceptError(
      'TUNNEL_NOT_FOUND',
      `Ingress ${nameOf(ingress)} leads to no tunnel server (${[...new Set(looked)].join('; ') || 'it has no backends'})`,
      {
        hint: `see what can be intercepted: kubectl intercept list -n ${namespace}`,
        details: { target: `ingress/${nameOf(ingress)}`, looked }
      }
    )
  }
  return oneTunnel(world, { what: `ingress/${nameOf(ingress)}`, server: behind, rules: behind.fact?.rules ?? [], ids }, namespace)
}

function backendsOf(ingress: Ingress): { host: string; name: string; port: { name?: string | undefined; number?: number | undefined } }[] {
  const rules = (ingress.spec?.rules ?? []).flatMap(rule =>
    (rule.http?.paths ?? []).map(path => ({ host: rule.host ?? '', backend: path.backend }))
  )
  const fallback = ingress.spec?.defaultBackend === undefined ? [] : [{ host: '', backend: ingress.spec.defaultBackend }]
  return [...rules, ...fallback].flatMap(({ host, backend }) =>
    backend.service === undefined
      ? []
      : [{ host, name: backend.service.name, port: { name: backend.service.port?.name, number: backend.service.port?.number } }]
  )
}

interface Choice {
  what: string
  server: FoundServer
  rules: readonly IngressRule[]
  ids: ReadonlySet<string>
}

async function oneTunnel(world: World, choice: Choice, namespace: string): Promise<ServerTarget> {
  const { what, server, rules, ids } = choice
  const pods = (await world.inventory.list('pods', namespace)).filter(pod => !isOver(pod))
  const { groups } = groupTunnels(await world.facts.read(pods))
  const [id] = ids
  if (id === undefined) throw noRules(choice)
  if (ids.size > 1) throw severalTunnels(choice, groups)
  const group = groups.find(candidate => candidate.tunnelId === id) ?? { tunnelId: id, network: 'tcp', namespace, members: [] }
  const [workload] = workloadsOf(group.members)
  const hosts = [...hostsOf(rules, id), ...portsOf(server.fact, id).map(portText)]
  const leads = `${hosts.join(', ') || `tunnel ${shortTunnel(id)}`}${workload === undefined ? '' : ` (${workload})`}`
  return {
    group,
    server,
    note: what.startsWith('ingress/') ? `${what} leads to ${leads}` : `${what} is the tunnel server: took its one tunnel, ${leads}`
  }
}

function noRules({ what, server }: Choice): InterceptError {
  const why = server.unread ?? server.fact?.rulesUnreadable
  const message = what.startsWith('ingress/')
    ? `${what} leads to a tunnel server, but none of its hosts to a tunnel`
    : `${what} is a tunnel server without rules`
  return new InterceptError('TUNNEL_NOT_FOUND', why === undefined ? message : `${message} that can be read: ${why}`, {
    hint: `name a workload behind it (kubectl intercept list), or the tunnel: ${WITHOUT_DISCOVERY}`,
    details: { target: what }
  })
}

function severalTunnels({ what, server, rules, ids }: Choice, groups: readonly TunnelGroup[]): InterceptError {
  const tunnels = [...ids].map(id => {
    const group = groups.find(candidate => candidate.tunnelId === id)
    return {
      tunnel: shortTunnel(id),
      hosts: [...hostsOf(rules, id), ...portsOf(server.fact, id).map(portText)],
      workload: group === undefined ? undefined : workloadsOf(group.members)[0]
    }
  })
  const lines = tunnels.map(
    ({ tunnel, hosts, workload }) => `${hosts.join(', ') || tunnel}${workload === undefined ? '' : ` → kubectl intercept ${workload}`}`
  )
  const [first] = tunnels.flatMap(({ workload }) => workload ?? [])
  return new InterceptError('TARGET_AMBIGUOUS', `${what} leads to ${ids.size} tunnels: ${lines.join('; ')}`, {
    hint: first === undefined ? `name one: ${WITHOUT_DISCOVERY}` : `name one of them: kubectl intercept ${first}`,
    details: { target: what, tunnels }
  })
}
