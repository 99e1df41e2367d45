/** Targets → plans: the one entry that a session, `--dry-run` and `--all` use. Few requests, all in parallel. */
import { InterceptError } from '../base/errors.ts'
import { together } from '../base/together.ts'
import { tunnelNotFound, withWayAround } from './failures.ts'
import { groupTunnels, targetOfGroup } from './groups.ts'
import type { ReadableCluster } from './inventory.ts'
import { locate } from './locate.ts'
import { named } from './names.ts'
import { buildPlan, type PlanRequest } from './plan.ts'
import { selectByPorts } from './choose-ports.ts'
import { ingressTarget, serverTarget } from './server-target.ts'
import { listAhead, selectedPods } from './tunnel-pods.ts'
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
    listAhead(world, namespace)
    const requests = await together(targets.map(target => requestsOf(world, target, namespace)))
    const plans = await together(requests.flatMap(list => list.map(request => buildPlan(world, request))))
    return selectByPorts(named(withoutDoubles(plans)), options.ports)
  } catch (thrown) {
    throw withWayAround(thrown)
  }
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
  const { groups } = groupTunnels(await world.facts.read(await selectedPods(world, options)))
  const where = options.allNamespaces === true ? 'any namespace' : `namespace ${options.namespace}`
  if (groups.length === 0) {
    throw new InterceptError('TUNNEL_NOT_FOUND', `no tunnel that can be joined was found in ${where}`, {
      hint: `see why: kubectl intercept list${options.allNamespaces === true ? ' -A' : ''}`
    })
  }
  const requests = groups.map(group => ({ group, target: targetOfGroup(group), name: targetOfGroup(group).name, notes: [] }))
  const plans = await together(requests.map(request => buildPlan(world, request)))
  return named(withoutDoubles(plans))
}

/** One tunnel is intercepted once, whichever targets lead to it; `--port` may say any of them. */
function withoutDoubles(plans: readonly TunnelPlan[]): TunnelPlan[] {
  const kept = new Map<string, TunnelPlan[]>()
  for (const plan of plans) {
    const key = `${plan.tunnelId} ${plan.protocol === 'udp' ? 'udp' : 'tcp'}`
    kept.set(key, [...(kept.get(key) ?? []), plan])
  }
  return [...kept.values()].flatMap(([first, ...more]) => (first === undefined ? [] : [merged(first, more)]))
}

function merged(first: TunnelPlan, more: readonly TunnelPlan[]): TunnelPlan {
  const others = more.filter((plan, at) => ![first, ...more.slice(0, at)].some(({ target }) => target.text === plan.target.text))
  if (others.length === 0) return first
  const elsewhere = others.filter(({ workload }) => workload !== first.workload).map(({ target }) => target.text)
  const note = `${elsewhere.join(', ')}: the same tunnel as ${first.target.text}, intercepted once`
  return {
    ...first,
    alsoTargets: others.map(({ target }) => target),
    notes: elsewhere.length === 0 ? first.notes : [...first.notes, note]
  }
}
