/** A target's claim: made before anything is dialled, changed with its weight, given up when its visitors have left. */
import { InterceptError } from '../base/errors.ts'
import { openClaim } from '../claim/claim.ts'
import type { Claim } from '../claim/types.ts'
import type { RunningTarget } from './running-target.ts'

/** Undefined without a cluster. */
export async function openTargetClaim(target: RunningTarget, onTaken: () => void, signal: AbortSignal): Promise<Claim | undefined> {
  const { cluster, plan, session, user, pid, runs, clock, log, emit } = target.options
  if (cluster === undefined || plan.namespace === '') return undefined
  return openClaim({ cluster, plan, session, user, pid, runs, clock, log, emit, onTaken }, signal)
}

/** Throws TAKEN, in the words of `set`. Then all is as it was. */
export async function claimWeight({ claim, stop, options }: RunningTarget, weight: number): Promise<void> {
  try {
    await claim?.want({ weight }, 'refuse', stop)
  } catch (error) {
    if (!(error instanceof InterceptError) || error.code !== 'TAKEN') throw error
    const hint = `agree who steps back, or leave it here and have it handed over: kubectl intercept ${options.plan.target.text} --takeover`
    throw new InterceptError('TAKEN', error.message, { hint, details: error.details, cause: error })
  }
}
