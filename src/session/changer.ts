/** Changes of a target while it runs, one after the other. New before old; what cannot be had leaves all as it was. */
import { asError } from '../base/errors.ts'
import { inTurn } from '../base/in-turn.ts'
import type { By, Change, Changed, Changer, FilterChange, ShareChange } from './change.ts'
import { changeFilter } from './change-filter.ts'
import { changeShare } from './change-share.ts'
import { checkChange, expressChange, type Permitted, wantedShareOf } from './check-change.ts'
import { hold, release } from './hold.ts'
import type { Rebinding } from './rebind.ts'
import type { RunningTarget } from './running-target.ts'
import { stateOf } from './state.ts'
import { expressed, filterField, knownSidecars, shareFields, shareKnownOf, type WantedShare } from './wanted-share.ts'

export interface ChangerOptions {
  target: RunningTarget
  /** There is a way back to a pod, or there will be one. */
  mayReturn: () => boolean
  /** Proves all bound replicas anew. */
  prove: () => void
}

export function changer(options: ChangerOptions): Changer {
  return new OneByOne(options)
}

class OneByOne implements Changer {
  readonly #target: RunningTarget
  readonly #mayReturn: () => boolean
  readonly #rebinding: Rebinding
  readonly #leaving = new AbortController()
  readonly #inTurn = inTurn()
  #wanted: WantedShare
  #mayThin: boolean

  constructor({ target, mayReturn, prove }: ChangerOptions) {
    this.#target = target
    this.#mayReturn = mayReturn
    this.#rebinding = { target, leaving: this.#leaving.signal, prove }
    const { weight, split, mayThin } = target.options.settings
    this.#wanted = { weight, split }
    this.#mayThin = mayThin
  }

  check(change: Change): void {
    checkChange(change, this.#permitted)
  }

  change(change: Change, by: By): Promise<Changed> {
    return this.#inTurn(async () => {
      this.check(change)
      const changed = await this.#apply(change, by === 'tui' ? 'user' : by)
      const { facts, options } = this.#target
      const { weight, thinning, filter } = facts
      const { share } = shareFields(shareKnownOf(this.#target), thinning)
      const shown = share === undefined ? {} : { share }
      return { target: options.plan.name, changed, state: stateOf(facts), weight, ...shown, thinning, ...filterField(filter) }
    })
  }

  shareAgain(): void {
    const { log } = this.#target.options
    if (this.#wanted.split === undefined || this.#target.replicas === undefined) return
    const work = this.#inTurn(async () => {
      if (this.#wanted.split === undefined || this.#target.facts.draining) return
      await changeShare(
        expressed(this.#wanted, knownSidecars(this.#target.options.plan, this.#target.sidecars), this.#mayReturn()),
        'auto',
        this.#rebinding
      )
    })
    work.catch(error => log.info('share kept as it is', { error: asError(error) }))
  }

  end(): void {
    this.#leaving.abort(new Error('it is being left'))
  }

  get #permitted(): Permitted {
    return { target: this.#target, mayReturn: this.#mayReturn(), mayThin: this.#mayThin }
  }

  async #apply(change: Change, by: 'user' | 'control'): Promise<boolean> {
    if (change.kind === 'hold') return hold(this.#target)
    if (change.kind === 'release') return release(this.#target)
    return change.kind === 'filter' ? this.#filter(change, by) : this.#share(change, by)
  }

  async #share(change: ShareChange, by: 'user' | 'control'): Promise<boolean> {
    const changed = await changeShare(expressChange(change, this.#permitted), by, this.#rebinding)
    this.#wanted = wantedShareOf(change)
    if (change.kind === 'split' && change.throughLaptop) this.#mayThin = true
    return changed
  }

  async #filter({ filter, throughLaptop }: FilterChange, by: 'user' | 'control'): Promise<boolean> {
    if (!(await changeFilter(filter, by, this.#rebinding))) return false
    this.#wanted = { weight: 255, split: undefined }
    if (throughLaptop) this.#mayThin = true
    return true
  }
}
