/**
 * gost's metadata: what stands after `?` of -L and -F, or under `metadata:`. Reading follows x/metadata/util: keys without regard to case, the first
 * of several names that exists wins even when empty, and a JSON number (float64) counts as 0 where an integer or a duration is asked for.
 */
import { parseBool, parseDurationMs, parseInteger } from './go-values.ts'

/** A number that Go holds as float64: every JSON number, and a YAML number with a fraction. */
export class GoFloat {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export type GoValue = string | number | boolean | GoFloat | null | readonly GoValue[] | { readonly [key: string]: GoValue }

/** Keys as written. */
export type Params = Map<string, GoValue>

/** Go's url.Query, first value of each key: `+` is a space, pairs with `;` or a broken escape are dropped. */
export function parseQuery(query: string): Params {
  const params: Params = new Map()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const cut = pair.indexOf('=')
    const key = unescapeQuery(cut < 0 ? pair : pair.slice(0, cut))
    const value = unescapeQuery(cut < 0 ? '' : pair.slice(cut + 1))
    if (key === undefined || value === undefined || params.has(key)) continue
    params.set(key, value)
  }
  return params
}

const unescapeQuery = (text: string): string | undefined => unescape(text.replaceAll('+', ' '))

/** Percent-decoding; undefined when an escape is broken. Bytes that are no UTF-8 become U+FFFD. */
export function unescape(text: string): string | undefined {
  if (!text.includes('%')) return text
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined
  const parts = text.split(/%([0-9a-fA-F]{2})/)
  const bytes = parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part, 'hex') : Buffer.from(part, 'utf8')))
  return Buffer.concat(bytes).toString('utf8')
}

/** The value of the first key that exists; undefined when none does. */
export function find(params: Params, ...keys: string[]): GoValue | undefined {
  for (const key of keys) {
    const wanted = key.toLowerCase()
    for (const [name, value] of params) if (name.toLowerCase() === wanted) return value
  }
  return undefined
}

export function getString(params: Params, ...keys: string[]): string {
  const value = find(params, ...keys)
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value instanceof GoFloat ? String(value.value) : ''
}

export function getInteger(params: Params, ...keys: string[]): number {
  const value = find(params, ...keys)
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' ? parseInteger(value) : 0
}

export function getBool(params: Params, ...keys: string[]): boolean {
  const value = find(params, ...keys)
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  return typeof value === 'string' && parseBool(value)
}

/** A plain integer is seconds. */
export function getDurationMs(params: Params, ...keys: string[]): number {
  const value = find(params, ...keys)
  if (typeof value === 'number') return value * 1_000
  if (typeof value !== 'string') return 0
  const ms = parseDurationMs(value)
  return ms === 0 ? parseInteger(value) * 1_000 : ms
}

/**
 * Sends each parameter where its prefix says (`connector.tunnel.id`), and those without a prefix everywhere. Prefixes are case-sensitive (cmd.go);
 * gost before 3.2.1 knows no prefixes.
 */
export function routeByPrefix<Section extends string>(params: Params, sections: readonly Section[]): Record<Section, Params> {
  const routed = Object.fromEntries(sections.map(section => [section, new Map()])) as Record<Section, Params>
  for (const [key, value] of params) {
    const owner = sections.find(section => key.startsWith(`${section}.`))
    if (owner === undefined) for (const section of sections) routed[section].set(key, value)
  }
  for (const [key, value] of params) {
    const owner = sections.find(section => key.startsWith(`${section}.`))
    if (owner !== undefined) routed[owner].set(key.slice(owner.length + 1), value)
  }
  return routed
}
