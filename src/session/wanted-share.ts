/** The share that a target shall have, as weight and thinning among the sidecars that are there now. */
import { asError } from '../base/errors.ts'
import type { SidecarPod } from '../resolve/types.ts'
import type { InterceptOptions } from './options.ts'
import type { RunningTarget } from './running-target.ts'
import { shareOf, splitFor } from './split.ts'

export interface WeightAndKeep {
  weight: number
  /** The part of the arriving visitors that stays, 0…1. */
  keep: number
}

const weightsOf = (sidecars: readonly SidecarPod[]): number[] =>
  sidecars.filter(pod => pod.ready && !pod.terminating).map(pod => pod.weight)

/** Throws SHARE_UNAVAILABLE when it cannot be had. */
export function expressed(settings: InterceptOptions['settings'], sidecars: readonly SidecarPod[], canReturn: boolean): WeightAndKeep {
  if (settings.split === undefined) return { weight: settings.weight, keep: 1 }
  return splitFor(settings.split, weightsOf(sidecars), canReturn)
}

/** What whole weights give us, 0…1. */
export const arrivingShare = ({ facts, sidecars }: RunningTarget): number => shareOf(facts.weight, weightsOf(sidecars))

export function sayShare(target: RunningTarget, by: 'user' | 'auto'): void {
  const { weight, thinning } = target.facts
  const share = arrivingShare(target) * thinning
  target.options.emit('intercept.changed', { weight, share, shareSource: 'computed', thinning, by })
}

/** Sidecars came or went: a wanted share means another weight now. */
export function shareAgain(target: RunningTarget, canReturn: boolean): void {
  const { facts, replicas, options, stop } = target
  const { settings, log } = options
  if (settings.split === undefined || replicas === undefined) return
  try {
    const { weight, keep } = expressed(settings, target.sidecars, canReturn)
    if (weight === facts.weight && keep === facts.thinning) return
    facts.thinning = keep
    facts.weight = weight
    sayShare(target, 'auto')
    void replicas.setWeight(weight, stop).catch(error => log.warn('weight not changed', { error: asError(error) }))
  } catch (error) {
    log.info('share kept as it is', { error: asError(error) })
  }
}
