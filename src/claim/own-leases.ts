/** The Leases of one session as they were last written: its own one, and the holder's while it is that. The caller does one thing after the other. */
import { type ClaimRecord, filterName, holderName, type SeenLease, sessionName } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'
import type { Locks } from './locks.ts'
import { wantsAll } from './policy.ts'
import type { Manner } from './types.ts'
import type { ClaimVoice } from './voice.ts'

export interface OwnLeasesOptions {
  session: string
  /** The hash of its id. */
  tunnel: string
  store: LeaseStore
  locks: Locks
  voice: ClaimVoice
  /** It became the holder, or is that no longer. */
  onChange: () => void
}

export class OwnLeases {
  readonly #options: OwnLeasesOptions
  #own: SeenLease | undefined
  #held: SeenLease | undefined

  constructor(options: OwnLeasesOptions) {
    this.#options = options
  }

  /** The holder's, while it is ours. */
  get held(): SeenLease | undefined {
    return this.#held
  }

  has(name: string): boolean {
    return this.#all.some(({ lease }) => lease.metadata.name === name)
  }

  /** Becomes the holder if nobody live is. */
  async tryHold(record: ClaimRecord): Promise<boolean> {
    const got = await this.#options.locks.acquire(holderName(this.#options.tunnel), record)
    if (!this.#isOurs(got)) return false
    this.#holds(got)
    return true
  }

  /** Becomes the holder as `manner` says, or shares with whoever is. Throws TAKEN. */
  async hold(
    record: ClaimRecord,
    { manner, others }: { manner: Manner; others: () => readonly ClaimRecord[] },
    signal: AbortSignal
  ): Promise<void> {
    const { tunnel, locks, voice } = this.#options
    const name = holderName(tunnel)
    const got = await locks.acquire(name, record, signal)
    if (this.#isOurs(got)) return this.#holds(got)
    // A holder with a filter serves others through itself: what counts is who else wants all the rest.
    const other = got.record.filter === undefined ? got.record : others().find(wantsAll)
    if (other === undefined) return
    if (manner === 'refuse') throw voice.refused(other)
    if (manner === 'join' || other !== got.record) return voice.shares(other, 'you share its visitors at random')
    this.#holds(await locks.takeOver(name, record, signal))
  }

  /** Writes its own one. Throws TAKEN when somebody else has the same filter. */
  async publish(record: ClaimRecord, manner: Manner, signal: AbortSignal): Promise<void> {
    const before = this.#own
    if (before !== undefined && before.record.filter === record.filter) {
      this.#own = await this.#rewrite(before, record)
      return
    }
    this.#own = await this.#publishNew(record, manner, signal)
    if (before !== undefined) await this.#remove(before)
  }

  /** As they are now; the last one may be somebody else's. */
  async renew(): Promise<SeenLease[]> {
    const renewed: SeenLease[] = []
    for (const mine of this.#all) {
      const now = await this.#rewrite(mine, mine.record)
      if (mine === this.#held) this.#held = now
      else this.#own = now
      renewed.push(now)
      if (!this.#isOurs(now)) break
    }
    return renewed
  }

  /** Is the holder no longer. */
  async release(): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    await this.#remove(held)
    this.#options.voice.say('released', held.record)
    this.#options.onChange()
  }

  /** Forgets what somebody else has now. */
  dropLost(): void {
    if (this.#held !== undefined && !this.#isOurs(this.#held)) this.#held = undefined
    if (this.#own !== undefined && !this.#isOurs(this.#own)) this.#own = undefined
    this.#options.onChange()
  }

  async removeAll(): Promise<void> {
    const own = this.#own
    this.#own = undefined
    await Promise.allSettled([this.release(), own === undefined ? undefined : this.#remove(own)])
  }

  get #all(): SeenLease[] {
    return [this.#held, this.#own].filter(each => each !== undefined)
  }

  #isOurs({ record }: SeenLease): boolean {
    return record.session === this.#options.session
  }

  #holds(held: SeenLease): void {
    this.#held = held
    this.#options.voice.say('acquired', held.record)
    this.#options.onChange()
  }

  async #publishNew(record: ClaimRecord, manner: Manner, signal: AbortSignal): Promise<SeenLease> {
    const { tunnel, locks, voice } = this.#options
    const plain = sessionName(tunnel, record.session)
    const name = record.filter === undefined ? plain : filterName(tunnel, record.filter)
    const got = await locks.acquire(name, record, signal)
    if (this.#isOurs(got)) return got
    if (manner === 'refuse') throw voice.refused(got.record)
    if (manner === 'takeover') return locks.takeOver(name, record, signal)
    voice.shares(got.record, 'you share the visitors that match at random')
    return locks.acquire(plain, record, signal)
  }

  async #rewrite(mine: SeenLease, record: ClaimRecord): Promise<SeenLease> {
    const { store, locks } = this.#options
    return (await store.replace(mine, record)) ?? locks.acquire(mine.lease.metadata.name, record)
  }

  /** Somebody may have asked for it meanwhile, which changed it. */
  async #remove(mine: SeenLease): Promise<void> {
    const { store } = this.#options
    if (await store.remove(mine)) return
    const now = await store.find(mine.lease.metadata.name)
    if (now !== undefined && this.#isOurs(now)) await store.remove(now)
  }
}
