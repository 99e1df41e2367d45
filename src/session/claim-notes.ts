/** Who has claimed what, for a dry run: what it would mean for this session, and which rights there are. */
import { asError } from '../base/errors.ts'
import { lookAtClaims } from '../claim/look.ts'
import { wantsAll } from '../claim/policy.ts'
import { leaseRights } from '../claim/rights.ts'
import type { Manner, Wish } from '../claim/types.ts'
import { sinceWords, whatWords } from '../claim/words.ts'
import type { Cluster } from '../kube/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'

export interface ClaimNotesOptions {
  cluster: Cluster
  plan: TunnelPlan
  wish: Wish
  manner: Manner
  now: Date
}

export interface ClaimNotes {
  lines: string[]
  /** Who has claimed it. */
  users: string[]
}

const CONSEQUENCES: Readonly<Record<Manner, string>> = {
  refuse: 'refused without --takeover or --join',
  takeover: 'asked to hand it over (--takeover)',
  join: 'the visitors are shared at random (--join)'
}

export async function claimNotes({ cluster, plan, wish, manner, now }: ClaimNotesOptions, signal: AbortSignal): Promise<ClaimNotes> {
  const { namespace, tunnelId, name } = plan
  const { missing } = await leaseRights(cluster, namespace)
  const rights = `permissions in ${namespace}: ${missing.length === 0 ? 'leases yes' : `leases without ${missing.join(', ')}`}`
  try {
    const claims = (await lookAtClaims(cluster, { namespace, now, signal })).of(tunnelId)
    const lines = claims.map(claim => {
      const inTheWay = wish.filter === undefined ? wantsAll(wish) && wantsAll(claim) : claim.filter === wish.filter
      const what = `${claim.user} has ${name} since ${sinceWords(claim.since, now)} (${whatWords(claim)})`
      return inTheWay ? `${what}: ${CONSEQUENCES[manner]}` : what
    })
    return { lines: [rights, ...(lines.length === 0 ? [`nobody has claimed ${name}`] : lines)], users: claims.map(({ user }) => user) }
  } catch (error) {
    return { lines: [rights, `who has claimed ${name} cannot be seen: ${asError(error).message}`], users: [] }
  }
}
