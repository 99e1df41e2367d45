/**
 * A session's claims while it runs: made, renewed, given up; and the others', followed. What we have written is `own-leases.ts`, what is read
 * `seen-leases.ts`, how a Lease is got `locks.ts`.
 */
import { closeOnce } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import { asError, InterceptError } from '../base/errors.ts'
import { inTurn } from '../base/in-turn.ts'
import { freshness } from './freshness.ts'
import { type ClaimRecord, type SeenLease, tunnelHash } from './lease.ts'
import { type LeaseStore, leaseStore } from './lease-store.ts'
import { locks } from './locks.ts'
import { OwnLeases } from './own-leases.ts'
import { ownerOf } from './owner.ts'
import { excluderOf, wantsAll } from './policy.ts'
import { renewals } from './renewals.ts'
import { type LeaseRights, leaseRights } from './rights.ts'
import { SeenLeases } from './seen-leases.ts'
import { type StepBack, stepBack } from './step-back.ts'
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

class RunningClaim implements Claim {
  readonly close: () => Promise<void>
  readonly #options: ClaimOptions & { times: ClaimTimes }
  readonly #store: LeaseStore
  readonly #voice: ClaimVoice
  readonly #seen: SeenLeases
  readonly #own: OwnLeases
  readonly #stepBack: StepBack
  readonly #due
  readonly #since: string
  readonly #listeners = new Set<() => void>()
  /** One write after the other: each has seen what the one before made. */
  readonly #inTurn = inTurn()
  #rights: LeaseRights
  #wish: Wish | undefined
  #timer: Timer | undefined
  #ticking = false

  constructor(options: ClaimOptions & { times: ClaimTimes }, store: LeaseStore, rights: LeaseRights) {
    const { clock, times, session, plan } = options
    this.#options = options
    this.#store = store
    this.#rights = rights
    const voice = claimVoice(options)
    const seen = new SeenLeases({ ...options, store, voice, fresh: freshness(clock, times.expireMs) })
    this.#voice = voice
    this.#seen = seen
    this.#own = new OwnLeases({
      session,
      tunnel: tunnelHash(plan.tunnelId),
      store,
      locks: locks({ ...options, store, voice, gone: each => seen.gone(each) }),
      voice,
      onChange: () => this.#tell()
    })
    this.#stepBack = stepBack({ ...options, voice })
    this.#due = renewals(clock, times.renewMs)
    this.#since = clock.date().toISOString()
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
    return this.#seen.others
  }

  get holder(): ClaimRecord | undefined {
    return this.#own.held?.record ?? this.#seen.holder
  }

  get holding(): boolean {
    return this.#own.held !== undefined
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
        if (wantsAll(wish) && !held) await this.#own.hold(this.#record(wish, this.#now()), { manner, others: () => this.others }, signal)
        await this.#own.publish(this.#record(wish, this.#since), manner, signal)
        await this.#removeLeft()
      } catch (error) {
        if (!held) await this.#own.release().catch(() => {}) // it expires
        signal.throwIfAborted()
        if (error instanceof InterceptError && error.code === 'TAKEN') throw error
        this.#unavailable(asError(error).message)
      }
      if (this.#wish !== undefined && wantsAll(this.#wish) && !wantsAll(wish)) await this.#own.release()
      this.#wish = wish
      const excluder = this.holding ? undefined : excluderOf(wish, this, this.#options.plan.server.peer === 'gost')
      if (excluder !== undefined) this.#voice.excluded(excluder, wish.weight)
      this.#sayWhoIsThere()
    })
  }

  tryHold(): Promise<boolean> {
    return this.#inTurn(() => this.#tryHold())
  }

  release(): Promise<void> {
    return this.#inTurn(() => this.#own.release())
  }

  async #tryHold(): Promise<boolean> {
    if (this.holding) return true
    if (!this.told || this.#wish === undefined || this.#stepBack.done) return false
    return this.#own.tryHold(this.#record(this.#wish, this.#now()))
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
    for (const { record, asker } of await this.#own.renew()) {
      if (record.session !== this.#options.session) {
        this.#own.dropLost()
        return this.#stepBack.lost(record)
      }
      if (asker !== undefined) this.#stepBack.asked(asker)
    }
    this.#due.done()
  }

  #onSeen(seen: readonly SeenLease[]): void {
    this.#seen.see(seen)
    const { asker } = this.#seen
    if (asker !== undefined && this.#wish !== undefined) this.#stepBack.asked(asker)
    // What a watch tells may be older than what we wrote: only asking again is certain.
    if (this.#seen.takenFrom(name => this.#own.has(name))) this.#due.now()
    else this.#sayWhoIsThere()
    this.#tell()
  }

  #sayWhoIsThere(): void {
    const wish = this.#wish
    if (wish === undefined || this.#stepBack.done) return
    for (const other of this.others) this.#voice.beside(other, wantsAll(wish) && wantsAll(other))
  }

  async #removeLeft(): Promise<void> {
    if (await this.#seen.removeLeft()) this.#tell()
  }

  #unavailable(why: string): void {
    this.#rights = { ...this.#rights, write: false }
    this.#voice.unavailable(why)
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

  async #close(): Promise<void> {
    this.#timer?.cancel()
    this.#stepBack.close()
    await this.#store.close()
    await this.#inTurn(() => this.#own.removeAll())
  }
}
