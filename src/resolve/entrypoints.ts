/** Entrypoints of a server: those that all tunnels share, and those of one tunnel, where whatever arrives goes to it. Pure. */
import type { EntrypointFact, ServerFact } from '../discovery/types.ts'
import type { FoundServer } from './server-pods.ts'

/** Where a probe may ask for a tunnel: what is said at an entrypoint of one tunnel goes to its app. */
export const sharedPort = (fact: ServerFact | undefined): number | undefined =>
  fact?.entrypoints.find(({ tunnelId, udp }) => tunnelId === undefined && udp !== true)?.port

export const portsOf = (fact: ServerFact | undefined, id: string): EntrypointFact[] =>
  (fact?.entrypoints ?? []).filter(({ tunnelId }) => tunnelId === id)

/** `:3306`, `:53/udp` */
export const portText = ({ port, udp }: EntrypointFact): string => `:${port}${udp === true ? '/udp' : ''}`

/** The server as one tunnel sees it: with the entrypoints whose visitors may be its own. */
export function serverFor(server: FoundServer, tunnelId: string): FoundServer {
  const only = <T extends ServerFact | undefined>(fact: T): T => fact && { ...fact, entrypoints: entrypointsFor(fact, tunnelId) }
  return { ...server, fact: only(server.fact), pods: server.pods.map(each => ({ ...each, fact: only(each.fact) })) }
}

/** A tunnel that no rule names, and that has an entrypoint of its own, gets nothing of the others. */
function entrypointsFor({ entrypoints, rules, rulesUnreadable }: ServerFact, id: string): ServerFact['entrypoints'] {
  const own = entrypoints.filter(each => each.tunnelId === id)
  const shared = own.length === 0 || rulesUnreadable !== undefined || rules.some(rule => rule.tunnelId === id)
  return shared ? entrypoints.filter(each => each.tunnelId === undefined || each.tunnelId === id) : own
}
