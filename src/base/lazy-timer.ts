/**
 * One timer for whatever is waited for next: setting it later, clearing it and setting it again cost two assignments, since the clock's own
 * timer is left running and looks, when it fires, what has become of it. For limits that nearly never expire.
 */
import type { Clock, Timer } from './clock.ts'

export class LazyTimer {
  readonly #clock: Clock
  #run: (() => void) | undefined
  #dueAt = 0
  #timer: Timer | undefined
  #firesAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `run` in `ms`, instead of what was set before. */
  set(ms: number, run: () => void): void {
    this.#run = run
    this.#dueAt = this.#clock.now() + ms
    if (this.#timer !== undefined && this.#firesAt <= this.#dueAt) return
    this.#timer?.cancel()
    this.#arm(ms)
  }

  clear(): void {
    this.#run = undefined
  }

  /** Leaves nothing running. */
  stop(): void {
    this.#run = undefined
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(ms: number): void {
    this.#firesAt = this.#clock.now() + ms
    this.#timer = this.#clock.after(ms, this.#fire, { unref: true })
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const run = this.#run
    if (run === undefined) return
    const restMs = this.#dueAt - this.#clock.now()
    if (restMs > 0) {
      this.#arm(restMs)
      return
    }
    this.#run = undefined
    run()
  }
}
