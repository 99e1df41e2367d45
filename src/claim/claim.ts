/** A session's claims while it runs: made, renewed, given up; and the others', followed. How a Lease is got is `locks.ts`. */
import { closeOnce } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { freshness } from './freshness.ts'
import { type Asker, type ClaimRecord, filterName, holderName, type SeenLease, sessionName, tunnelHash } from './lease.ts'
import { type LeaseStore, leaseStore } from './lease-store.ts'
import { type Locks, locks } from './locks.ts'
import { ownerOf } from './owner.ts'
import { isGone, liveOthers, wantsAll } from './policy.ts'
import { renewals } from './renewals.ts'
import { type LeaseRights, leaseRights } from './rights.ts'
import { CLAIM_TIMES, type Claim, type ClaimOptions, type ClaimTimes, type Manner, type Wish } from './types.ts'
import { type ClaimVoice, claimVoice } from './voice.ts'

/** Reads who is there; writes nothing yet. Rejects with the signal's reason only: without Leases a session runs all the same. */
export async function openClaim(options: ClaimOptions, signal: AbortSignal): Promise<Claim> {
  const { cluster, plan, clock, log } = options
  const times = { ...CLAIM_TIMES, ...options.times }
  const [rights, owner] = await Promise.all([leaseRights(cluster, plan.namespace), ownerOf(cluster, plan.workload, plan.namespace)])
  const place = { namespace: plan.namespace, tunnel: tunnelHash(plan.tunnelId), owner }
  const store = leaseStore({ cluster, place, clock, log, pollMs: rights.watch ? undefined : times.pollMs })
  const claim = new RunningClaim({ ...options, times }, store, rights)
  await claim.open(signal)
  return claim
}

/** The weight that excludes all lower ones. */
const ALL = 255

class RunningClaim implements Claim {
  readonly close: () => Promise<void>
  readonly #options: ClaimOptions & { times: ClaimTimes }
  readonly #store: LeaseStore
  readonly #locks: Locks
  readonly #voice: ClaimVoice
  readonly #fresh
  readonly #due
  readonly #tunnel: string
  readonly #since: string
  readonly #listeners = new Set<() => void>()
  #rights: LeaseRights
  #seen: readonly SeenLease[] = []
  #wish: Wish | undefined
  /** Our Leases as they were last written. */
  #own: SeenLease | undefined
  #held: SeenLease | undefined
  #timer: Timer | undefined
  #ticking = false
  #stepsBack = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ClaimOptions & { times: ClaimTimes }, store: LeaseStore, rights: LeaseRights) {
    const { clock, times } = options
    this.#options = options
    this.#store = store
    this.#rights = rights
    this.#voice = claimVoice(options)
    this.#fresh = freshness(clock, times.expireMs)
    this.#due = renewals(clock, times.renewMs)
    this.#tunnel = tunnelHash(options.plan.tunnelId)
    this.#since = clock.date().toISOString()
    this.#locks = locks({ ...options, store, voice: this.#voice, gone: seen => this.#gone(seen) })
    this.close = closeOnce(() => this.#close())
  }

  async open(signal: AbortSignal): Promise<void> {
    if (!this.#rights.see) return
    try {
      this.#onSeen(await this.#store.list(signal))
    } catch (error) {
      signal.throwIfAborted()
      this.#options.log.info('claims not read', { error: asError(error) })
    }
    signal.throwIfAborted()
    this.#store.follow(seen => this.#onSeen(seen))
    this.#timer = this.#options.clock.every(this.#options.times.tickMs, () => this.#tick(), { unref: true })
  }

  get told(): boolean {
    return this.#rights.see && this.#rights.write
  }

  get others(): readonly ClaimRecord[] {
    return liveOthers(this.#seen, seen => seen.record.session === this.#options.session || this.#gone(seen))
  }

  get holder(): ClaimRecord | undefined {
    if (this.#held !== undefined) return this.#held.record
    const { session } = this.#options
    return this.#seen.find(seen => seen.role === 'holder' && seen.record.session !== session && !this.#gone(seen))?.record
  }

  get holding(): boolean {
    return this.#held !== undefined
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  want(wish: Wish, manner: Manner, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted()
      if (!this.told) return this.#wantUntold(wish, manner)
      const held = this.holding
      try {
        if (wantsAll(wish) && !held) await this.#hold(wish, manner, signal)
        await this.#publish(wish, manner, signal)
        await this.#removeLeft()
      } catch (error) {
        if (!held) await this.#release().catch(() => {}) // it expires
        signal.throwIfAborted()
        if (error instanceof InterceptError && error.code === 'TAKEN') throw error
        this.#unavailable(asError(error).message)
      }
      if (this.#wish !== undefined && wantsAll(this.#wish) && !wantsAll(wish)) await this.#release()
      this.#wish = wish
      this.#sayExcluded(wish)
    })
  }

  tryHold(): Promise<boolean> {
    return this.#inTurn(() => this.#tryHold())
  }

  release(): Promise<void> {
    return this.#inTurn(() => this.#release())
  }

  async #tryHold(): Promise<boolean> {
    if (this.#held !== undefined) return true
    if (!this.told || this.#wish === undefined || this.#stepsBack) return false
    const got = await this.#locks.acquire(holderName(this.#tunnel), this.#record(this.#wish, this.#now()))
    if (got.record.session !== this.#options.session) return false
    this.#holds(got)
    return true
  }

  async #hold(wish: Wish, manner: Manner, signal: AbortSignal): Promise<void> {
    const name = holderName(this.#tunnel)
    const record = this.#record(wish, this.#now())
    const got = await this.#locks.acquire(name, record, signal)
    if (got.record.session === this.#options.session) return this.#holds(got)
    // A holder with a filter serves others through itself: what counts is who else wants all the rest.
    const other = got.record.filter === undefined ? got.record : this.others.find(wantsAll)
    if (other === undefined) return
    if (manner === 'refuse') throw this.#voice.refused(other)
    if (manner === 'join' || other !== got.record) return this.#voice.shares(other, 'you share its visitors at random')
    this.#holds(await this.#locks.takeOver(name, record, signal))
  }

  async #publish(wish: Wish, manner: Manner, signal: AbortSignal): Promise<void> {
    const record = this.#record(wish, this.#since)
    const before = this.#own
    if (before !== undefined && before.record.filter === wish.filter) {
      this.#own = (await this.#store.replace(before, record)) ?? (await this.#locks.acquire(before.lease.metadata.name, record))
      return
    }
    this.#own = await this.#publishNew(record, manner, signal)
    if (before !== undefined) await this.#remove(before)
  }

  async #publishNew(record: ClaimRecord, manner: Manner, signal: AbortSignal): Promise<SeenLease> {
    const plain = sessionName(this.#tunnel, record.session)
    const name = record.filter === undefined ? plain : filterName(this.#tunnel, record.filter)
    const got = await this.#locks.acquire(name, record, signal)
    if (got.record.session === record.session) return got
    if (manner === 'refuse') throw this.#voice.refused(got.record)
    if (manner === 'takeover') return this.#locks.takeOver(name, record, signal)
    this.#voice.shares(got.record, 'you share the visitors that match at random')
    return this.#locks.acquire(plain, record, signal)
  }

  /** A stock server hands everything to 255, whatever its filter. */
  #sayExcluded({ weight, filter, mirror }: Wish): void {
    if (weight === ALL || filter !== undefined || mirror === true || this.holding) return
    const { server } = this.#options.plan
    const other = this.others.find(each => wantsAll(each) && (each.mirror !== true || server.peer === 'gost'))
    const holder = server.peer === 'gost' ? (other ?? this.holder) : other
    if (holder !== undefined) this.#voice.excluded(holder, weight)
  }

  /** Without the right to write: whoever can be seen to have it all still has it. */
  #wantUntold(wish: Wish, manner: Manner): void {
    if (this.#wish === undefined) {
      const { namespace } = this.#options.plan
      this.#unavailable(`you may not ${this.#rights.missing.join(', ')} leases in namespace ${namespace}`)
    }
    const other = wantsAll(wish) && manner !== 'join' ? this.others.find(wantsAll) : undefined
    if (other !== undefined) {
      throw this.#voice.refused(other, manner === 'refuse' ? undefined : 'cannot be asked to step back without the right to update leases')
    }
    this.#wish = wish
  }

  /** Skipped while the one before still works. */
  #tick(): void {
    if (this.#ticking || !this.told) return
    this.#ticking = true
    const work = this.#inTurn(async () => {
      if (this.#due.isDue()) await this.#renew()
      await this.#removeLeft()
      if (this.#wish !== undefined && wantsAll(this.#wish) && this.holder === undefined) await this.#tryHold()
    })
    work
      .catch((error: unknown) => this.#options.log.info('claims not kept', { error: asError(error) }))
      .finally(() => {
        this.#ticking = false
      })
  }

  async #renew(): Promise<void> {
    const { session } = this.#options
    for (const mine of [this.#held, this.#own].filter(each => each !== undefined)) {
      const renewed = (await this.#store.replace(mine, mine.record)) ?? (await this.#locks.acquire(mine.lease.metadata.name, mine.record))
      if (mine === this.#held) this.#held = renewed
      else this.#own = renewed
      if (renewed.record.session !== session) return this.#lost(renewed.record)
      if (renewed.asker !== undefined) this.#askedBy(renewed.asker)
    }
    this.#due.done()
  }

  #onSeen(seen: readonly SeenLease[]): void {
    const { session } = this.#options
    this.#seen = seen
    this.#fresh.see(seen)
    const asker = seen.find(each => each.record.session === session && each.asker !== undefined)?.asker
    if (asker !== undefined && this.#wish !== undefined) this.#askedBy(asker)
    // What a watch tells may be older than what we wrote: only asking again is certain.
    const mine = new Set([this.#held, this.#own].map(each => each?.lease.metadata.name))
    if (seen.some(each => mine.has(each.lease.metadata.name) && each.record.session !== session)) this.#due.now()
    this.#tell()
  }

  async #removeLeft(): Promise<void> {
    const left = this.#seen.filter(seen => seen.record.session !== this.#options.session && this.#gone(seen))
    for (const seen of left) {
      // Otherwise it was renewed after all, or somebody else was faster.
      if (await this.#store.remove(seen)) this.#voice.say('expired', seen.record)
    }
    if (left.length === 0) return
    this.#seen = this.#seen.filter(seen => !left.includes(seen))
    this.#tell()
  }

  #holds(held: SeenLease): void {
    this.#held = held
    this.#voice.say('acquired', held.record)
    this.#tell()
  }

  async #release(): Promise<void> {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    await this.#remove(held)
    this.#voice.say('released', held.record)
    this.#tell()
  }

  /** One of ours. Somebody may have asked for it meanwhile, which changed it. */
  async #remove(mine: SeenLease): Promise<void> {
    if (await this.#store.remove(mine)) return
    const now = await this.#store.find(mine.lease.metadata.name)
    if (now?.record.session === this.#options.session) await this.#store.remove(now)
  }

  #askedBy(asker: Asker): void {
    if (this.#stepsBack) return
    this.#stepsBack = true
    this.#options.emit('claim', { action: 'taken', holder: asker.user })
    this.#options.onTaken(asker)
  }

  #lost(by: ClaimRecord): void {
    const { session, onTaken } = this.#options
    if (this.#held?.record.session !== session) this.#held = undefined
    if (this.#own?.record.session !== session) this.#own = undefined
    this.#tell()
    if (this.#stepsBack) return
    this.#stepsBack = true
    this.#voice.lost(by)
    onTaken(by)
  }

  #unavailable(why: string): void {
    this.#rights = { ...this.#rights, write: false }
    this.#voice.unavailable(why)
  }

  #gone(seen: SeenLease): boolean {
    return this.#fresh.expired(seen) || isGone(seen.record, this.#options)
  }

  #record({ weight, filter, privateTunnel, mirror }: Wish, since: string): ClaimRecord {
    const { session, user, pid } = this.#options
    return { session, user, pid, since, weight, filter, privateTunnel, mirror }
  }

  #now(): string {
    return this.#options.clock.date().toISOString()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** One write after the other: each has seen what the one before made. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {}) // whoever asked for it is told
    return next
  }

  async #close(): Promise<void> {
    this.#timer?.cancel()
    this.#stepsBack = true
    await this.#store.close()
    await this.#inTurn(async () => {
      const own = this.#own
      this.#own = undefined
      await Promise.allSettled([this.#release(), own === undefined ? undefined : this.#remove(own)])
    })
  }
}
