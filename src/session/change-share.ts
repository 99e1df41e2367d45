/** Another weight or share for a running session: one change after the other, new registrations before the old ones go, and all or nothing. */
import type { Clock } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { SidecarPod } from '../resolve/types.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { Share, Wanted } from './share.ts'
import type { StateVoice } from './state-voice.ts'
import type { TargetFacts } from './state.ts'

export type ChangedBy = 'user' | 'control' | 'auto'

export interface ChangeShareOptions {
  name: string
  share: Share
  facts: TargetFacts
  voice: StateVoice
  clock: Clock
  log: Logger
  graceMs: number
  stop: AbortSignal
  replicas: () => Pick<ReplicaSet, 'setWeight'> | undefined
  /** Lets go of registrations in a quiet moment, where that matters. */
  quietly: (leave: (signal: AbortSignal) => Promise<void>, signal: AbortSignal) => Promise<void>
  /** Says weight and share as they are now. */
  say: (by: ChangedBy) => void
}

export class ShareChanges {
  readonly #options: ChangeShareOptions
  #last: Promise<void> = Promise.resolve()

  constructor(options: ChangeShareOptions) {
    this.#options = options
  }

  /** Rejects with what forbids it, or with what the tunnel server said; then everything is as before. */
  set(wanted: Wanted, by: ChangedBy): Promise<void> {
    return this.#inTurn(async () => {
      const { facts, share, name } = this.#options
      if (facts.draining || facts.ended !== 'no') {
        throw new InterceptError('NO_SESSION', `${name} is being left: its share cannot be changed any more`, {
          hint: 'see what runs: kubectl intercept list'
        })
      }
      const undo = share.want(wanted)
      if (undo !== undefined) await this.#apply(by, undo)
    })
  }

  /** Sidecars came or went. */
  follow(sidecars: readonly SidecarPod[]): void {
    const { share, log } = this.#options
    this.#inTurn(async () => {
      const undo = share.follow(sidecars)
      if (undo !== undefined) await this.#apply('auto', undo)
    }).catch(error => log.info('share kept as it is', { error: asError(error) }))
  }

  async #apply(by: ChangedBy, undo: () => void): Promise<void> {
    const { share, facts, voice, say } = this.#options
    try {
      if (share.weight !== facts.weight) await this.#register(share.weight)
    } catch (error) {
      undo()
      throw error
    }
    facts.weight = share.weight
    facts.thinning = share.keep
    say(by)
    voice.say('share changed')
  }

  /** Resolves when visitors meet the new weight; the old registrations end what they have. */
  async #register(weight: number): Promise<void> {
    const { replicas, clock, graceMs, stop, quietly, log } = this.#options
    const retire = await replicas()?.setWeight(weight, stop)
    if (retire === undefined) return
    const grace = new AbortController()
    const timer = clock.after(graceMs, () => grace.abort(), { unref: true })
    quietly(retire, AbortSignal.any([grace.signal, stop]))
      .catch(error => log.warn('old links did not close well', { error: asError(error) }))
      .finally(() => timer.cancel())
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {}) // told to whoever asked for it
    return next
  }
}
