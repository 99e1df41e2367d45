/** One local address per tunnel: as written with `--port`, else the app's port in the pod (product.md §3, design.md §2). */
import type { Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { isLoopback } from '../discovery/address.ts'
import { onlyPlan, portLine, present } from './choose-ports.ts'
import { DEFAULT_HOST } from './port-mapping.ts'
import type { PortMapping, TunnelPlan } from './types.ts'

export interface AssignOptions {
  /** Under `--all` a tunnel without a local address of its own is left out; else the command fails. */
  all: boolean
  isListening: (endpoint: Endpoint) => Promise<boolean>
}

export interface LeftOut {
  plan: TunnelPlan
  reason: string
  /** `--port cart=LOCAL`. */
  hint: string
}

export interface Assigned {
  chosen: { plan: TunnelPlan; local: Endpoint }[]
  leftOut: LeftOut[]
}

/**
 * Two tunnels share an address only when both were written so. Throws TARGET_AMBIGUOUS for defaults that collide and BAD_USAGE for a tunnel without any
 * port, unless `all`; and what `onlyPlan` throws.
 */
export async function assignLocals(
  plans: readonly TunnelPlan[],
  mappings: readonly PortMapping[],
  options: AssignOptions
): Promise<Assigned> {
  const written = new Map<TunnelPlan, Endpoint>()
  for (const mapping of present(plans, mappings)) written.set(onlyPlan(plans, mapping), mapping.local)
  const wanted = plans.map(plan => ({ plan, local: written.get(plan) ?? defaultLocal(plan) }))
  const owners = new Map<string, TunnelPlan[]>()
  for (const { plan, local } of wanted)
    if (local !== undefined) owners.set(keyOf(plan, local), [...(owners.get(keyOf(plan, local)) ?? []), plan])
  const assigned: Assigned = { chosen: [], leftOut: [] }
  for (const { plan, local } of wanted) {
    const others = local === undefined || written.has(plan) ? [] : (owners.get(keyOf(plan, local)) ?? []).filter(other => other !== plan)
    if (local !== undefined && others.length === 0 && (written.has(plan) || !options.all || (await isServed(local, options)))) {
      assigned.chosen.push({ plan, local })
    } else {
      assigned.leftOut.push({ plan, reason: reasonOf(local, others), hint: `--port ${portLine(plan)}` })
    }
  }
  if (!options.all && assigned.leftOut.length > 0) throw failure(assigned.leftOut)
  return assigned
}

const defaultLocal = (plan: TunnelPlan): Endpoint | undefined =>
  plan.app === undefined ? undefined : { host: DEFAULT_HOST, port: plan.app.port }

/** The two loopback addresses are one for our purpose; UDP ports do not collide with TCP ports. */
const keyOf = (plan: TunnelPlan, local: Endpoint): string =>
  `${plan.protocol === 'udp' ? 'udp' : 'tcp'} ${isLoopback(local.host) ? 'loopback' : local.host} ${local.port}`

const isServed = async (local: Endpoint, options: AssignOptions): Promise<boolean> => local.port >= 1_024 || options.isListening(local)

function reasonOf(local: Endpoint | undefined, others: readonly TunnelPlan[]): string {
  if (local === undefined) return 'its sidecar does not tell the port of the app'
  if (others.length === 0) return `nothing listens on local port ${local.port}`
  return `local port ${local.port} is also that of ${others.map(other => other.name).join(', ')}`
}

function failure(leftOut: readonly LeftOut[]): InterceptError {
  const [first] = leftOut
  const unknown = leftOut.find(({ plan }) => plan.app === undefined)
  const said = unknown ?? first
  return new InterceptError(
    unknown === undefined ? 'TARGET_AMBIGUOUS' : 'BAD_USAGE',
    `where the visitors of ${said?.plan.name ?? ''} go is not clear: ${said?.reason ?? ''}`,
    {
      hint: `say where: ${leftOut.map(({ hint }) => hint).join(' ')}`,
      details: { tunnels: leftOut.map(({ plan }) => plan.name) }
    }
  )
}
