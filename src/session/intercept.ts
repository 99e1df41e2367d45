/**
 * One intercepted tunnel from start to drain: puts together local app, way back, connectors, proofs and gate, and starts and ends them in order.
 * Says everything by events. Who it runs beside, signals and exit codes are `run.ts`.
 */
import { closeAll, closeOnce, type Closable, deferred } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import type { Summary, TargetState } from '../event/types.ts'
import { whoLine } from '../route/who-else.ts'
import { type LocalApp, localApp } from '../transport/local-app.ts'
import { answering } from './answering.ts'
import { awaitLocal } from './await-local.ts'
import type { By, Change, Changed, Changer } from './change.ts'
import { changer } from './changer.ts'
import { openTargetClaim, wishOf } from './claiming.ts'
import { guestConnector } from './connect-guest.ts'
import { deciding } from './deciding.ts'
import { drain } from './drain.ts'
import type { EndReport } from './end-check.ts'
import { followAppService } from './follow-app-service.ts'
import { followCluster } from './follow-cluster.ts'
import { type Gate, gate } from './gate.ts'
import { type GivingBack, givingBack } from './give-back.ts'
import { type Holding, holding } from './holding.ts'
import type { Mirroring } from './mirroring.ts'
import { checkOptions, newTarget } from './new-target.ts'
import type { Intercept, InterceptOptions } from './options.ts'
import { planEvent } from './plan-event.ts'
import { probeBoard } from './probe-board.ts'
import type { ReturnTarget } from './return-targets.ts'
import type { RunningTarget } from './running-target.ts'
import { type Sharing, sharing } from './sharing.ts'
import { sayWhoElse } from './say-who-else.ts'
import { stateOf } from './state.ts'
import { sayShare } from './wanted-share.ts'
import { watchedExchanges } from './watched-exchanges.ts'
import { type WayBack, wayBack } from './way-back.ts'

export type { Intercept } from './options.ts'

const WATCH_MS = 500

export function intercept(options: InterceptOptions): Intercept {
  const about = { target: options.plan.name }
  return new RunningIntercept({
    ...options,
    emit: (type, body, more) => options.emit(type, body, more === undefined ? about : { ...about, ...more })
  })
}

class RunningIntercept implements Intercept {
  readonly name: string
  readonly close: () => Promise<void>
  readonly #target: RunningTarget
  readonly #local: LocalApp
  readonly #way: WayBack
  readonly #mirroring: Mirroring | undefined
  readonly #giving: GivingBack
  readonly #changer: Changer
  readonly #holding: Holding
  readonly #sharing: Sharing
  readonly #gate: Gate
  readonly #stop = new AbortController()
  readonly #taken = deferred<void>()
  /** In the order of their start. */
  readonly #parts: Closable[] = []
  #watch: Timer | undefined

  constructor(options: InterceptOptions) {
    const { plan, clock, log, session, user } = options
    const giveUp = (why: string): void => void this.#giving.giveBack(why)
    const board = probeBoard()
    const answers = answering(clock)
    this.name = plan.name
    this.#local = localApp({ address: options.local, clock, onChange: (up, cause) => this.#onLocal(up, cause) })
    this.#way = wayBack(options, giveUp)
    checkOptions(options, this.#way)
    const { exchanges, mirroring } = watchedExchanges(options, signal => this.#local.dial(signal))
    const target = newTarget(options, { way: this.#way, exchanges, stop: this.#stop.signal })
    this.#mirroring = mirroring
    this.#target = target
    this.#giving = givingBack(target, this.#local, answers)
    this.#changer = changer({ target, mayReturn: () => this.#way.possible, prove: () => this.#holding.proveAll() })
    this.#holding = holding({
      target,
      board,
      onStream: (stream, connector, passed) => {
        if (mirroring?.takes(stream) !== true) this.#gate.serve(stream, connector, passed)
      }
    })
    this.#sharing = sharing({ target, promote: signal => this.#holding.promote(signal) })
    const decisions = deciding({ target, way: this.#way, local: this.#local, answering: answers })
    this.#gate = gate({
      plan,
      local: this.#local,
      returnPath: this.#way.path,
      answering: answers,
      board,
      exchanges,
      clock,
      log,
      decide: asking => decisions.decide(asking),
      toGuest: guestConnector(target),
      looks: () => decisions.looks,
      perRequest: () => decisions.perRequest,
      who: () => whoLine({ session, user, weight: target.facts.weight }),
      onGiveUp: giveUp
    })
    this.#parts.push(...(mirroring === undefined ? [] : [mirroring]), this.#holding, this.#sharing)
    this.close = closeOnce(() => this.#close())
  }

  get state(): TargetState {
    return stateOf(this.#target.facts)
  }

  get taken(): Promise<void> {
    return this.#taken.promise
  }

  get inFlight(): number {
    return this.#target.exchanges.inFlight
  }

  get latencies(): readonly number[] {
    return this.#target.exchanges.latencies
  }

  summary(): Summary {
    const summary = this.#target.exchanges.summary()
    return this.#mirroring === undefined ? summary : { ...summary, mirror: this.#mirroring.counts }
  }

  async start(signal: AbortSignal): Promise<void> {
    const { options, facts } = this.#target
    const until = AbortSignal.any([signal, this.#stop.signal])
    const onTargets = (targets: readonly ReturnTarget[]): void => this.#setTargets(targets)
    await this.#claim(until)
    options.emit('plan.resolved', planEvent(options, facts.weight, options.settings.mirror))
    sayShare(this.#target, 'auto')
    facts.resolved = true
    const appService = await followAppService(options, onTargets, until)
    if (appService !== undefined) this.#parts.push(appService)
    await awaitLocal(this.#target, this.#local, until)
    await this.#holding.open(until)
    const known = (session: string): boolean => this.#target.claim?.others.some(each => each.session === session) === true
    if (!facts.guest) void sayWhoElse({ ...options, known }, this.#holding.ways, until)
    this.#watch = options.clock.every(WATCH_MS, () => this.#giving.look(), { unref: true })
    const following = followCluster(this.#target, { changer: this.#changer, holding: this.#holding, onTargets })
    if (following !== undefined) this.#parts.push(following)
  }

  check(change: Change): void {
    this.#changer.check(change)
  }

  change(change: Change, by: By): Promise<Changed> {
    return this.#changer.change(change, by)
  }

  drain(signal: AbortSignal): Promise<EndReport> {
    const draining = {
      changer: this.#changer,
      gate: this.#gate,
      mirroring: this.#mirroring,
      sharing: this.#sharing,
      holding: this.#holding
    }
    return drain({ target: this.#target, ...draining }, signal)
  }

  async #close(): Promise<void> {
    const { facts, voice } = this.#target
    this.#stop.abort(new Error('closed'))
    this.#watch?.cancel()
    this.#gate.close()
    if (facts.ended === 'no') {
      facts.ended = 'failed'
      voice.say('closed')
    }
    this.#way.close()
    await closeAll([...this.#parts.reverse(), this.#local])
  }

  /** Throws TAKEN. */
  async #claim(signal: AbortSignal): Promise<void> {
    const claim = await openTargetClaim(this.#target, () => this.#taken.resolve(), signal)
    if (claim === undefined) return
    this.#target.claim = claim
    this.#parts.push(claim)
    const { facts, options } = this.#target
    const { mirrored, weight } = facts
    if (mirrored) await claim.want(wishOf({ weight, filter: undefined, mirrored }, undefined), options.settings.manner, signal)
    else await this.#sharing.claim(signal)
  }

  /** Whoever mirrors needs the local app for nothing but its answers. */
  #onLocal(up: boolean, cause: string): void {
    const { options, replicas } = this.#target
    if (this.#mirroring !== undefined) options.emit('local.state', { address: this.#local.address, up, cause })
    else {
      replicas?.health(up)
      this.#giving.onLocal(up, cause)
    }
  }

  #setTargets(targets: readonly ReturnTarget[]): void {
    this.#way.setTargets(targets)
    this.#target.facts.canReturn = this.#way.open
  }
}
