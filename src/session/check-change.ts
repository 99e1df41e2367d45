/** What makes a change of a running target impossible now, said before anything is touched. */
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'
import type { Filter } from '../filter/filter.ts'
import { shownFilter } from '../filter/shown.ts'
import type { Change, ShareChange } from './change.ts'
import { checkFilter, consentQuestion, looksHere } from './personal.ts'
import type { RunningTarget } from './running-target.ts'
import { expressed, knownSidecars, type WeightAndKeep, type WantedShare } from './wanted-share.ts'

export interface Permitted {
  target: RunningTarget
  /** There is a way back to a pod, or there will be one. */
  mayReturn: boolean
  /** The user agreed that visitors pass this laptop who are not served here. */
  mayThin: boolean
}

/** Throws NO_SESSION, BAD_USAGE, SHARE_UNAVAILABLE or CONSENT_NEEDED. */
export function checkChange(change: Change, permitted: Permitted): void {
  const { target } = permitted
  const { facts, options, replicas } = target
  const { name } = options.plan
  if (facts.draining || facts.ended !== 'no') {
    throw new InterceptError('NO_SESSION', `${name} is being left: nothing of it can be changed any more`, {
      hint: 'see what runs: kubectl intercept list'
    })
  }
  if (change.kind === 'hold' && replicas === undefined) {
    throw new InterceptError('BAD_USAGE', `${name} is not registered yet, so there is nothing to hold`, {
      hint: 'see its state: kubectl intercept list'
    })
  }
  if (change.kind !== 'hold' && change.kind !== 'release') refuseBesideMirror(target)
  if (change.kind === 'weight' || change.kind === 'split' || change.kind === 'hold') refuseBesideOthers(target, change.kind)
  if (change.kind === 'weight' || change.kind === 'split') {
    refuseBesideFilter(target, change.kind)
    expressChange(change, permitted)
  }
  if (change.kind === 'filter' && change.filter !== undefined) checkWanted(change.filter, change.throughLaptop, permitted)
}

export const wantedShareOf = (change: ShareChange): WantedShare =>
  change.kind === 'weight' ? { weight: change.weight, split: undefined } : { weight: 255, split: change.share }

/** As weight and thinning. Throws SHARE_UNAVAILABLE or CONSENT_NEEDED. */
export function expressChange(change: ShareChange, { target, mayReturn, mayThin }: Permitted): WeightAndKeep {
  const { sidecars, options } = target
  const { name, server } = options.plan
  const found = inWordsOfSet(
    () => expressed(wantedShareOf(change), knownSidecars(options.plan, sidecars), mayReturn),
    name,
    options.plan.byFlags !== true
  )
  if (change.kind === 'weight' || found.keep === 1 || server.peer !== 'gost' || change.throughLaptop || mayThin) return found
  const share = formatShare(change.share)
  throw new InterceptError(
    'CONSENT_NEEDED',
    `a share of ${share} of ${name} cannot be had by whole weights: more visitors than that would pass this laptop, and the rest go back to the pods`,
    {
      hint: `agree: kubectl intercept set ${name} split=${Math.round(change.share * 1_000) / 10}% --through-laptop, or take a weight: weight=1`
    }
  )
}

function inWordsOfSet<T>(work: () => T, name: string, known: boolean): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof InterceptError) || error.code !== 'SHARE_UNAVAILABLE') throw error
    const { nearestWeight } = error.details
    const hint = `${known ? 'nearest exact share' : 'take a weight instead'}: kubectl intercept set ${name} weight=${String(nearestWeight)}`
    throw new InterceptError(error.code, error.message, { hint, cause: error })
  }
}

function refuseBesideMirror({ options: { settings, plan } }: RunningTarget): void {
  if (settings.mirror === undefined) return
  throw new InterceptError('BAD_USAGE', `${plan.name} is mirrored: the cluster answers, and there is no share of its visitors to change`, {
    hint: `leave it and take them: kubectl intercept leave ${plan.name}`
  })
}

/** The requests of several sessions pass one laptop: it cannot step aside for a moment, and a guest has no weight of its own. */
function refuseBesideOthers({ facts, guests, options }: RunningTarget, kind: 'weight' | 'split' | 'hold'): void {
  const [guest] = guests
  if (!looksHere(options.plan) || (!facts.guest && guest === undefined)) return
  const { name } = options.plan
  const why = facts.guest ? 'another session holds the tunnel' : `the requests of ${guest?.user ?? 'another session'} pass this laptop`
  throw new InterceptError('BAD_USAGE', `${name} takes no ${kind} now: ${why}`, {
    hint: `leave, and another session takes its place: kubectl intercept leave ${name}`
  })
}

function refuseBesideFilter({ facts, options }: RunningTarget, kind: 'weight' | 'split'): void {
  const { name } = options.plan
  if (facts.filter === undefined) return
  throw new InterceptError('BAD_USAGE', `${name} takes what matches its filter, and no ${kind} of the visitors`, {
    hint: `take all visitors first: kubectl intercept set ${name} filter=`
  })
}

function checkWanted(filter: Filter, throughLaptop: boolean, { target, mayReturn, mayThin }: Permitted): void {
  const { plan } = target.options
  checkFilter(plan, filter, mayReturn)
  if (!looksHere(plan) || throughLaptop || mayThin) return
  throw new InterceptError('CONSENT_NEEDED', consentQuestion(plan.name), {
    hint: `agree: kubectl intercept set ${plan.name} 'filter=${shownFilter(filter.expression)}' --through-laptop`
  })
}
