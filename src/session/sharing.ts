/**
 * One session among others in front of a stock server (design.md §4): the holder of the tunnel's Lease binds 255 and passes on what belongs to the
 * others; each other one, a guest, binds a tunnel id of its own. When the holder leaves, a guest binds 255 before the holder closes.
 */
import { randomUUID } from 'node:crypto'
import { deadline, sleep, type Timer } from '../base/clock.ts'
import type { Closable } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import { whoElse } from '../route/who-else.ts'
import { wishOf } from './claiming.ts'
import { guestsFrom } from './guests.ts'
import { looksHere, refuseBehindMirror, refuseSecret } from './personal.ts'
import type { RunningTarget } from './running-target.ts'

export interface Sharing extends Closable {
  /** Claims the tunnel, and finds whether we hold it. Throws TAKEN. */
  claim(signal: AbortSignal): Promise<void>
  /** Before a holder leaves: lets a guest take its place, and waits (5 s at most) until visitors reach that one. */
  handOver(signal: AbortSignal): Promise<void>
}

export interface SharingOptions {
  target: RunningTarget
  /** A guest becomes the holder: binds the tunnel itself, beside what is bound. */
  promote: (signal: AbortSignal) => Promise<void>
}

const ALL = 255
const LOOK_MS = 500
const HAND_OVER_MS = 5_000
const ASK_MS = 100

export const sharing = (options: SharingOptions): Sharing => new AmongOthers(options)

class AmongOthers implements Sharing {
  readonly #target: RunningTarget
  readonly #promote: SharingOptions['promote']
  #timer: Timer | undefined
  #stopListening: (() => void) | undefined
  #promoting = false

  constructor({ target, promote }: SharingOptions) {
    this.#target = target
    this.#promote = promote
  }

  async claim(signal: AbortSignal): Promise<void> {
    const target = this.#target
    const { claim, facts, options } = target
    const { manner } = options.settings
    if (claim === undefined) return
    const shares = claim.told && looksHere(options.plan) && options.plan.protocol === 'http' && facts.weight === ALL && facts.thinning === 1
    if (shares) target.privateTunnel = randomUUID()
    await claim.want(wishOf(facts, target.privateTunnel), manner, signal)
    if (!shares || !claim.told) return
    // Who wants all visitors has them by now, or shares them on purpose.
    facts.guest = facts.filter === undefined && manner === 'join' ? false : !(await claim.tryHold())
    if (facts.guest) {
      refuseBehindMirror(target)
      refuseSecret(target)
    } else {
      target.privateTunnel = undefined
      await claim.want(wishOf(facts, undefined), manner, signal)
    }
    this.#stopListening = claim.onChange(() => void this.#look())
    this.#timer = options.clock.every(LOOK_MS, () => void this.#look(), { unref: true })
    await this.#look()
  }

  async handOver(signal: AbortSignal): Promise<void> {
    const { claim, facts, guests, options } = this.#target
    if (claim === undefined || !claim.holding || guests.length === 0) return
    const limit = deadline(options.clock, HAND_OVER_MS, () => new Error('no guest took over in time'), signal)
    try {
      // With less than all a claim is not renewed as the holder's.
      await claim.want({ ...wishOf(facts, undefined), weight: 1 }, 'join', limit.signal)
      await claim.release()
      while (!(await this.#othersReachable(limit.signal))) await sleep(options.clock, ASK_MS, limit.signal)
    } catch (error) {
      options.log.info('left without a successor', { error: asError(error) })
    } finally {
      limit.done()
    }
  }

  close(): Promise<void> {
    this.#timer?.cancel()
    this.#stopListening?.()
    return Promise.resolve()
  }

  /** On every replica visitors meet another session of ours. */
  async #othersReachable(signal: AbortSignal): Promise<boolean> {
    const { replicas, options } = this.#target
    const { plan, clock, session } = options
    const dials = (replicas?.all ?? []).flatMap(({ route }) => route.visitor.find(({ dial }) => dial !== undefined)?.dial ?? [])
    const found = await Promise.all(dials.map(dial => whoElse(dial, { tunnelId: plan.tunnelId, clock, asks: 8 }, signal)))
    return dials.length > 0 && found.every(sessions => sessions.some(each => each.session !== session))
  }

  async #look(): Promise<void> {
    const { claim, facts, stop } = this.#target
    if (claim === undefined || stop.aborted) return
    const { parseFilter } = await import('../filter/filter.ts')
    this.#target.guests = guestsFrom(claim.others, parseFilter)
    if (!facts.guest || facts.draining || this.#promoting) return
    if (claim.holder === undefined || claim.holding) await this.#becomeHolder()
  }

  async #becomeHolder(): Promise<void> {
    const { claim, facts, stop, options } = this.#target
    this.#promoting = true
    try {
      if (claim === undefined || !(await claim.tryHold())) return
      await this.#promote(stop)
      facts.guest = false
      options.emit('notice', {
        level: 'info',
        code: 'HOLDER',
        message: `all visitors of ${options.plan.name} pass this laptop now: the session before it has left`
      })
    } catch (error) {
      options.log.warn('the tunnel was not taken over', { error: asError(error) })
      await claim?.release().catch(() => {}) // it expires
    } finally {
      this.#promoting = false
    }
  }
}
