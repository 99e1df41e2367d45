/** Who has claimed what, for a dry run: what it would mean for this session, and which rights there are. */
import { asError } from '../base/errors.ts'
import { lookAtClaims } from '../claim/look.ts'
import { wantsAll } from '../claim/policy.ts'
import { leaseRights } from '../claim/rights.ts'
import type { Wish } from '../claim/types.ts'
import { sinceWords, whatWords } from '../claim/words.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'

export interface ClaimNotesOptions {
  cluster: Cluster
  plan: TunnelPlan
  wish: Wish
  /** Neither `--takeover` nor `--join`. */
  refused: boolean
  now: Date
}

export async function claimNotes({ cluster, plan, wish, refused, now }: ClaimNotesOptions, signal: AbortSignal): Promise<string[]> {
  const { namespace, tunnelId, name } = plan
  const { missing } = await leaseRights(cluster, namespace)
  const rights = `permissions in ${namespace}: ${missing.length === 0 ? 'leases yes' : `leases without ${missing.join(', ')}`}`
  try {
    const claims = (await lookAtClaims(cluster, { namespace, now, signal })).of(tunnelId)
    const lines = claims.map(claim => {
      const inTheWay = wish.filter === undefined ? wantsAll(wish) && wantsAll(claim) : claim.filter === wish.filter
      const what = `${claim.user} has ${name} since ${sinceWords(claim.since, now)} (${whatWords(claim)})`
      return refused && inTheWay ? `${what}: refused without --takeover or --join` : what
    })
    return [rights, ...(lines.length === 0 ? [`nobody has claimed ${name}`] : lines)]
  } catch (error) {
    return [rights, `who has claimed ${name} cannot be seen: ${asError(error).message}`]
  }
}
