/** Which tunnel a `--port` means: by the name of its target, and by REMOTE. */
import { InterceptError } from '../base/errors.ts'
import { DEFAULT_HOST } from './port-mapping.ts'
import type { PortMapping, TunnelPlan } from './types.ts'

const answersTo = (plan: TunnelPlan, name: string): boolean =>
  name === plan.name ||
  name === plan.workload ||
  name === plan.workload.split('/')[1] ||
  [plan.target, ...(plan.alsoTargets ?? [])].some(
    target => name === target.name || name === target.text || name === `${plan.namespace}/${target.name}`
  )

const carries = (plan: TunnelPlan, remote: string): boolean => remotesOfPlan(plan).includes(remote)
const remotesOfPlan = (plan: TunnelPlan): string[] => plan.remotes ?? (plan.app === undefined ? [] : [String(plan.app.port)])

const meant = (plan: TunnelPlan, mapping: PortMapping): boolean =>
  (mapping.name === undefined || answersTo(plan, mapping.name)) && (mapping.remote === undefined || carries(plan, mapping.remote))

/** Without those that need not be there and are not. */
export const present = (plans: readonly TunnelPlan[], mappings: readonly PortMapping[]): PortMapping[] =>
  mappings.filter(({ ifThere, name }) => ifThere !== true || plans.some(plan => name === undefined || answersTo(plan, name)))

/** Of a target whose tunnels a mapping picks by REMOTE only the picked ones stay. Throws when a mapping fits nothing, or more than one tunnel. */
export function selectByPorts(plans: readonly TunnelPlan[], mappings: readonly PortMapping[]): TunnelPlan[] {
  if (plans.length === 0) return []
  const chosen = new Map<PortMapping, TunnelPlan>()
  for (const mapping of present(plans, mappings)) chosen.set(mapping, onlyPlan(plans, mapping))
  const picked = new Set(chosen.values())
  const narrowed = new Set([...chosen].filter(([mapping]) => mapping.remote !== undefined).map(([, plan]) => plan.target.text))
  return plans
    .filter(plan => !narrowed.has(plan.target.text) || picked.has(plan))
    .map(plan => {
      const left = plans.filter(
        other => other !== plan && other.target.text === plan.target.text && narrowed.has(other.target.text) && !picked.has(other)
      )
      return left.length === 0 ? plan : { ...plan, notes: [...plan.notes, `left alone: ${left.map(other => other.name).join(', ')}`] }
    })
}

/** Throws BAD_USAGE when it fits none, TARGET_AMBIGUOUS when it fits several. */
export function onlyPlan(plans: readonly TunnelPlan[], mapping: PortMapping): TunnelPlan {
  const fitting = plans.filter(plan => meant(plan, mapping))
  const [plan, second] = fitting
  if (plan === undefined) throw fitsNothing(plans, mapping)
  if (second === undefined) return plan
  const lines = fitting.map(one => `--port ${portLine(one, mapping)}`)
  throw new InterceptError(
    'TARGET_AMBIGUOUS',
    `--port ${textOf(mapping)} fits ${fitting.length} tunnels: ${fitting.map(one => one.name).join(', ')}`,
    {
      hint: `say which: ${lines.join(' or ')}`,
      details: { tunnels: fitting.map(one => one.name), ports: lines }
    }
  )
}

function fitsNothing(plans: readonly TunnelPlan[], mapping: PortMapping): InterceptError {
  const named = mapping.name === undefined ? plans : plans.filter(plan => answersTo(plan, mapping.name ?? ''))
  if (named.length === 0) {
    return new InterceptError('BAD_USAGE', `--port ${textOf(mapping)} names no target of this command`, {
      hint: `use one of ${plans.map(plan => `${plan.name}=`).join(', ')}`
    })
  }
  const known = [...new Set(named.flatMap(remotesOfPlan))]
  return new InterceptError('BAD_USAGE', `no tunnel of ${named[0]?.target.name ?? ''} forwards to ${mapping.remote ?? ''}`, {
    hint: known.length === 0 ? 'leave :REMOTE away' : `REMOTE may be ${known.join(', ')}: --port ${mapping.local.port}:${known[0] ?? ''}`
  })
}

/** The `--port` that means exactly this tunnel. */
export function portLine(plan: TunnelPlan, mapping?: PortMapping): string {
  const local = mapping === undefined ? 'LOCAL' : localOf(mapping)
  return plan.name.includes(':') && plan.app !== undefined ? `${plan.target.name}=${local}:${plan.app.port}` : `${plan.name}=${local}`
}

const localOf = ({ local }: PortMapping): string =>
  local.host === DEFAULT_HOST ? String(local.port) : `${local.host.includes(':') ? `[${local.host}]` : local.host}:${local.port}`
const textOf = (mapping: PortMapping): string =>
  `${mapping.name === undefined ? '' : `${mapping.name}=`}${localOf(mapping)}${mapping.remote === undefined ? '' : `:${mapping.remote}`}`
