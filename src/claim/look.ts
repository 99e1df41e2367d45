/** Claims as they stand now, for whoever only looks and does not stay. */
import type { Cluster } from '../kube/types.ts'
import { looksExpired } from './freshness.ts'
import { type ClaimRecord, readLease, type SeenLease, TUNNEL_LABEL, tunnelHash } from './lease.ts'
import { liveOthers } from './policy.ts'

/** Without what is between the sessions only. */
export type ListedClaim = Pick<ClaimRecord, 'user' | 'pid' | 'since' | 'weight' | 'filter'>

export interface ListedClaims {
  /** Ids are copied: with a namespace only those of its workloads. */
  of(tunnelId: string, namespace?: string): readonly ListedClaim[]
}

/** Live by the calendar: it is not waited for who renews. Throws CLUSTER_FORBIDDEN. */
export async function lookAtClaims(
  cluster: Pick<Cluster, 'list'>,
  { namespace, now, signal }: { namespace: string | undefined; now: Date; signal?: AbortSignal }
): Promise<ListedClaims> {
  const leases = await cluster.list('leases', { namespace, labelSelector: TUNNEL_LABEL, signal })
  const seen = leases.map(readLease).filter(each => each !== undefined)
  return {
    of(tunnelId, within) {
      const tunnel = tunnelHash(tunnelId)
      const isOther = ({ metadata }: SeenLease['lease']): boolean =>
        metadata.labels?.[TUNNEL_LABEL] !== tunnel || (within !== undefined && metadata.namespace !== within)
      const claims = liveOthers(seen, each => isOther(each.lease) || looksExpired(each, now))
      return claims.map(({ user, pid, since, weight, filter }) => ({
        user,
        pid,
        since,
        weight,
        ...(filter === undefined ? {} : { filter })
      }))
    }
  }
}
