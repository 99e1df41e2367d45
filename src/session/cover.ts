/**
 * Holds every replica behind one shared address, where port-forwards are forbidden: dials it again and again, tells by probes on which replica
 * each connector is, and lets go of those that are on one twice. New before old: a replica keeps its oldest connector. What to do next is
 * `cover-policy.ts`; this is when.
 */
import { backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { SharedAddress } from '../route/types.ts'
import type { Retire } from '../tunnel/connector.ts'
import { type CoverStep, type CoverView, dialsFor, heldOf, nextCoverStep } from './cover-policy.ts'
import { coverRound, type CoverRounds } from './cover-round.ts'
import { CoverSlots } from './cover-slots.ts'
import type { Replica, ReplicaSet } from './replica-set.ts'
import { visitorHost } from './verify.ts'

export interface CoverOptions extends CoverRounds {
  log: Logger
  clock: Clock
  replicas: Pick<ReplicaSet, 'all' | 'apply' | 'release'>
  /** No visitor comes, so none can be a proof: being bound is one. */
  copies: boolean
  part: (retire: Retire) => Promise<void>
  /** Something is held, verified or missing that was not. */
  onChange: () => void
}

export interface Covered {
  /** Replicas held, of `total`. */
  readonly held: number
  readonly verified: boolean
  /** Why not all of them, where nothing more can be done now. */
  readonly missing: string | undefined
  /** Why visitors are not proven to arrive, where all are held. */
  readonly unproven: string | undefined
}

export interface Cover extends Covered, Closable {
  /** Resolves when it has done what can be done for now. */
  readonly settled: Promise<void>
  /** The address, and how many ready replicas are behind it now. */
  update(shared: SharedAddress, total: number): void
  /** A connector was bound (perhaps to another replica) or lost. */
  moved(replica: Replica): void
  /** All may be elsewhere now: told apart anew. */
  again(): void
}

/** Looks again although nothing happened: a replica that was told apart wrongly would stay uncovered. */
const PATROL_MS = 15_000
const RETRY_MS = 5_000

export const startCover = (options: CoverOptions, shared: SharedAddress, total: number): Cover => new Covering(options, shared, total)

class Covering implements Cover {
  readonly close: () => Promise<void>
  missing: string | undefined
  unproven: string | undefined
  verified = false

  readonly #options: CoverOptions
  readonly #slots: CoverSlots
  #shared: SharedAddress
  #total: number
  #rounds = 0
  #stranger = false
  #nameless = false
  #dials = 0
  #delays = backoff({ minMs: 100, maxMs: 2_000 })
  #wake = deferred<void>()
  readonly #settled = deferred<void>()
  readonly #stop = new AbortController()

  constructor(options: CoverOptions, shared: SharedAddress, total: number) {
    this.#options = options
    this.#shared = shared
    this.#total = total
    this.#slots = new CoverSlots(options.replicas, shared.route)
    const running = this.#begin().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) options.log.warn('replicas are not told apart any more', { error: asError(error) })
    })
    this.close = closeOnce(async () => {
      this.#stop.abort(new Error('closed'))
      await running
      this.#settled.resolve()
    })
  }

  get settled(): Promise<void> {
    return this.#settled.promise
  }

  get held(): number {
    return heldOf(this.#view())
  }

  update(shared: SharedAddress, total: number): void {
    this.#shared = shared
    this.#total = total
    this.#slots.reroute(shared.route)
    this.#fresh()
  }

  moved({ route, connector }: Replica): void {
    this.#slots.forget(route.key)
    if (!this.#slots.has(route.key)) return
    this.verified = false
    if (connector.phase === 'bound' || connector.phase === 'connecting') this.#look()
    else this.#fresh()
  }

  again(): void {
    this.#slots.forgetAll()
    this.verified = false
    this.#fresh()
  }

  #fresh(): void {
    this.#nameless = false
    this.#dials = 0
    this.#delays.reset()
    this.#look()
  }

  #look(): void {
    this.#rounds = 0
    const woken = this.#wake
    this.#wake = deferred<void>()
    woken.resolve()
  }

  /** Nothing is told before whoever made it has it. */
  async #begin(): Promise<void> {
    await Promise.resolve()
    await this.#run()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const woken = this.#wake.promise
      const step: CoverStep = this.#options.idle() ? { kind: 'rest', why: undefined } : nextCoverStep(this.#view())
      if (step.kind === 'probe') await this.#probe(signal)
      else if (step.kind === 'release') this.#slots.release(step.keys, this.#options.part)
      else if (step.kind === 'dial') await this.#dial(step.count, signal)
      else {
        this.#rest(step.why)
        await this.#pause(step.why === undefined ? PATROL_MS : RETRY_MS, woken)
      }
    }
  }

  #rest(why: string | undefined): void {
    this.missing = why ?? (this.#stranger ? 'somebody else answers some of the visitors' : undefined)
    this.verified =
      why === undefined &&
      !this.#stranger &&
      this.#slots.all.every(slot => slot.bound && slot.node !== undefined && (slot.seen || this.#options.copies))
    const blind = this.missing === undefined && !this.verified && !this.#options.copies && !this.#view().visitable
    this.unproven = blind ? 'unverified: no visitor over HTTP can be sent' : undefined
    this.#settled.resolve()
    this.#options.onChange()
  }

  /** Until something happens, or long enough. Then one more round of probes, and, if it must be, as many dials as there are replicas. */
  async #pause(ms: number, woken: Promise<void>): Promise<void> {
    const over = new AbortController()
    void woken.then(() => over.abort())
    await sleep(this.#options.clock, ms, AbortSignal.any([this.#stop.signal, over.signal])).then(
      () => {
        this.#rounds = 0
        this.#dials = Math.min(this.#dials, dialsFor(this.#total) - this.#total)
      },
      () => {} // woken, or closed
    )
  }

  async #probe(signal: AbortSignal): Promise<void> {
    this.#rounds += 1
    this.#stranger = false
    const round = { way: this.#shared.visitors[0], total: this.#total, slots: this.#slots }
    const { stranger, nameless } = await coverRound(this.#options, round, signal)
    this.#stranger = stranger
    if (nameless) this.#nameless = true
  }

  async #dial(count: number, signal: AbortSignal): Promise<void> {
    if (this.#dials > 0) await sleep(this.#options.clock, this.#delays.next(), signal)
    this.#dials += count
    this.#rounds = 0
    await this.#slots.dial(count, this.#shared.route, signal)
  }

  #view(): CoverView {
    const { plan, copies } = this.#options
    return {
      total: this.#total,
      slots: this.#slots.all,
      rounds: this.#rounds,
      stranger: this.#stranger,
      nameless: this.#nameless,
      visitable: !copies && plan.protocol === 'http' && this.#shared.visitors.length > 0 && visitorHost(plan) !== undefined,
      dialsLeft: dialsFor(this.#total) - this.#dials
    }
  }
}
