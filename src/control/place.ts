/** Where sessions run: the same names stand in many clusters and namespaces. */
import { printable } from '../base/format.ts'
import type { SessionCluster, SessionInfo } from './message.ts'

/** Clusters are told apart by their API server. A session that does not tell its own may be of any. */
export const isOfCluster = ({ cluster }: Pick<SessionInfo, 'cluster'>, here: SessionCluster | undefined): boolean =>
  cluster === undefined || here === undefined || normal(cluster.server) === normal(here.server)

const normal = (server: string): string => server.toLowerCase().replace(/\/+$/, '')

/** `context prod (https://203.0.113.1:6443)`. */
export function clusterWords({ context, server }: SessionCluster): string {
  const shown = printable(server, 100)
  return context === '' ? shown : `context ${printable(context, 100)} (${shown})`
}
