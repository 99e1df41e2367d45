/** A target's claim: made before anything is dialled, changed with its weight, given up when its visitors have left. */
import { InterceptError } from '../base/errors.ts'
import { openClaim } from '../claim/claim.ts'
import type { Claim, Wish } from '../claim/types.ts'
import { sameFilterKey } from '../filter/specificity.ts'
import type { RunningTarget } from './running-target.ts'
import type { TargetFacts } from './state.ts'

/** Undefined without a cluster. */
export async function openTargetClaim(target: RunningTarget, onTaken: () => void, signal: AbortSignal): Promise<Claim | undefined> {
  const { cluster, plan, session, user, pid, runs, clock, log, emit } = target.options
  if (cluster === undefined || plan.namespace === '') return undefined
  return openClaim({ cluster, plan, session, user, pid, runs, clock, log, emit, onTaken }, signal)
}

type Wanted = Pick<TargetFacts, 'weight' | 'filter'>

export const wishOf = ({ weight, filter }: Wanted): Wish =>
  filter === undefined ? { weight } : { weight, filter: sameFilterKey(filter.expression) }

/** Throws TAKEN, in the words of `set`. Then all is as it was. */
export async function claimAgain({ claim, stop, options }: RunningTarget, wanted: Wanted): Promise<void> {
  try {
    await claim?.want(wishOf(wanted), 'refuse', stop)
  } catch (error) {
    if (!(error instanceof InterceptError) || error.code !== 'TAKEN') throw error
    const hint = `agree who steps back, or leave it here and have it handed over: kubectl intercept ${options.plan.target.text} --takeover`
    throw new InterceptError('TAKEN', error.message, { hint, details: error.details, cause: error })
  }
}
