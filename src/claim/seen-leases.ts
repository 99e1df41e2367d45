/** All Leases of one tunnel as they were last read, and what they tell of the other sessions. Those that are left over are removed. */
import type { Freshness } from './freshness.ts'
import type { Asker, ClaimRecord, SeenLease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'
import { isGone, liveOthers } from './policy.ts'
import type { ClaimOptions } from './types.ts'
import type { ClaimVoice } from './voice.ts'

export interface SeenLeasesOptions extends Pick<ClaimOptions, 'session' | 'user' | 'runs'> {
  store: LeaseStore
  fresh: Freshness
  voice: ClaimVoice
}

export class SeenLeases {
  readonly #options: SeenLeasesOptions
  #seen: readonly SeenLease[] = []

  constructor(options: SeenLeasesOptions) {
    this.#options = options
  }

  see(seen: readonly SeenLease[]): void {
    this.#seen = seen
    this.#options.fresh.see(seen)
  }

  /** Live sessions but ours, the oldest first. */
  get others(): readonly ClaimRecord[] {
    return liveOthers(this.#seen, seen => this.#isOurs(seen) || this.gone(seen))
  }

  /** Another session that is the holder. */
  get holder(): ClaimRecord | undefined {
    return this.#seen.find(seen => seen.role === 'holder' && !this.#isOurs(seen) && !this.gone(seen))?.record
  }

  /** Who asks us to step back. */
  get asker(): Asker | undefined {
    return this.#seen.find(seen => this.#isOurs(seen) && seen.asker !== undefined)?.asker
  }

  /** Another session has the Lease of a name that `isOurs` knows. */
  takenFrom(isOurs: (name: string) => boolean): boolean {
    return this.#seen.some(seen => !this.#isOurs(seen) && isOurs(seen.lease.metadata.name))
  }

  /** Its session is known not to run any more, or was not heard of for too long. */
  gone(seen: SeenLease): boolean {
    return this.#options.fresh.expired(seen) || isGone(seen.record, this.#options)
  }

  /** False when nothing was left over. */
  async removeLeft(): Promise<boolean> {
    const { store, voice } = this.#options
    const left = this.#seen.filter(seen => !this.#isOurs(seen) && this.gone(seen))
    for (const seen of left) {
      // Otherwise it was renewed after all, or somebody else was faster.
      if (await store.remove(seen)) voice.say('expired', seen.record)
    }
    this.#seen = this.#seen.filter(seen => !left.includes(seen))
    return left.length > 0
  }

  #isOurs({ record }: SeenLease): boolean {
    return record.session === this.#options.session
  }
}
