/** The plan beside what a process in the container really has: the container is right, the plan says where each variable comes from. Pure. */
import type { EnvironmentPlan, Missing, Variable } from './types.ts'

/** `cat /proc/self/environ` and `env -0`: NUL between entries. */
export function parseEnviron(bytes: Buffer): Map<string, string> {
  const found = new Map<string, string>()
  for (const entry of bytes.toString('utf8').split('\0')) {
    const equals = entry.indexOf('=')
    if (equals > 0) found.set(entry.slice(0, equals), entry.slice(equals + 1))
  }
  return found
}

export interface Found {
  variables: Variable[]
  /** What the container would get if it started now, and has not. */
  newer: string[]
}

/** In the plan's order, then what only the container knows, sorted. */
export function asFound(plan: EnvironmentPlan, found: ReadonlyMap<string, string>): Found {
  const left = new Map(found)
  const variables: Variable[] = []
  const newer: string[] = []
  for (const variable of plan.variables) {
    const value = left.get(variable.name)
    left.delete(variable.name)
    if (value === undefined) newer.push(variable.name)
    else if (value === variable.value) variables.push(variable)
    else variables.push({ ...variable, value, source: `${variable.source} (changed since the container started)` })
  }
  const groups = plan.missing.filter(({ name }) => name === undefined)
  for (const [name, value] of [...left].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const planned = plan.missing.find(missing => missing.name === name)
    variables.push(
      planned === undefined ? { name, value, ...behind(name, groups) } : { name, value, source: planned.source, secret: planned.secret }
    )
  }
  return { variables, newer }
}

/** Set by the runtime when the image does not. */
const OF_RUNTIME = new Set(['PATH', 'HOME', 'TERM'])

/** What no plan names is the image's, or belongs to an object that could not be read. */
function behind(name: string, groups: readonly Missing[]): { source: string; secret: boolean } {
  if (OF_RUNTIME.has(name)) return { source: 'image or runtime', secret: false }
  if (groups.length === 0) return { source: 'image', secret: false }
  return { source: ['image', ...groups.map(({ source }) => source)].join(' or '), secret: groups.some(({ secret }) => secret) }
}
