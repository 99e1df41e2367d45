/**
 * When the visitors go back to the cluster while the session goes on: because the local app stays away, because the return path is over its limits,
 * or because the person holds them. And when they are taken again.
 */
import type { Clock } from '../base/clock.ts'
import type { Emit } from '../event/types.ts'
import type { LocalApp } from './local-app.ts'
import type { StateVoice } from './state-voice.ts'
import type { TargetFacts } from './state.ts'

/** Give back when the local app stays away, and try again after as long when it was there. */
const RETURN_FOR_MS = 30_000

export interface GiveBackOptions {
  name: string
  facts: TargetFacts
  voice: StateVoice
  clock: Clock
  emit: Emit
  local: Pick<LocalApp, 'up' | 'address'>
  graceMs: number
  /** The session is over. */
  stop: AbortSignal
  /** Undefined before anything was registered. */
  replicas: () => { resume(): void } | undefined
  /** Lets go of the visitors, in a quiet moment where that matters; at the latest when the signal aborts. */
  withdraw: (signal: AbortSignal) => Promise<void>
}

export class GiveBack {
  readonly #options: GiveBackOptions
  #downSince: number | undefined
  /** Commands wait for what is under way. */
  #last: Promise<void> = Promise.resolve()
  readonly #waiting = new Set<() => void>()

  constructor(options: GiveBackOptions) {
    this.#options = options
  }

  /** The local app came or went. */
  onLocal(up: boolean): void {
    const { facts, clock } = this.#options
    this.#downSince = up ? undefined : clock.now()
    if (up && facts.givenBack && this.#options.replicas() !== undefined) this.#takeAgain()
  }

  /** Asked now and then. */
  watch(): void {
    const { clock } = this.#options
    if (this.#downSince === undefined || clock.now() - this.#downSince <= RETURN_FOR_MS) return
    void this.give(`local app away for ${RETURN_FOR_MS / 1_000} s`)
  }

  async give(why: string): Promise<void> {
    const { facts, voice, emit, name, local } = this.#options
    if (facts.givenBack || facts.held || facts.draining || this.#options.replicas() === undefined) return
    facts.givenBack = true
    voice.detail = why
    emit('notice', {
      level: 'warn',
      code: 'GIVEN_BACK',
      message: `${name} went back to the cluster: ${why}`,
      hint: `it comes back by itself when ${local.address} accepts again`
    })
    voice.say(why)
    await this.#withdraw()
    if (local.up) this.#resumeSoon()
  }

  /** Until `release`, whatever the local app does. */
  hold(): Promise<void> {
    return this.#inTurn(async () => {
      const { facts, voice } = this.#options
      if (facts.held) return
      facts.held = true
      voice.detail = undefined
      voice.say('held')
      await this.#withdraw()
    })
  }

  release(): Promise<void> {
    return this.#inTurn(async () => {
      const { facts, voice, local } = this.#options
      if (!facts.held) return
      facts.held = false
      for (const resolve of this.#waiting) resolve()
      this.#waiting.clear()
      facts.givenBack = !local.up && !facts.canReturn
      if (facts.givenBack) voice.detail = `for ${local.address}`
      else this.#options.replicas()?.resume()
      voice.say('released')
    })
  }

  /** Resolves at once unless held. Rejects when aborted. */
  async whenReleased(signal: AbortSignal): Promise<void> {
    if (!this.#options.facts.held) return
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason)
      this.#waiting.add(() => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {}) // told to whoever asked for it
    return next
  }

  async #withdraw(): Promise<void> {
    const { clock, graceMs, stop, withdraw } = this.#options
    const grace = new AbortController()
    const timer = clock.after(graceMs, () => grace.abort(), { unref: true })
    await withdraw(AbortSignal.any([grace.signal, stop]))
    timer.cancel()
  }

  #takeAgain(): void {
    const { facts, voice } = this.#options
    facts.givenBack = false
    voice.detail = undefined
    if (!facts.held) this.#options.replicas()?.resume()
  }

  /** Given back while the app was there (over the return limit): try again after a while. */
  #resumeSoon(): void {
    const { clock, facts, voice, local } = this.#options
    const again = (): void => {
      if (!facts.givenBack || facts.draining || !local.up) return
      this.#takeAgain()
      voice.say('trying again')
    }
    clock.after(RETURN_FOR_MS, again, { unref: true })
  }
}
