/** gost's ingress rules (x/ingress/ingress.go): exact host, then the host as a suffix rule, then each parent. Case-sensitive; there is no catch-all. */
import type { IngressRule } from './types.ts'

/** The key gost stores a rule under: a leading `*` falls away, so `*.x` and `.x` are one, and `*` alone is nothing. */
export const keyOf = (host: string): string => (host.startsWith('*') ? host.slice(1) : host)

/** The rule that a visitor's Host (a port is ignored) leads to. Of two rules with one key the later wins. */
export function routeHost(rules: readonly IngressRule[], host: string): IngressRule | undefined {
  const byKey = new Map(rules.map(rule => [keyOf(rule.host), rule]))
  const name = /^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? (/^[^:]*:\d*$/.test(host) ? host.slice(0, host.indexOf(':')) : host)
  if (name === '') return undefined
  const exact = byKey.get(name) ?? byKey.get(`.${name}`)
  if (exact !== undefined) return exact
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const parent = byKey.get(name.slice(dot))
    if (parent !== undefined) return parent
  }
  return undefined
}

/** True for `*.x` and `.x`: the rule stands for x and everything below it. */
export const isWildcard = (host: string): boolean => keyOf(host).startsWith('.')

/** A host that the rule answers to: itself, or the apex of a wildcard. */
export const sampleHost = (host: string): string => (isWildcard(host) ? keyOf(host).slice(1) : keyOf(host))
