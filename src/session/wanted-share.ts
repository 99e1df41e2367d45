/** The share that a target shall have, as weight and thinning among the sidecars that are there now. */
import type { Filter } from '../filter/filter.ts'
import { shownFilter } from '../filter/shown.ts'
import type { SidecarPod } from '../resolve/types.ts'
import type { InterceptSettings } from './options.ts'
import type { RunningTarget } from './running-target.ts'
import { shareOf, splitFor } from './split.ts'

export interface WeightAndKeep {
  weight: number
  /** The part of the arriving visitors that stays, 0…1. */
  keep: number
}

/** What was asked for; a share means another weight when sidecars come or go. */
export type WantedShare = Pick<InterceptSettings, 'weight' | 'split'>

const weightsOf = (sidecars: readonly SidecarPod[]): number[] =>
  sidecars.filter(pod => pod.ready && !pod.terminating).map(pod => pod.weight)

/** Throws SHARE_UNAVAILABLE when it cannot be had. */
export function expressed({ weight, split }: WantedShare, sidecars: readonly SidecarPod[], canReturn: boolean): WeightAndKeep {
  if (split === undefined) return { weight, keep: 1 }
  return splitFor(split, weightsOf(sidecars), canReturn)
}

/** What whole weights give us, 0…1. */
export const arrivingShare = ({ facts, sidecars }: RunningTarget): number => shareOf(facts.weight, weightsOf(sidecars))

/** As events tell it, without what is secret. */
export const filterField = (filter: Filter | undefined): { filter?: string } =>
  filter === undefined ? {} : { filter: shownFilter(filter.expression) }

export function sayShare(target: RunningTarget, by: 'user' | 'control' | 'auto'): void {
  const { weight, thinning, filter } = target.facts
  const { mirror } = target.options.settings
  const share = mirror === undefined ? arrivingShare(target) * thinning : 0
  target.options.emit('intercept.changed', {
    weight,
    share,
    shareSource: 'computed',
    thinning,
    ...filterField(filter),
    ...(mirror !== undefined && { mirror: true }),
    by
  })
}
