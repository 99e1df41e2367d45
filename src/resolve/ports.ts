/** `--port [NAME=]LOCAL[:REMOTE]`: reading it, choosing tunnels by REMOTE, and one local port per tunnel (product.md §3, design.md §2). */
import { InterceptError } from '../base/errors.ts'
import type { PortMapping, TunnelPlan } from './types.ts'

const FORM = 'kubectl intercept TARGET --port [NAME=]LOCAL[:REMOTE], for example --port 8080, --port 127.0.0.1:8080:http, --port cart=8080'
export const DEFAULT_HOST = '127.0.0.1'

/** Throws BAD_USAGE with the form. */
export function parsePortMapping(text: string): PortMapping {
  const cut = text.indexOf('=')
  const name = cut < 0 ? undefined : text.slice(0, cut)
  if (name === '') throw badPort(text, 'the name before = is empty')
  const { host, port, rest } = splitLocal(text, text.slice(cut + 1))
  if (!/^\d+$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw badPort(text, `${port === '' ? 'nothing' : port} is no port (1 to 65535)`)
  if (rest !== undefined && !/^(?:\d{1,5}|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)$/i.test(rest)) {
    throw badPort(text, rest === '' ? 'nothing stands after the last colon' : `${rest} is neither a port number nor a port name`)
  }
  return { name, local: { host, port: Number(port) }, remote: rest }
}

/** A first segment of digits is the port; else it is the host, IPv6 in brackets. */
function splitLocal(text: string, value: string): { host: string; port: string; rest: string | undefined } {
  const bracket = /^\[([0-9a-f:.%\w]*)\]:([^:]*)(?::(.*))?$/i.exec(value)
  if (bracket !== null) return { host: bracket[1] ?? '', port: bracket[2] ?? '', rest: bracket[3] }
  const segments = value.split(':')
  const [first = '', second, third] = segments
  if (value.startsWith('[') || segments.length > 3 || (segments.length === 3 && /^\d*$/.test(first)))
    throw badPort(text, 'it has too many colons (IPv6 addresses stand in brackets)')
  if (/^\d+$/.test(first)) return { host: DEFAULT_HOST, port: first, rest: second }
  if (second === undefined) return { host: DEFAULT_HOST, port: first, rest: undefined }
  return { host: first === '' ? DEFAULT_HOST : first, port: second, rest: third }
}

const badPort = (text: string, why: string): InterceptError =>
  new InterceptError('BAD_USAGE', `--port ${text} is not understood: ${why}`, { hint: FORM })

const answersTo = (plan: TunnelPlan, name: string): boolean =>
  name === plan.name ||
  name === plan.target.name ||
  name === plan.target.text ||
  name === plan.workload ||
  name === plan.workload.split('/')[1] ||
  name === `${plan.namespace}/${plan.target.name}`

const carries = (plan: TunnelPlan, remote: string): boolean => remotesOfPlan(plan).includes(remote)
const remotesOfPlan = (plan: TunnelPlan): string[] => plan.remotes ?? (plan.app === undefined ? [] : [String(plan.app.port)])

const meant = (plan: TunnelPlan, mapping: PortMapping): boolean =>
  (mapping.name === undefined || answersTo(plan, mapping.name)) && (mapping.remote === undefined || carries(plan, mapping.remote))

/** Of a target whose tunnels a mapping picks by REMOTE only the picked ones stay. Throws when a mapping fits nothing, or more than one tunnel. */
export function selectByPorts(plans: readonly TunnelPlan[], mappings: readonly PortMapping[]): TunnelPlan[] {
  if (plans.length === 0) return []
  const chosen = new Map<PortMapping, TunnelPlan>()
  for (const mapping of mappings) chosen.set(mapping, onlyPlan(plans, mapping))
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

function onlyPlan(plans: readonly TunnelPlan[], mapping: PortMapping): TunnelPlan {
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

export interface Endpoint {
  host: string
  port: number
}

export interface AssignOptions {
  /** Under `--all` a tunnel that has no port of its own to go to is left out instead of failing the command. */
  all: boolean
  isListening: (endpoint: Endpoint) => Promise<boolean>
}

export interface Assigned {
  chosen: { plan: TunnelPlan; local: Endpoint }[]
  left: { plan: TunnelPlan; reason: string; hint: string }[]
}

/** Each tunnel's LOCAL: as written, else the app's port in the pod. Throws TARGET_AMBIGUOUS, or BAD_USAGE for a tunnel without any port, unless `all`. */
export async function assignLocals(
  plans: readonly TunnelPlan[],
  mappings: readonly PortMapping[],
  options: AssignOptions
): Promise<Assigned> {
  const written = new Map<TunnelPlan, Endpoint>()
  for (const mapping of mappings) written.set(onlyPlan(plans, mapping), mapping.local)
  const chosen: Assigned['chosen'] = []
  const left: Assigned['left'] = []
  const taken = new Map<string, TunnelPlan>()
  for (const [plan, local] of written) taken.set(`${local.host} ${local.port}`, plan)
  for (const plan of plans) {
    const given = written.get(plan)
    const local = given ?? (plan.app === undefined || plan.app.port === 0 ? undefined : { host: DEFAULT_HOST, port: plan.app.port })
    const reason =
      local === undefined
        ? `${plan.name} tells no port of its app`
        : given !== undefined
          ? undefined
          : await whyNot(local, plan, taken, options)
    if (local !== undefined && reason === undefined) {
      taken.set(`${local.host} ${local.port}`, plan)
      chosen.push({ plan, local })
      continue
    }
    const line = `--port ${portLine(plan)}`
    if (!options.all)
      throw new InterceptError(local === undefined ? 'BAD_USAGE' : 'TARGET_AMBIGUOUS', `${reason ?? ''}`, {
        hint: `say where its visitors go: ${line}`,
        details: { tunnel: plan.name }
      })
    left.push({ plan, reason: reason ?? '', hint: line })
  }
  return { chosen, left }
}

async function whyNot(
  local: Endpoint,
  plan: TunnelPlan,
  taken: ReadonlyMap<string, TunnelPlan>,
  options: AssignOptions
): Promise<string | undefined> {
  const other = taken.get(`${local.host} ${local.port}`)
  if (other !== undefined && other !== plan) return `local port ${local.port} of ${plan.name} is already taken by ${other.name}`
  if (options.all && local.port < 1024 && !(await options.isListening(local)))
    return `nothing listens on local port ${local.port} for ${plan.name}`
  return undefined
}
