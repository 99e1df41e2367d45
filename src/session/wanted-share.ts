/** The share that a target shall have, as weight and thinning among the sidecars that are there now. */
import type { Filter } from '../filter/filter.ts'
import { shownFilter } from '../filter/shown.ts'
import type { EventBody } from '../event/types.ts'
import type { SidecarPod, TunnelPlan } from '../resolve/types.ts'
import type { InterceptSettings } from './options.ts'
import type { RunningTarget } from './running-target.ts'
import { MAX_WEIGHT, shareOf, splitFor } from './split.ts'
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'

export interface WeightAndKeep {
  weight: number
  /** The part of the arriving visitors that stays, 0…1. */
  keep: number
}

/** What was asked for; a share means another weight when sidecars come or go. */
export type WantedShare = Pick<InterceptSettings, 'weight' | 'split'>

const weightsOf = (sidecars: readonly SidecarPod[]): number[] =>
  sidecars.filter(pod => pod.ready && !pod.terminating).map(pod => pod.weight)

/** `sidecars`: undefined where nobody knows them. Throws SHARE_UNAVAILABLE when it cannot be had. */
export function expressed({ weight, split }: WantedShare, sidecars: readonly SidecarPod[] | undefined, canReturn: boolean): WeightAndKeep {
  if (split === undefined) return { weight, keep: 1 }
  if (sidecars !== undefined || split === 1) return splitFor(split, weightsOf(sidecars ?? []), canReturn)
  throw new InterceptError(
    'SHARE_UNAVAILABLE',
    `a share of ${formatShare(split)} cannot be computed: who else registers with this tunnel is not known`,
    {
      hint: 'take a weight, 1…254, and see what comes: --weight 1',
      details: { nearestWeight: 1 }
    }
  )
}

/** Undefined where nothing was read. */
export const knownSidecars = ({ byFlags }: TunnelPlan, sidecars: readonly SidecarPod[]): readonly SidecarPod[] | undefined =>
  byFlags === true ? undefined : sidecars

/** Undefined: a weight among connectors that nobody knows. 255 takes all, whoever they are. */
export const knownShare = (plan: TunnelPlan, weight: number, sidecars: readonly SidecarPod[]): number | undefined =>
  plan.byFlags === true && weight < MAX_WEIGHT ? undefined : shareOf(weight, weightsOf(sidecars))

/** As events tell it. */
export const shareFields = (
  share: number | undefined,
  thinning: number
): Pick<EventBody<'intercept.changed'>, 'share' | 'shareSource' | 'thinning'> =>
  share === undefined ? { shareSource: 'unknown', thinning } : { share: share * thinning, shareSource: 'computed', thinning }

/** What whole weights give us, 0…1; where others are not known, as if there were one of weight 1. */
export const arrivingShare = (target: RunningTarget): number => shareKnownOf(target) ?? shareOf(target.facts.weight, [1])

export const shareKnownOf = ({ facts, sidecars, options }: RunningTarget): number | undefined =>
  knownShare(options.plan, facts.weight, sidecars)

/** As events tell it, without what is secret. */
export const filterField = (filter: Filter | undefined): { filter?: string } =>
  filter === undefined ? {} : { filter: shownFilter(filter.expression) }

export function sayShare(target: RunningTarget, by: 'user' | 'control' | 'auto'): void {
  const { weight, thinning, filter } = target.facts
  const { mirror } = target.options.settings
  const share = mirror === undefined ? shareKnownOf(target) : 0
  target.options.emit('intercept.changed', {
    weight,
    ...shareFields(share, thinning),
    ...filterField(filter),
    ...(mirror !== undefined && { mirror: true }),
    by
  })
}
