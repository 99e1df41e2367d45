/** The errors of a resolution: what was looked at, and the flags that replace what could not be read. */
import { InterceptError } from '../base/errors.ts'
import type { Grouped } from './groups.ts'
import { isForbidden } from './inventory.ts'
import { nameOf, workloadOf } from './objects.ts'
import type { PodFacts } from './pod-facts.ts'

/** With these no discovery is needed. */
export const WITHOUT_DISCOVERY = 'kubectl intercept --tunnel-server URL --tunnel-id UUID'

/** A refusal keeps its message and gains the way around. Anything else passes unchanged. */
export function withWayAround(thrown: unknown): unknown {
  if (!isForbidden(thrown) || !(thrown instanceof InterceptError)) return thrown
  const asked = thrown.hint === undefined ? '' : `${thrown.hint}; `
  return new InterceptError(thrown.code, thrown.message, {
    hint: `${asked}or name the tunnel yourself: ${WITHOUT_DISCOVERY}`,
    details: thrown.details,
    cause: thrown
  })
}

/** Why none of these pods has a connector that can be joined: one line per container, pods of one workload told once. */
export function tunnelNotFound(what: string, facts: readonly PodFacts[], grouped: Grouped): InterceptError {
  const looked = lookedAt(facts, grouped)
  const [unusable] = grouped.unusable
  const message =
    facts.length === 0
      ? `${what} has no pods`
      : unusable === undefined
        ? `${what} has no tunnel client`
        : `the tunnel of ${what} cannot be joined: ${unusable.why}`
  const shown = looked.slice(0, 4).join('; ')
  return new InterceptError('TUNNEL_NOT_FOUND', unusable !== undefined || shown === '' ? message : `${message} (${shown})`, {
    hint:
      unusable === undefined
        ? 'see what can be intercepted: kubectl intercept list'
        : `when you know its server and id: ${WITHOUT_DISCOVERY}`,
    details: { target: what, looked }
  })
}

/** `deployment/nginx, container app: it runs node`. */
export function lookedAt(facts: readonly PodFacts[], grouped: Pick<Grouped, 'unusable'>): string[] {
  const lines = new Set<string>()
  for (const { pod, containers } of facts) {
    const name = nameOf(pod) === '' ? 'pod template' : workloadOf(pod)
    for (const container of containers) {
      const where = `${name}, container ${container.name}`
      if (container.facts.otherwise !== undefined) lines.add(`${where}: ${container.facts.otherwise}`)
      for (const problem of container.facts.problems) lines.add(`${where}: ${problem}`)
      const reasons = grouped.unusable.filter(item => item.pod === pod && item.fact.container === container.name)
      for (const { why } of reasons) lines.add(`${where}: ${why}`)
      if (container.facts.otherwise === undefined && container.facts.problems.length === 0 && container.facts.sidecars.length === 0) {
        lines.add(`${where}: ${container.facts.servers.length > 0 ? 'it is a tunnel server' : 'gost without a tunnel'}`)
      }
    }
  }
  return [...lines]
}
