/** Changes of a target while it runs, one after the other: another weight or share, held, released. New before old; what cannot be had leaves all as it was. */
import { sleep } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'
import type { EventBody, TargetState } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import { shownFilter } from '../filter/shown.ts'
import { sameFilterKey } from '../filter/specificity.ts'
import { claimAgain } from './claiming.ts'
import { leave, part } from './leave-quietly.ts'
import { checkFilter, consentQuestion, looksHere } from './personal.ts'
import type { RunningTarget } from './running-target.ts'
import { stateOf } from './state.ts'
import { arrivingShare, expressed, filterField, sayShare, type WeightAndKeep } from './wanted-share.ts'
import { withGrace } from './with-grace.ts'

export type Change =
  | { kind: 'weight'; weight: number }
  /** `throughLaptop`: consent to thinning. */
  | { kind: 'split'; share: number; throughLaptop: boolean }
  /** Undefined: all visitors again. `throughLaptop`: consent to looking at the others too. */
  | { kind: 'filter'; filter: Filter | undefined; throughLaptop: boolean }
  | { kind: 'hold' }
  | { kind: 'release' }

/** Who asks for it. */
export type By = Extract<EventBody<'command'>['by'], 'tui' | 'control'>

export interface Changed {
  target: string
  /** False: it was so already. */
  changed: boolean
  state: TargetState
  weight: number
  /** 0…1, computed. */
  share: number
  thinning: number
  /** As others may read it. */
  filter?: string
}

export interface Changer {
  /** Throws what makes the change impossible now, before anything is touched. */
  check(change: Change): void
  change(change: Change, by: By): Promise<Changed>
  /** Sidecars came or went: a wanted share means another weight now. */
  shareAgain(): void
  /** It is left for good: what is under way gives up. */
  end(): void
}

export interface ChangerOptions {
  target: RunningTarget
  /** There is a way back to a pod, or there will be one. */
  mayReturn: () => boolean
  /** Proves all bound replicas anew. */
  prove: () => void
}

const MAX_WEIGHT = 255
/** Visitors who were given to the old link before the new one was bound are still on their way. */
const LINGER_MS = 2_000

type Wish = { weight: number; split: number | undefined }

export function changer(options: ChangerOptions): Changer {
  return new OneByOne(options)
}

class OneByOne implements Changer {
  readonly #options: ChangerOptions
  readonly #target: RunningTarget
  readonly #leaving = new AbortController()
  #wish: Wish
  #mayThin: boolean
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ChangerOptions) {
    this.#options = options
    this.#target = options.target
    const { weight, split, mayThin } = options.target.options.settings
    this.#wish = { weight, split }
    this.#mayThin = mayThin
  }

  check(change: Change): void {
    const { facts, options, replicas } = this.#target
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
    if (change.kind !== 'hold' && change.kind !== 'release') this.#refuseBesideMirror()
    if (change.kind === 'weight' || change.kind === 'split' || change.kind === 'hold') this.#refuseBesideOthers(change.kind)
    if (change.kind === 'weight' || change.kind === 'split') {
      this.#refuseBesideFilter(change.kind)
      this.#express(change)
    }
    if (change.kind === 'filter' && change.filter !== undefined) this.#checkFilter(change.filter, change.throughLaptop)
  }

  change(change: Change, by: By): Promise<Changed> {
    return this.#inTurn(async () => {
      this.check(change)
      const changed =
        change.kind === 'hold'
          ? await this.#hold()
          : change.kind === 'release'
            ? this.#release()
            : change.kind === 'filter'
              ? await this.#filter(change, by === 'tui' ? 'user' : by)
              : await this.#share(change, by === 'tui' ? 'user' : by)
      const { facts, options } = this.#target
      const { weight, thinning, filter } = facts
      const share = arrivingShare(this.#target) * thinning
      return { target: options.plan.name, changed, state: stateOf(facts), weight, share, thinning, ...filterField(filter) }
    })
  }

  shareAgain(): void {
    const { log } = this.#target.options
    if (this.#wish.split === undefined || this.#target.replicas === undefined) return
    const work = this.#inTurn(async () => {
      if (this.#wish.split === undefined || this.#target.facts.draining) return
      await this.#apply(expressed(this.#wish, this.#target.sidecars, this.#options.mayReturn()), 'auto')
    })
    work.catch(error => log.info('share kept as it is', { error: asError(error) }))
  }

  end(): void {
    this.#leaving.abort(new Error('it is being left'))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {}) // whoever asked for it is told
    return next
  }

  async #share(change: Extract<Change, { kind: 'weight' | 'split' }>, by: 'user' | 'control'): Promise<boolean> {
    const changed = await this.#apply(this.#express(change), by)
    this.#wish = wishOf(change)
    if (change.kind === 'split' && change.throughLaptop) this.#mayThin = true
    return changed
  }

  #refuseBesideMirror(): void {
    const { settings, plan } = this.#target.options
    if (settings.mirror === undefined) return
    throw new InterceptError(
      'BAD_USAGE',
      `${plan.name} is mirrored: the cluster answers, and there is no share of its visitors to change`,
      {
        hint: `leave it and take them: kubectl intercept leave ${plan.name}`
      }
    )
  }

  /** The requests of several sessions pass one laptop: it cannot step aside for a moment, and a guest has no weight of its own. */
  #refuseBesideOthers(kind: 'weight' | 'split' | 'hold'): void {
    const { facts, guests, options } = this.#target
    const [guest] = guests
    if (!looksHere(options.plan) || (!facts.guest && guest === undefined)) return
    const { name } = options.plan
    const why = facts.guest ? 'another session holds the tunnel' : `the requests of ${guest?.user ?? 'another session'} pass this laptop`
    throw new InterceptError('BAD_USAGE', `${name} takes no ${kind} now: ${why}`, {
      hint: `leave, and another session takes its place: kubectl intercept leave ${name}`
    })
  }

  #refuseBesideFilter(kind: 'weight' | 'split'): void {
    const { facts, options } = this.#target
    const { name } = options.plan
    if (facts.filter === undefined) return
    throw new InterceptError('BAD_USAGE', `${name} takes what matches its filter, and no ${kind} of the visitors`, {
      hint: `take all visitors first: kubectl intercept set ${name} filter=`
    })
  }

  /** Throws BAD_USAGE, SHARE_UNAVAILABLE or CONSENT_NEEDED. */
  #checkFilter(filter: Filter, throughLaptop: boolean): void {
    const { plan } = this.#target.options
    checkFilter(plan, filter, this.#options.mayReturn())
    if (!looksHere(plan) || throughLaptop || this.#mayThin) return
    throw new InterceptError('CONSENT_NEEDED', consentQuestion(plan.name), {
      hint: `agree: kubectl intercept set ${plan.name} 'filter=${shownFilter(filter.expression)}' --through-laptop`
    })
  }

  /** New before old: who has this filter is asked first, and nobody else's request comes here in between. */
  async #filter({ filter, throughLaptop }: Extract<Change, { kind: 'filter' }>, by: 'user' | 'control'): Promise<boolean> {
    const { facts, options, replicas, voice, stop } = this.#target
    const before = { filter: facts.filter, weight: facts.weight, thinning: facts.thinning }
    if (keyOf(filter) === keyOf(before.filter)) return false
    await claimAgain(this.#target, { weight: MAX_WEIGHT, filter })
    Object.assign(facts, { filter, weight: MAX_WEIGHT, thinning: 1 })
    try {
      if (!looksHere(options.plan)) await replicas?.refilter(filter?.text ?? '', AbortSignal.any([stop, this.#leaving.signal]))
      // Its pool would bring the requests of connections that are spliced already.
      const pooled = options.plan.server.keepalive && looksHere(options.plan) && before.filter === undefined
      if (replicas !== undefined && (before.weight !== MAX_WEIGHT || pooled)) await this.#rebind()
    } catch (error) {
      Object.assign(facts, before)
      await claimAgain(this.#target, before)
      throw error
    }
    this.#wish = { weight: MAX_WEIGHT, split: undefined }
    if (throughLaptop) this.#mayThin = true
    sayShare(this.#target, by)
    voice.say('another filter')
    return true
  }

  /** Throws SHARE_UNAVAILABLE or CONSENT_NEEDED. */
  #express(change: Extract<Change, { kind: 'weight' | 'split' }>): WeightAndKeep {
    const { sidecars, options } = this.#target
    const { name, server } = options.plan
    const found = inWordsOfSet(() => expressed(wishOf(change), sidecars, this.#options.mayReturn()), name)
    if (change.kind === 'weight' || found.keep === 1 || server.peer !== 'gost' || change.throughLaptop || this.#mayThin) return found
    const share = formatShare(change.share)
    throw new InterceptError(
      'CONSENT_NEEDED',
      `a share of ${share} of ${name} cannot be had by whole weights: more visitors than that would pass this laptop, and the rest go back to the pods`,
      {
        hint: `agree: kubectl intercept set ${name} split=${Math.round(change.share * 1_000) / 10}% --through-laptop, or take a weight: weight=1`
      }
    )
  }

  /** False when nothing is to be done. */
  async #apply({ weight, keep }: WeightAndKeep, by: 'user' | 'control' | 'auto'): Promise<boolean> {
    const { facts, options, replicas, voice } = this.#target
    const before = { weight: facts.weight, thinning: facts.thinning }
    if (weight === before.weight && keep === before.thinning) return false
    // A pooled connection that is spliced already would go on as it is.
    const pooled = options.plan.server.keepalive && keep < 1 && before.thinning === 1
    // All visitors are claimed before they come here, and given up when they have left.
    if (weight === MAX_WEIGHT) await claimAgain(this.#target, { weight, filter: facts.filter })
    facts.weight = weight
    facts.thinning = keep
    if (replicas !== undefined && (weight !== before.weight || pooled)) {
      try {
        await this.#rebind()
      } catch (error) {
        Object.assign(facts, before)
        await claimAgain(this.#target, { ...facts, ...before })
        throw this.#kept(before.weight, error)
      }
    }
    if (weight !== MAX_WEIGHT) await claimAgain(this.#target, { weight, filter: facts.filter })
    sayShare(this.#target, by)
    voice.say('another share')
    return true
  }

  async #rebind(): Promise<void> {
    const { facts, options, replicas, stop } = this.#target
    if (replicas === undefined) return
    const retire = await replicas.rebind(facts.weight, AbortSignal.any([stop, this.#leaving.signal]))
    // A server of ours is told to send no more, and a stock one sends no more beside 255: the old link may end in its own time.
    if (options.plan.server.peer !== 'gost' || facts.weight === MAX_WEIGHT) {
      const lingerMs = options.plan.server.peer === 'gost' ? LINGER_MS : 0
      const ended = lingerMs === 0 ? retire(stop) : sleep(options.clock, lingerMs, stop).then(() => retire(stop))
      ended.catch(error => options.log.debug('an old link did not end', { error: asError(error) }))
      return
    }
    await withGrace(this.#grace, signal => part(this.#target, { replicas, retire }, signal))
    if (!facts.draining) this.#options.prove()
  }

  #kept(weight: number, thrown: unknown): InterceptError {
    const { plan } = this.#target.options
    const cause = asError(thrown)
    const code = cause instanceof InterceptError ? cause.code : 'TUNNEL_LOST'
    return new InterceptError(code, `${plan.name} keeps weight ${weight}: ${cause.message}`, {
      hint: 'see its state, and try again: kubectl intercept list',
      cause
    })
  }

  async #hold(): Promise<boolean> {
    const { facts, replicas, voice } = this.#target
    if (facts.held || replicas === undefined) return false
    facts.held = true
    voice.detail = undefined
    voice.say('held')
    await withGrace(this.#grace, signal => leave(this.#target, replicas, signal))
    return true
  }

  #release(): boolean {
    const { facts, options, replicas, voice } = this.#target
    if (!facts.held) return false
    facts.held = false
    facts.everBound = false
    if (facts.localUp && !facts.givenBack) replicas?.resume()
    else {
      facts.givenBack = true
      voice.detail = `for ${formatEndpoint(options.local)}`
    }
    voice.say('released')
    return true
  }

  get #grace() {
    const { options, stop } = this.#target
    return { clock: options.clock, graceMs: options.settings.graceMs, end: stop }
  }
}

const keyOf = (filter: Filter | undefined): string => (filter === undefined ? '' : sameFilterKey(filter.expression))

const wishOf = (change: Extract<Change, { kind: 'weight' | 'split' }>): Wish =>
  change.kind === 'weight' ? { weight: change.weight, split: undefined } : { weight: 255, split: change.share }

function inWordsOfSet<T>(work: () => T, name: string): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof InterceptError) || error.code !== 'SHARE_UNAVAILABLE') throw error
    const { nearestWeight } = error.details
    const hint = `nearest exact share: kubectl intercept set ${name} weight=${String(nearestWeight)}`
    throw new InterceptError(error.code, error.message, { hint, cause: error })
  }
}
