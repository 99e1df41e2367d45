/** What tunnels are called on screens and in `--port NAME=`. Pure. */
import { shortTunnel } from '../base/format.ts'
import type { TunnelPlan } from './types.ts'

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
