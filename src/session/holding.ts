/**
 * The server's replicas, held: routes to them, a connector for each, and the proofs that visitors arrive. Keeps the facts of its target in step.
 * Several replicas behind one address are `cover.ts`.
 */
import { closeAll, closeOnce, type Closable } from '../base/closable.ts'
import type { ServerPod } from '../resolve/types.ts'
import { openRoutes } from '../route/open-routes.ts'
import type { RouteSet, SharedAddress, VisitorWay } from '../route/types.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import { type Cover, startCover } from './cover.ts'
import { part } from './leave-quietly.ts'
import type { ProbeBoard } from './probe-board.ts'
import { helloOf, nonces, refuseShared, refuseUntold } from './personal.ts'
import { proveReplica } from './prove-replica.ts'
import { type Replica, type ReplicaSet, replicaSet } from './replica-set.ts'
import { copiesOnly, mirrorWords } from './mirror-state.ts'
import { requireAll } from './require-all.ts'
import { allVerified, planOf, type RunningTarget } from './running-target.ts'
import { servedNow } from './served-now.ts'
import type { Verdict } from './verify.ts'
import { arrivingShare } from './wanted-share.ts'

export interface HoldingOptions {
  target: RunningTarget
  board: ProbeBoard
  /** `passed`: by another session. */
  onStream: (stream: TunnelStream, connector: string, passed: boolean) => void
}

export interface Holding extends Closable {
  /** Opens routes and binds to all; says `dialling` in between. */
  open(signal: AbortSignal): Promise<void>
  /** Follows the server's pods. */
  update(pods: readonly ServerPod[]): Promise<void>
  /** What was proven may not hold any more. */
  proveAll(): void
  /** Binds the tunnel itself, beside the private one of a guest. */
  promote(signal: AbortSignal): Promise<void>
  /** What a guest was reached by is let go of. */
  leavePrivate(signal: AbortSignal): Promise<void>
  /** How visitors reach the entrypoint. */
  readonly ways: readonly VisitorWay[]
}

/** Of who gets copies only. */
const BOUND: Verdict = { kind: 'verified', ms: 0 }

export function holding(options: HoldingOptions): Holding {
  return new HeldReplicas(options)
}

class HeldReplicas implements Holding {
  readonly close: () => Promise<void>
  readonly #target: RunningTarget
  readonly #board: ProbeBoard
  readonly #onStream: HoldingOptions['onStream']
  #routes: RouteSet | undefined
  /** By which a guest was reached, once it holds the tunnel itself. */
  #private: ReplicaSet | undefined
  /** Where several replicas are behind one address. */
  #cover: Cover | undefined

  constructor({ target, board, onStream }: HoldingOptions) {
    this.#target = target
    this.#board = board
    this.#onStream = onStream
    this.close = closeOnce(() => closeAll([this.#cover, target.replicas, this.#private, this.#routes].filter(each => each !== undefined)))
  }

  get ways(): readonly VisitorWay[] {
    return this.#routes?.replicas[0]?.visitor ?? []
  }

  async open(signal: AbortSignal): Promise<void> {
    const { facts, voice } = this.#target
    const { plan, cluster, settings, clock, emit } = this.#target.options
    const routes = await openRoutes({ plan, cluster, via: settings.via, entrypoint: settings.entrypoint, clock, emit }, signal)
    this.#routes = routes
    if (routes.shared === undefined) requireAll(this.#target.options, routes.uncovered)
    facts.replicas = routes.total
    if (facts.guest) refuseShared(this.#target, routes.shared !== undefined)
    if (facts.filter !== undefined) await refuseUntold(this.#target, this.ways, signal)
    if (plan.byFlags === true) this.#target.servedBefore = await servedNow(this.#target, this.ways, signal)
    const replicas = this.#replicaSet(routes, facts.guest)
    this.#target.replicas = replicas
    voice.say('dialling')
    await replicas.apply(routes.replicas, signal)
    if (routes.shared !== undefined) await this.#startCover(routes.shared, routes.total)
  }

  async promote(signal: AbortSignal): Promise<void> {
    const { facts, voice, replicas: before } = this.#target
    const routes = this.#routes
    if (routes === undefined) throw new Error('not registered yet')
    const replicas = this.#replicaSet(routes, false)
    try {
      await replicas.apply(routes.replicas, signal)
    } catch (error) {
      await replicas.close()
      throw error
    }
    this.#private = before
    this.#target.replicas = replicas
    facts.guest = false
    this.#count()
    this.proveAll()
    voice.say('holds the tunnel')
  }

  async leavePrivate(signal: AbortSignal): Promise<void> {
    await this.#private?.withdraw(signal)
  }

  async update(pods: readonly ServerPod[]): Promise<void> {
    const routes = this.#routes
    const { facts, voice, replicas, stop, options } = this.#target
    if (routes === undefined || replicas === undefined) return
    if (!(await routes.update(pods, stop))) return
    facts.replicas = routes.total
    if (routes.shared !== undefined && this.#cover !== undefined) {
      this.#cover.update(routes.shared, routes.total)
      this.#count()
      voice.say('replicas changed')
      return
    }
    const cover = this.#cover
    this.#cover = undefined
    voice.missing = undefined
    if (cover !== undefined) await cover.close()
    for (const each of [replicas, this.#private])
      await each?.apply(routes.replicas, stop).catch(error => options.log.warn('replica failed', { error }))
    // Another update may have come meanwhile.
    if (routes.shared !== undefined) await this.#startCover(routes.shared, routes.total)
    this.#count()
    voice.say('replicas changed')
  }

  proveAll(): void {
    this.#cover?.again()
    if (this.#cover !== undefined) return this.#count()
    for (const replica of this.#target.replicas?.all ?? []) {
      if (replica.connector.phase !== 'bound') continue
      replica.verified = false
      proveReplica(this.#target, replica, this.#board)
    }
    this.#target.facts.verified = allVerified(this.#target)
  }

  #replicaSet(routes: RouteSet, asGuest: boolean): ReplicaSet {
    const { facts, options } = this.#target
    const { clock, log, emit } = options
    return replicaSet({
      plan: planOf(this.#target, asGuest),
      weight: facts.weight,
      hello: helloOf(this.#target),
      clock,
      log,
      emit,
      onStream: (stream, connector) => this.#onStream(stream, connector, asGuest),
      onChange: replica => this.#onConnector(replica),
      onReroute: replica => {
        if (routes.shared === undefined && replica.connector.phase === 'bound' && !replica.verified)
          proveReplica(this.#target, replica, this.#board)
      }
    })
  }

  #onConnector(replica: Replica): void {
    const { facts, voice, replicas, options } = this.#target
    if (replicas === undefined || replicas === this.#private || !replicas.all.includes(replica)) return
    this.#cover?.moved(replica)
    this.#count()
    if (facts.bound > 0) facts.everBound = true
    if (replica.connector.phase === 'bound' && (this.#routes?.shared === undefined || copiesOnly(this.#target)))
      proveReplica(this.#target, replica, this.#board)
    if (facts.bound === 0 && replica.connector.phase === 'lost')
      voice.detail = options.plan.server.peer === 'gost' ? 'the cluster serves once the server notices (≤ 60 s)' : undefined
    voice.say(replica.connector.phase)
  }

  /** How many replicas are held, and whether that is proven. */
  #count(): void {
    const { facts, replicas } = this.#target
    facts.bound = this.#cover?.held ?? Math.min(replicas?.bound ?? 0, this.#routes?.shared === undefined ? Infinity : 1)
    facts.verified = this.#cover?.verified ?? allVerified(this.#target)
  }

  async #startCover(shared: SharedAddress, total: number): Promise<void> {
    const { replicas, facts, stop, options } = this.#target
    if (replicas === undefined || stop.aborted) return
    if (this.#cover !== undefined) return this.#cover.update(shared, total)
    const cover = startCover(
      {
        ...options,
        random: nonces(this.#target),
        board: this.#board,
        replicas,
        copies: copiesOnly(this.#target),
        share: () => arrivingShare(this.#target),
        idle: () => facts.draining || facts.held || facts.givenBack,
        part: retire => part(this.#target, { replicas, retire }, stop),
        onChange: () => this.#onCover(cover)
      },
      shared,
      total
    )
    this.#cover = cover
    if (!options.settings.requireAll) return
    await cover.settled
    if (cover.held < total) requireAll(options, cover.missing ?? 'one address leads to all of them')
  }

  #onCover(cover: Cover): void {
    if (this.#cover !== cover) return
    const { facts, voice } = this.#target
    this.#routes?.covered(cover.held)
    this.#count()
    voice.missing = cover.missing
    if (facts.bound > 0)
      voice.detail = cover.missing ?? cover.unproven ?? (copiesOnly(this.#target) ? mirrorWords(this.#target, BOUND) : undefined)
    voice.say('replicas told apart')
  }
}
