/** Another filter of a running target, or none any more. What cannot be had leaves all as it was. */
import type { Filter } from '../filter/filter.ts'
import { sameFilterKey } from '../filter/specificity.ts'
import { claimAgain } from './claiming.ts'
import { looksHere } from './personal.ts'
import { rebind, type Rebinding } from './rebind.ts'
import { sayShare } from './wanted-share.ts'

const MAX_WEIGHT = 255

/** Who has this filter is asked first, and nobody else's request comes here in between. False when nothing is to be done. */
export async function changeFilter(filter: Filter | undefined, by: 'user' | 'control', rebinding: Rebinding): Promise<boolean> {
  const { target, leaving } = rebinding
  const { facts, options, replicas, voice, stop } = target
  const before = { filter: facts.filter, weight: facts.weight, thinning: facts.thinning }
  if (keyOf(filter) === keyOf(before.filter)) return false
  await claimAgain(target, { weight: MAX_WEIGHT, filter })
  Object.assign(facts, { filter, weight: MAX_WEIGHT, thinning: 1 })
  try {
    if (!looksHere(options.plan)) await replicas?.refilter(filter?.text ?? '', AbortSignal.any([stop, leaving]))
    // Its pool would bring the requests of connections that are spliced already.
    const pooled = options.plan.server.keepalive && looksHere(options.plan) && before.filter === undefined
    if (replicas !== undefined && (before.weight !== MAX_WEIGHT || pooled)) await rebind(rebinding)
  } catch (error) {
    Object.assign(facts, before)
    await claimAgain(target, before)
    throw error
  }
  sayShare(target, by)
  voice.say('another filter')
  return true
}

const keyOf = (filter: Filter | undefined): string => (filter === undefined ? '' : sameFilterKey(filter.expression))
