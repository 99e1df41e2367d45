/** How much of the visitors comes to this laptop: the wanted weight or share, against the sidecars as they are now. */
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'
import type { SidecarPod } from '../resolve/types.ts'
import { shareOf, splitFor } from './split.ts'

/** `split`: 0…1. */
export type Wanted = { readonly weight: number } | { readonly split: number }

export interface ShareOptions {
  wanted: Wanted
  sidecars: readonly SidecarPod[]
  /** A pod can take what is sent back. */
  canReturn: () => boolean
  /** Nobody minds that more visitors than that pass this laptop; asked only where a share has to be thinned. */
  mayThin: () => boolean
}

export class Share {
  /** 1…255. */
  weight = 255
  /** The part of the arriving visitors that stays, 0…1. */
  keep = 1
  sidecars: readonly SidecarPod[]
  readonly #options: ShareOptions
  #wanted: Wanted

  /** Throws SHARE_UNAVAILABLE. */
  constructor(options: ShareOptions) {
    this.#options = options
    this.#wanted = options.wanted
    this.sidecars = options.sidecars
    this.#apply(this.#wanted)
  }

  /** Of all visitors, 0…1, as weights and thinning compute it. */
  get part(): number {
    return this.arriving * this.keep
  }

  /** Of all visitors, those that reach this laptop at all. */
  get arriving(): number {
    return shareOf(this.weight, this.#weights())
  }

  /** What takes it back, when weight or thinning change by it. Throws SHARE_UNAVAILABLE or CONSENT_NEEDED, and nothing is changed. */
  want(wanted: Wanted): (() => void) | undefined {
    const before = this.#wanted
    const undo = this.#apply(wanted, true)
    this.#wanted = wanted
    if (undo === undefined) return undefined
    return () => {
      undo()
      this.#wanted = before
    }
  }

  /** Sidecars came or went: a wanted share means another weight now. As `want`. */
  follow(sidecars: readonly SidecarPod[]): (() => void) | undefined {
    this.sidecars = sidecars
    return 'split' in this.#wanted ? this.#apply(this.#wanted) : undefined
  }

  #apply(wanted: Wanted, asks = false): (() => void) | undefined {
    const { weight, keep } =
      'weight' in wanted ? { weight: wanted.weight, keep: 1 } : splitFor(wanted.split, this.#weights(), this.#options.canReturn())
    if (asks && keep < 1 && 'split' in wanted && !this.#options.mayThin()) {
      throw new InterceptError(
        'CONSENT_NEEDED',
        `a share of ${formatShare(wanted.split)} cannot be had by whole weights: more visitors than that would pass through this laptop`,
        {
          hint: 'agree to that when the session starts, with --through-laptop, or set a whole weight: kubectl intercept set weight=1'
        }
      )
    }
    const before = { weight: this.weight, keep: this.keep }
    if (weight === before.weight && keep === before.keep) return undefined
    this.weight = weight
    this.keep = keep
    return () => {
      this.weight = before.weight
      this.keep = before.keep
    }
  }

  #weights(): number[] {
    return this.sidecars.filter(pod => pod.ready && !pod.terminating).map(pod => pod.weight)
  }
}
