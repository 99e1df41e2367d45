/**
 * Host or SNI → tunnel, by the server's rules (`tunnel=HOST:UUID,…`). As gost's ingress (x/ingress/ingress.go): exact first, then `*.x`/`.x` from the
 * longest suffix down, both matching the apex too. Unlike gost: names compare case-insensitively, a trailing dot does not matter, `*` catches all. Pure.
 */

export interface RouteRule {
  /** `name`, `*.name`, `.name` or `*`. */
  host: string
  tunnelId: string
  /** Reachable only from inside (a relay with the id), never by visitors. */
  private?: boolean
}

export interface Route {
  tunnelId: string
  private: boolean
}

export interface Routes {
  readonly empty: boolean
  /** Every tunnel that a rule leads to. */
  readonly tunnelIds: readonly string[]
  /** What leads visitors to this tunnel, as a rule has it: `name`, `*.name` or `*`. */
  hostsOf(tunnelId: string): string[]
  /** `host` as a visitor sent it: with or without a port. */
  find(host: string): Route | undefined
}

const LONGEST_NAME = 255

export function routesOf(rules: readonly RouteRule[]): Routes {
  const exact = new Map<string, Route>()
  const suffix = new Map<string, Route>()
  for (const rule of rules) {
    const name = normalName(rule.host)
    const route = { tunnelId: rule.tunnelId.toLowerCase(), private: rule.private === true }
    if (name === '*') suffix.set('', route)
    else if (name.startsWith('*.')) suffix.set(name.slice(1), route)
    else if (name.startsWith('.')) suffix.set(name, route)
    else exact.set(name, route)
  }
  return {
    empty: rules.length === 0,
    tunnelIds: [...new Set([...exact.values(), ...suffix.values()].map(({ tunnelId }) => tunnelId))],
    hostsOf: tunnelId =>
      [...exact, ...suffix]
        .filter(([, route]) => route.tunnelId === tunnelId && !route.private)
        .map(([name]) => (name === '' || name.startsWith('.') ? `*${name}` : name)),
    find(host) {
      const name = normalName(stripPort(host))
      // No such name exists, and no open message could carry it: a stock connector would be reset by it.
      if (name.length > LONGEST_NAME) return undefined
      return exact.get(name) ?? findSuffix(suffix, name)
    }
  }
}

function findSuffix(suffix: ReadonlyMap<string, Route>, name: string): Route | undefined {
  for (let rest = `.${name}`; rest !== ''; ) {
    const route = suffix.get(rest)
    if (route !== undefined) return route
    const dot = rest.indexOf('.', 1)
    rest = dot < 0 ? '' : rest.slice(dot)
  }
  return suffix.get('')
}

const normalName = (name: string): string => {
  const lower = name.trim().toLowerCase()
  return lower.length > 1 && lower.endsWith('.') ? lower.slice(0, -1) : lower
}

/** `a:80` → `a`, `[::1]:80` → `::1`, `::1` → `::1`. */
export function stripPort(host: string): string {
  if (host.startsWith('[')) {
    const end = host.indexOf(']')
    return end < 0 ? host : host.slice(1, end)
  }
  const colon = host.indexOf(':')
  return colon >= 0 && colon === host.lastIndexOf(':') ? host.slice(0, colon) : host
}

/** The port a visitor named, else `fallback`. */
export function portOf(host: string, fallback: number): number {
  const match = /^[^:]*:(\d{1,5})$/.exec(host.startsWith('[') ? host.slice(host.indexOf(']') + 1) : host)
  const port = Number(match?.[1] ?? fallback)
  return port <= 65_535 ? port : fallback
}
