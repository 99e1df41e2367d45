/** Another weight or share of a running target: claimed, bound anew where it must be, and said. What cannot be had leaves all as it was. */
import { asError, InterceptError } from '../base/errors.ts'
import { claimAgain } from './claiming.ts'
import { rebind, type Rebinding } from './rebind.ts'
import { sayShare, type WeightAndKeep } from './wanted-share.ts'

const MAX_WEIGHT = 255

/** False when nothing is to be done. */
export async function changeShare(
  { weight, keep }: WeightAndKeep,
  by: 'user' | 'control' | 'auto',
  rebinding: Rebinding
): Promise<boolean> {
  const { target } = rebinding
  const { facts, options, replicas, voice } = target
  const before = { weight: facts.weight, thinning: facts.thinning }
  if (weight === before.weight && keep === before.thinning) return false
  // A pooled connection that is spliced already would go on as it is.
  const pooled = options.plan.server.keepalive && keep < 1 && before.thinning === 1
  // All visitors are claimed before they come here, and given up when they have left.
  if (weight === MAX_WEIGHT) await claimAgain(target, { weight, filter: facts.filter })
  facts.weight = weight
  facts.thinning = keep
  if (replicas !== undefined && (weight !== before.weight || pooled)) {
    try {
      await rebind(rebinding)
    } catch (error) {
      Object.assign(facts, before)
      await claimAgain(target, { ...facts, ...before })
      throw kept(options.plan.name, before.weight, error)
    }
  }
  if (weight !== MAX_WEIGHT) await claimAgain(target, { weight, filter: facts.filter })
  sayShare(target, by)
  voice.say('another share')
  return true
}

function kept(name: string, weight: number, thrown: unknown): InterceptError {
  const cause = asError(thrown)
  const code = cause instanceof InterceptError ? cause.code : 'TUNNEL_LOST'
  return new InterceptError(code, `${name} keeps weight ${weight}: ${cause.message}`, {
    hint: 'see its state, and try again: kubectl intercept list',
    cause
  })
}
