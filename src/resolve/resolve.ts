/** Targets → plans: the one entry that a session, `--dry-run` and `--all` use. Few requests, all in parallel. */
import { InterceptError } from '../base/errors.ts'
import { shortTunnel } from '../base/format.ts'
import { tunnelNotFound, withWayAround } from './failures.ts'
import { groupTunnels, type TunnelGroup, workloadsOf } from './groups.ts'
import type { ReadableCluster } from './inventory.ts'
import { locate } from './locate.ts'
import { isOver, labelsOf, matches, namespaceOf, parseSelector, type Pod } from './objects.ts'
import { buildPlan, type PlanRequest } from './plan.ts'
import { selectByPorts } from './choose-ports.ts'
import { ingressTarget, serverTarget } from './server-target.ts'
import { parseTarget } from './target.ts'
import type { PortMapping, TargetRef, TunnelPlan } from './types.ts'
import { createWorld, type World } from './world.ts'

export interface ResolveOptions {
  targets: readonly TargetRef[] | 'all'
  namespace: string
  /** With 'all': every namespace. */
  allNamespaces?: boolean | undefined
  /** `-l`, on the labels of pods; with 'all'. */
  selector?: string | undefined
  ports: readonly PortMapping[]
  signal: AbortSignal
}

/** Throws TARGET_NOT_FOUND, TARGET_AMBIGUOUS, TUNNEL_NOT_FOUND, BAD_USAGE, and what the cluster threw. */
export async function resolveTargets(cluster: ReadableCluster, options: ResolveOptions): Promise<TunnelPlan[]> {
  const { targets, namespace, signal } = options
  const world = createWorld(cluster, { everywhere: options.allNamespaces === true, signal })
  try {
    if (targets === 'all') return await resolveAll(world, options)
    ahead(world, namespace)
    const requests = await Promise.all(targets.map(target => requestsOf(world, target, namespace)))
    const plans = await Promise.all(requests.flatMap(list => list.map(request => buildPlan(world, request))))
    return withoutDoubles(selectByPorts(named(plans), options.ports))
  } catch (thrown) {
    throw withWayAround(thrown)
  }
}

/** Asked for at once: what nearly every resolution needs. Whoever needs it waits for it; a refusal surfaces there. */
function ahead(world: World, namespace: string): void {
  for (const kind of ['services', 'pods', 'ingresses', 'deployments'] as const)
    void world.inventory.listIfAllowed(kind, namespace).catch(() => {})
}

async function requestsOf(world: World, target: TargetRef, namespace: string): Promise<PlanRequest[]> {
  const located = await locate(world, target, namespace)
  const { notes } = located
  if (located.ingress !== undefined) {
    const { group, server, note } = await ingressTarget(world, located.ingress, namespace)
    return [{ group, target, name: target.name, notes: [...notes, note], server }]
  }
  const facts = await world.facts.read(located.template === undefined ? located.pods : [located.template])
  const grouped = groupTunnels(facts)
  if (grouped.groups.length === 0) {
    const server = await serverTarget(world, located, namespace)
    if (server === undefined) throw tunnelNotFound(located.what, facts, grouped)
    return [{ group: server.group, target, name: target.name, notes: [...notes, server.note], server: server.server }]
  }
  const workload = located.kind === 'service' ? undefined : located.what
  const left = grouped.unusable.map(({ fact, why }) => `container ${fact.container} has another tunnel that cannot be joined: ${why}`)
  return grouped.groups.map(group => ({
    group,
    target,
    name: target.name,
    notes: [...notes, ...new Set(left)],
    ...(workload === undefined ? {} : { workload }),
    ...(located.podSelector === undefined ? {} : { podSelector: located.podSelector })
  }))
}

async function resolveAll(world: World, options: ResolveOptions): Promise<TunnelPlan[]> {
  const selector = options.selector === undefined ? {} : parseSelector(options.selector)
  if (selector === undefined)
    throw new InterceptError('BAD_USAGE', `selector ${options.selector ?? ''} cannot be read`, {
      hint: "kubectl intercept --all -l 'app=nginx,tier!=cache'"
    })
  const pods = await tunnelPods(world, options)
  const chosen = pods.filter(pod => matches(selector, labelsOf(pod)))
  const { groups } = groupTunnels(await world.facts.read(chosen))
  const where = options.allNamespaces === true ? 'any namespace' : `namespace ${options.namespace}`
  if (groups.length === 0) {
    throw new InterceptError('TUNNEL_NOT_FOUND', `no tunnel that can be joined was found in ${where}`, {
      hint: `see why: kubectl intercept list${options.allNamespaces === true ? ' -A' : ''}`
    })
  }
  const requests = groups.map(group => ({ group, target: targetOf(group), name: targetOf(group).name, notes: [] }))
  const plans = await Promise.all(requests.map(request => buildPlan(world, request)))
  return withoutDoubles(named(plans))
}

/** All pods that may run a sidecar. */
export async function tunnelPods(world: World, options: { namespace: string; allNamespaces?: boolean | undefined }): Promise<Pod[]> {
  const everywhere = options.allNamespaces === true
  if (everywhere) for (const kind of ['services', 'ingresses', 'deployments'] as const) void world.inventory.listAll(kind).catch(() => {})
  else ahead(world, options.namespace)
  const pods = everywhere ? await world.inventory.listAll('pods') : await world.inventory.list('pods', options.namespace)
  const kept = pods.filter(pod => !isOver(pod))
  await Promise.all([...new Set(kept.map(namespaceOf))].map(namespace => world.services(namespace)))
  return kept
}

function targetOf(group: TunnelGroup): TargetRef {
  const [workload = 'pod/unknown'] = workloadsOf(group.members)
  const [kind = '', name = ''] = workload.split('/')
  return ['deployment', 'statefulset', 'daemonset', 'replicaset', 'pod'].includes(kind)
    ? parseTarget(workload)
    : { text: workload, kind: undefined, name }
}

/** Several tunnels of one name get the app's port behind it, namesakes of several namespaces the namespace in front. */
export function named(plans: readonly TunnelPlan[]): TunnelPlan[] {
  const count = (key: (plan: TunnelPlan) => string): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const plan of plans) counts.set(key(plan), (counts.get(key(plan)) ?? 0) + 1)
    return counts
  }
  const own = (plan: TunnelPlan): string => `${plan.namespace}/${plan.name}`
  const owners = count(own)
  const spaces = new Map<string, Set<string>>()
  for (const plan of plans) spaces.set(plan.name, (spaces.get(plan.name) ?? new Set()).add(plan.namespace))
  const taken = new Set<string>()
  return plans.map(plan => {
    const space = (spaces.get(plan.name)?.size ?? 1) > 1 ? `${plan.namespace}/` : ''
    const several = (owners.get(own(plan)) ?? 1) > 1
    let name = `${space}${plan.name}${several ? `:${plan.app?.port ?? shortTunnel(plan.tunnelId)}` : ''}`
    if (taken.has(name)) name = `${name}:${plan.protocol === 'udp' ? 'udp' : shortTunnel(plan.tunnelId)}`
    taken.add(name)
    return { ...plan, name }
  })
}

/** One tunnel is intercepted once, whichever targets lead to it. */
function withoutDoubles(plans: readonly TunnelPlan[]): TunnelPlan[] {
  const kept = new Map<string, TunnelPlan>()
  for (const plan of plans) {
    const key = `${plan.tunnelId} ${plan.protocol === 'udp' ? 'udp' : 'tcp'}`
    const first = kept.get(key)
    if (first === undefined) kept.set(key, plan)
    else if (first.workload !== plan.workload)
      kept.set(key, { ...first, notes: [...first.notes, `${plan.target.text} is served by the same tunnel: intercepted once`] })
  }
  return [...kept.values()]
}
