/**
 * Requests that nobody can take because the connectors of their tunnel were cut off a moment ago: mostly those are back at once, so a request waits for
 * the first of them instead of being refused. Only for so long after the cut, and only so many requests; nothing more is read from their visitors.
 */
import { Bag, type Bagged } from '../base/bag.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { ServerLimits } from './limits.ts'

export interface WaitingOptions {
  clock: Clock
  limits: Pick<ServerLimits, 'rebindMs' | 'waiting'>
}

interface Waiter extends Bagged {
  again(): void
  leave(): void
}

interface Lost {
  waiters: Bag<Waiter>
  timer: Timer
}

export class Waiting {
  /** Requests that have waited so far. */
  total = 0
  readonly #options: WaitingOptions
  readonly #tunnels = new Map<string, Lost>()
  #count = 0
  #ended = false

  constructor(options: WaitingOptions) {
    this.#options = options
  }

  /** Requests that wait now. */
  get count(): number {
    return this.#count
  }

  /** A connector went without a word. */
  lost(tunnelId: string): void {
    if (this.#ended) return
    const { clock, limits } = this.#options
    const before = this.#tunnels.get(tunnelId)
    before?.timer.cancel()
    const timer = clock.after(limits.rebindMs, () => this.#giveUp(tunnelId), { unref: true })
    this.#tunnels.set(tunnelId, { waiters: before?.waiters ?? new Bag(), timer })
  }

  /** A connector takes requests from now on. Others that were lost with it may still be on their way, for what it does not take. */
  came(tunnelId: string): void {
    const { waiters } = this.#tunnels.get(tunnelId) ?? {}
    if (waiters === undefined || waiters.size === 0) return
    // Not within what the connector is told in this moment.
    queueMicrotask(() => {
      for (const waiter of waiters.values()) waiter.again()
    })
  }

  /** Calls `take` again whenever a connector comes, until it returns something. Undefined: there is nothing to wait for, it took too long, or it was left. */
  wait<T>(tunnelId: string, take: () => T | undefined, onLeave: (leave: () => void) => void): Promise<T | undefined> {
    const waiters = this.#tunnels.get(tunnelId)?.waiters
    if (waiters === undefined || this.#count >= this.#options.limits.waiting) return Promise.resolve(undefined)
    this.total += 1
    this.#count += 1
    return new Promise(resolve => {
      const settle = (taken: T | undefined): void => {
        if (waiter.place < 0) return
        waiters.delete(waiter)
        this.#count -= 1
        resolve(taken)
      }
      const waiter: Waiter = {
        place: -1,
        again() {
          const taken = waiter.place < 0 ? undefined : take()
          if (taken !== undefined) settle(taken)
        },
        leave: () => settle(undefined)
      }
      waiters.add(waiter)
      onLeave(waiter.leave)
    })
  }

  /** No connector is taken any more. */
  end(): void {
    this.#ended = true
    for (const tunnelId of this.#tunnels.keys()) this.#giveUp(tunnelId)
  }

  #giveUp(tunnelId: string): void {
    const lost = this.#tunnels.get(tunnelId)
    this.#tunnels.delete(tunnelId)
    lost?.timer.cancel()
    for (const waiter of lost?.waiters.values() ?? []) waiter.leave()
  }
}
