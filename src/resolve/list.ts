/** Rows of `kubectl intercept list`: every tunnel of a namespace, or of all, and the sidecars that nobody can join, with the reason. */
import { shortTunnel } from '../base/format.ts'
import { together } from '../base/together.ts'
import type { SidecarFact } from '../discovery/types.ts'
import { withWayAround } from './failures.ts'
import { type Grouped, groupTunnels, targetOfGroup } from './groups.ts'
import type { ReadableCluster } from './inventory.ts'
import { isReady, isTerminating, nameOf, namespaceOf, type Pod, workloadOf } from './objects.ts'
import { named } from './names.ts'
import { buildPlan } from './plan.ts'
import type { PodFacts } from './pod-facts.ts'
import { type PodChoice, selectedPods } from './tunnel-pods.ts'
import type { TunnelPlan } from './types.ts'
import { createWorld } from './world.ts'

export interface ListOptions extends PodChoice {
  signal?: AbortSignal | undefined
}

export interface TunnelRow {
  /** What a `--port NAME=` and a target call it. */
  name: string
  namespace: string
  /** `deployment/nginx`. */
  workload: string
  /** Shortened; undefined where gost makes up a new one at each start. */
  tunnel: string | undefined
  protocol: TunnelPlan['protocol']
  hosts: string[]
  /** As in the plan. */
  ports?: string[]
  appPort: number | undefined
  sidecars: { ready: number; total: number }
  /** Of the ready sidecars, without doubles, largest first. */
  weights: number[]
  /** `proxy:8421`, `proxy.infra:8421` when it is in another namespace, else the address that the sidecar dials. */
  server: string
  /** Undefined: the server could not be read. */
  peer: 'gost' | 'ours' | undefined
  passes: string[]
  bypasses: string[]
  notes: string[]
  /** Empty when all is well. */
  problems: string[]
  joinable: boolean
  /** Undefined when it cannot be joined. */
  plan: TunnelPlan | undefined
}

/** Sorted by namespace and name. Throws what the cluster threw, and BAD_USAGE for the selector. */
export async function listTunnels(cluster: ReadableCluster, options: ListOptions): Promise<TunnelRow[]> {
  const world = createWorld(cluster, { everywhere: options.allNamespaces === true, signal: options.signal })
  try {
    const facts = await world.facts.read(await selectedPods(world, options))
    const grouped = groupTunnels(facts)
    const requests = grouped.groups.map(group => ({ group, target: targetOfGroup(group), name: targetOfGroup(group).name, notes: [] }))
    const plans = named(await together(requests.map(request => buildPlan(world, request))))
    const rows = plans.map(plan => planRow(plan, facts))
    return [...rows, ...unusableRows(grouped), ...unreadRows(facts)].sort(
      (a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)
    )
  } catch (thrown) {
    throw withWayAround(thrown)
  }
}

function planRow(plan: TunnelPlan, facts: readonly PodFacts[]): TunnelRow {
  const ready = plan.sidecars.filter(sidecar => sidecar.ready && !sidecar.terminating)
  const own = new Set(plan.sidecars.map(sidecar => `${sidecar.namespace}/${sidecar.pod}`))
  const told = facts.filter(({ pod }) => own.has(`${namespaceOf(pod)}/${nameOf(pod)}`)).flatMap(({ problems }) => problems)
  const serverPods = plan.server.pods.filter(pod => pod.ready && !pod.terminating)
  const problems = [
    ...(ready.length === 0 ? ['no pod with a sidecar is ready'] : []),
    ...(plan.server.unread === undefined
      ? serverPods.length === 0
        ? ['no pod of the tunnel server is ready']
        : []
      : [plan.server.unread]),
    ...told
  ]
  return {
    name: plan.name,
    namespace: plan.namespace,
    workload: plan.workload,
    tunnel: shortTunnel(plan.tunnelId),
    protocol: plan.protocol,
    hosts: plan.hosts,
    ...(plan.ports !== undefined && { ports: plan.ports }),
    appPort: plan.app?.port,
    sidecars: { ready: ready.length, total: plan.sidecars.length },
    weights: [...new Set(ready.map(sidecar => sidecar.weight))].sort((a, b) => b - a),
    server: serverName(plan),
    peer: plan.server.unread === undefined || plan.server.pods.length > 0 ? plan.server.peer : undefined,
    passes: plan.passes,
    bypasses: plan.bypasses,
    notes: plan.notes,
    problems: [...new Set(problems)],
    joinable: true,
    plan
  }
}

function serverName({ namespace, server }: TunnelPlan): string {
  if (server.service !== undefined)
    return `${server.service}${server.namespace === namespace ? '' : `.${server.namespace}`}:${server.servicePort}`
  if (server.address !== undefined) return `${server.address.host}:${server.address.port}`
  const [pod] = server.pods
  return pod === undefined ? `port ${server.servicePort}` : `${pod.pod}:${pod.tunnelPort}`
}

/** One row per workload and reason. */
function unusableRows({ unusable }: Grouped): TunnelRow[] {
  const rows = new Map<string, TunnelRow>()
  for (const { pod, fact, why } of unusable) {
    const key = `${namespaceOf(pod)} ${workloadOf(pod)} ${fact.container} ${why}`
    const row = rows.get(key) ?? problemRow(pod, fact, `container ${fact.container}: ${why}`)
    row.sidecars.total += 1
    if (isReady(pod) && !isTerminating(pod)) row.sidecars.ready += 1
    rows.set(key, row)
  }
  return [...rows.values()]
}

/** gost runs there, but not even its tunnels are known. */
function unreadRows(facts: readonly PodFacts[]): TunnelRow[] {
  const rows = new Map<string, TunnelRow>()
  for (const { pod, sidecars, servers, problems, containers } of facts) {
    const unread = containers.some(container => container.facts.otherwise === undefined && container.facts.problems.length > 0)
    if (!unread || sidecars.length > 0 || servers.length > 0) continue
    const key = `${namespaceOf(pod)} ${workloadOf(pod)}`
    if (!rows.has(key)) rows.set(key, { ...problemRow(pod, undefined, ''), problems: [...new Set(problems)] })
  }
  return [...rows.values()]
}

function problemRow(pod: Pod, fact: SidecarFact | undefined, problem: string): TunnelRow {
  const workload = workloadOf(pod)
  return {
    name: workload.slice(workload.indexOf('/') + 1),
    namespace: namespaceOf(pod),
    workload,
    tunnel: fact?.tunnelId === undefined ? undefined : shortTunnel(fact.tunnelId),
    protocol: fact?.network === 'udp' ? 'udp' : 'http',
    hosts: [],
    appPort: fact?.app?.port,
    sidecars: { ready: 0, total: 0 },
    weights: fact === undefined ? [] : [fact.weight],
    server: fact === undefined ? '' : `${fact.server.host}:${fact.server.port}`,
    peer: fact?.peer,
    passes: [],
    bypasses: [],
    notes: [],
    problems: [problem],
    joinable: false,
    plan: undefined
  }
}
