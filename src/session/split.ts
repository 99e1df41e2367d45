/** A wanted share → a whole weight, and what must be thinned on the laptop (design.md §4 "Split"). Pure. */
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'

export interface Split {
  /** 1…255. */
  weight: number
  /** The part of the visitors that reaches the laptop by weight alone, 0…1. */
  arriving: number
  /** The part of those that stays; the rest takes the return path. 1 = none is sent back. */
  keep: number
  /** What the laptop serves in the end. */
  share: number
}

/** Half a point, and a little for floating point. */
const EXACT = 0.005 + 1e-9
export const MAX_WEIGHT = 255

/** The share that a weight gives beside sidecars of these weights (0 counts as 1; a 255 among them shares uniformly with ours). */
export function shareOf(weight: number, sidecars: readonly number[]): number {
  const weights = sidecars.map(each => (each === 0 ? 1 : each))
  const holders = weights.filter(each => each === MAX_WEIGHT).length
  if (weight === MAX_WEIGHT) return 1 / (holders + 1)
  if (holders > 0) return 0
  return weight / (weights.reduce((sum, each) => sum + each, 0) + weight)
}

/**
 * The best weight for a share of 0…1, thinned when whole weights cannot express it. Without a return path only an exact weight will do:
 * throws SHARE_UNAVAILABLE with the nearest exact shares otherwise.
 */
export function splitFor(wanted: number, sidecars: readonly number[], canReturn: boolean): Split {
  const weight = smallestReaching(wanted, sidecars)
  const arriving = shareOf(weight, sidecars)
  if (Math.abs(arriving - wanted) <= EXACT) return { weight, arriving, keep: 1, share: arriving }
  if (canReturn && arriving >= wanted) return { weight, arriving, keep: wanted / arriving, share: wanted }
  const why =
    arriving < wanted ? 'is out of reach: another connector holds weight 255' : 'needs a return path to the pods, and there is none'
  const nearest = nearestExact(wanted, sidecars)
  throw new InterceptError('SHARE_UNAVAILABLE', `a share of ${formatShare(wanted)} ${why}`, {
    hint: `nearest exact share: ${formatShare(shareOf(nearest, sidecars))} with --weight ${nearest}`,
    details: { nearestWeight: nearest }
  })
}

function smallestReaching(wanted: number, sidecars: readonly number[]): number {
  for (let weight = 1; weight < MAX_WEIGHT; weight += 1) if (shareOf(weight, sidecars) >= wanted - EXACT) return weight
  return MAX_WEIGHT
}

function nearestExact(wanted: number, sidecars: readonly number[]): number {
  const all = Array.from({ length: MAX_WEIGHT }, (_, index) => index + 1)
  return all.reduce(
    (best, each) => (Math.abs(shareOf(each, sidecars) - wanted) < Math.abs(shareOf(best, sidecars) - wanted) ? each : best),
    1
  )
}
