/** A target's claim: made before anything is dialled, changed with its weight, given up when its visitors have left. */
import { createHash } from 'node:crypto'
import { InterceptError } from '../base/errors.ts'
import { openClaim } from '../claim/claim.ts'
import type { Claim, Wish } from '../claim/types.ts'
import type { Filter } from '../filter/filter.ts'
import { asksForSecret, shownFilter } from '../filter/shown.ts'
import { sameFilterKey } from '../filter/specificity.ts'
import type { RunningTarget } from './running-target.ts'
import type { TargetFacts } from './state.ts'

/** Undefined without a cluster. */
export async function openTargetClaim(target: RunningTarget, onTaken: () => void, signal: AbortSignal): Promise<Claim | undefined> {
  const { cluster, plan, session, user, pid, runs, clock, log, emit } = target.options
  if (cluster === undefined || plan.namespace === '') return undefined
  return openClaim({ cluster, plan, session, user, pid, runs, clock, log, emit, onTaken }, signal)
}

type Wanted = Pick<TargetFacts, 'weight' | 'filter'> & Partial<Pick<TargetFacts, 'mirrored'>>

export const wishOf = ({ weight, filter, mirrored }: Wanted, privateTunnel: string | undefined): Wish => ({
  weight,
  ...(filter !== undefined && { filter: published(filter) }),
  ...(privateTunnel !== undefined && { privateTunnel }),
  ...(mirrored === true && { mirror: true })
})

/** Everybody in the namespace may read it: of one that asks for a secret, others learn only whether it is the same. */
function published({ expression }: Filter): string {
  const key = sameFilterKey(expression)
  if (!asksForSecret(expression)) return key
  return `${shownFilter(expression)} #${createHash('sha256').update(key).digest('hex').slice(0, 12)}`
}

/** Throws TAKEN, in the words of `set`. Then all is as it was. */
export async function claimAgain({ claim, stop, options, privateTunnel }: RunningTarget, wanted: Wanted): Promise<void> {
  try {
    await claim?.want(wishOf(wanted, privateTunnel), 'refuse', stop)
  } catch (error) {
    if (!(error instanceof InterceptError) || error.code !== 'TAKEN') throw error
    const hint = `agree who steps back; or leave it here and start again with --takeover: kubectl intercept leave ${options.plan.name}`
    throw new InterceptError('TAKEN', error.message, { hint, details: error.details, cause: error })
  }
}
