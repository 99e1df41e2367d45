/**
 * Holds every replica behind one shared address, where port-forwards are forbidden: dials it again and again, tells by probes on which replica
 * each connector is, and lets go of those that are on one twice. New before old: a replica keeps its oldest connector. What to do is
 * `cover-policy.ts`; this is when and how.
 */
import { backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { ReplicaRoute, SharedAddress } from '../route/types.ts'
import type { Retire } from '../tunnel/connector.ts'
import { type CoverStep, type CoverView, dialsFor, heldOf, nextCoverStep, probesFor } from './cover-policy.ts'
import { type CoverProbing, sendCoverProbe } from './cover-probe.ts'
import type { Replica, ReplicaSet } from './replica-set.ts'
import { visitorHost } from './verify.ts'

export interface CoverOptions extends Omit<CoverProbing, 'target'> {
  plan: TunnelPlan
  log: Logger
  clock: Clock
  replicas: Pick<ReplicaSet, 'all' | 'apply' | 'release'>
  /** What whole weights give us, 0…1. */
  share: () => number
  /** Given back, held or leaving: nothing is to be covered. */
  idle: () => boolean
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
  verified = false

  readonly #options: CoverOptions
  #shared: SharedAddress
  #total: number
  #routes: ReplicaRoute[]
  #made = 1
  /** What the replicas call themselves, by connector. */
  readonly #nodes = new Map<string, string>()
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
    this.#routes = [shared.route]
    const running = this.#run().catch((error: unknown) => {
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
    this.#routes = this.#routes.map(({ key }) => ({ ...shared.route, key }))
    this.#fresh()
  }

  moved({ route, connector }: Replica): void {
    this.#nodes.delete(route.key)
    if (!this.#routes.some(each => each.key === route.key)) return
    this.verified = false
    if (connector.phase === 'bound' || connector.phase === 'connecting') this.#look()
    else this.#fresh()
  }

  again(): void {
    this.#nodes.clear()
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

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const woken = this.#wake.promise
      const step: CoverStep = this.#options.idle() ? { kind: 'rest', why: undefined } : nextCoverStep(this.#view())
      if (step.kind === 'probe') await this.#probe(signal)
      else if (step.kind === 'release') this.#release(step.keys)
      else if (step.kind === 'dial') await this.#dial(step.count, signal)
      else {
        this.#rest(step.why)
        await this.#pause(step.why === undefined ? PATROL_MS : RETRY_MS, woken)
      }
    }
  }

  #rest(why: string | undefined): void {
    const { slots } = this.#view()
    this.missing = why ?? (this.#stranger ? 'somebody else answers some of the visitors' : undefined)
    this.verified = why === undefined && !this.#stranger && slots.every(({ bound, node }) => bound && node !== undefined)
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
    const { plan, share } = this.#options
    const way = this.#shared.visitors[0]
    const host = visitorHost(plan)
    this.#rounds += 1
    this.#stranger = false
    if (way === undefined || host === undefined) return
    const part = share()
    const of = probesFor(this.#total, this.#routes.length, part)
    let stranger = false
    for (let attempt = 1; attempt <= of && !this.#options.idle(); attempt += 1) {
      const seen = await sendCoverProbe({ ...this.#options, target: plan.name }, { way, host, attempt, of }, signal)
      if (seen.kind === 'here') {
        if (seen.node === undefined) this.#nameless = true
        else if (this.#routes.some(route => route.key === seen.connector)) this.#nodes.set(seen.connector, seen.node)
      }
      // Below 255 others answer too, and so does a connection from a pool.
      stranger ||= seen.kind === 'stranger' && part === 1 && !plan.server.keepalive
      if (this.#nameless || (attempt >= 2 * this.#total && this.#allKnown())) break
      if (seen.kind === 'lost') await sleep(this.#options.clock, 200, signal)
    }
    this.#stranger = stranger
  }

  #allKnown(): boolean {
    return this.#view().slots.every(({ bound, node }) => !bound || node !== undefined)
  }

  #release(keys: readonly string[]): void {
    this.#routes = this.#routes.filter(route => !keys.includes(route.key))
    for (const key of keys) {
      this.#nodes.delete(key)
      void this.#options.replicas.release(key, this.#options.part)
    }
  }

  async #dial(count: number, signal: AbortSignal): Promise<void> {
    if (this.#dials > 0) await sleep(this.#options.clock, this.#delays.next(), signal)
    const { route } = this.#shared
    const fresh = Array.from({ length: count }, () => ({ ...route, key: `${route.key}#${(this.#made += 1)}` }))
    this.#dials += count
    this.#rounds = 0
    this.#routes = [...this.#routes, ...fresh]
    await this.#apply(signal)
    const failed = fresh.filter(({ key }) => this.#find(key)?.connector.phase !== 'bound')
    if (failed.length === 0) return
    this.#routes = this.#routes.filter(each => !failed.some(({ key }) => key === each.key))
    await this.#apply(signal)
  }

  #apply(signal: AbortSignal): Promise<void> {
    return this.#options.replicas.apply(this.#routes, signal)
  }

  #find(key: string): Replica | undefined {
    return this.#options.replicas.all.find(({ route }) => route.key === key)
  }

  #view(): CoverView {
    const slots = this.#routes.map(({ key }) => ({ key, bound: this.#find(key)?.connector.phase === 'bound', node: this.#nodes.get(key) }))
    return {
      total: this.#total,
      slots,
      rounds: this.#rounds,
      stranger: this.#stranger,
      nameless: this.#nameless,
      visitable:
        this.#options.plan.protocol === 'http' && this.#shared.visitors.length > 0 && visitorHost(this.#options.plan) !== undefined,
      dialsLeft: dialsFor(this.#total) - this.#dials
    }
  }
}
