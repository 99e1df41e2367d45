/**
 * One intercepted tunnel from start to drain: local app, routes, connectors, proofs, gate, and the facts its state is derived from. Says
 * everything by events. Who it runs beside, signals and exit codes are `run.ts`.
 */
import { closeAll, closeOnce, type Closable, deferred } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Summary, TargetState } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import { followPlan } from '../resolve/follow.ts'
import { pathNonceOf } from '../tunnel/probe-names.ts'
import { whoLine } from '../route/who-else.ts'
import { type Personal, personalOf } from '../server/personal.ts'
import { answering } from './answering.ts'
import { openTargetClaim, wishOf } from './claiming.ts'
import type { By, Change, Changed, Changer } from './change.ts'
import { changer } from './changer.ts'
import { guestConnector } from './connect-guest.ts'
import { decide } from './decide.ts'
import { checkEnd, type EndReport } from './end-check.ts'
import { exchanges } from './exchanges.ts'
import { followAppService } from './follow-app-service.ts'
import { type Asking, gate, type Decision } from './gate.ts'
import { whose } from './guests.ts'
import { type GivingBack, givingBack } from './give-back.ts'
import { leave } from './leave-quietly.ts'
import { type Holding, holding } from './holding.ts'
import { localApp } from '../transport/local-app.ts'
import { checkMirror, mirroring, type Mirroring, remembering } from './mirroring.ts'
import type { Intercept, InterceptOptions } from './options.ts'
import { askedBy, checkFilter, looksHere } from './personal.ts'
import { planEvent } from './plan-event.ts'
import { probeBoard } from './probe-board.ts'
import { returnPath } from './return-path.ts'
import { ownTargets, type ReturnTarget } from './return-targets.ts'
import type { RunningTarget } from './running-target.ts'
import { type Sharing, sharing } from './sharing.ts'
import { sayWhoElse } from './say-who-else.ts'
import { stateVoice } from './state-voice.ts'
import { initialFacts, stateOf } from './state.ts'
import { expressed, sayShare } from './wanted-share.ts'

export type { Intercept } from './options.ts'

const WATCH_MS = 500

export function intercept(options: InterceptOptions): Intercept {
  return new RunningIntercept(options)
}

class RunningIntercept implements Intercept {
  readonly name: string
  readonly close: () => Promise<void>
  readonly #options: InterceptOptions
  readonly #board = probeBoard()
  readonly #answering
  readonly #local
  readonly #returnPath
  readonly #exchanges
  readonly #gate
  readonly #stop = new AbortController()
  readonly #taken = deferred<void>()
  readonly #parts: Closable[] = []
  readonly #target: RunningTarget
  readonly #giving: GivingBack
  readonly #changer: Changer
  readonly #holding: Holding
  readonly #sharing: Sharing
  /** The filter, made ready for comparing. */
  #own: { filter: Filter | undefined; personal: Personal | undefined } | undefined
  #watch: Timer | undefined
  #mirroring: Mirroring | undefined

  constructor(options: InterceptOptions) {
    const { plan, clock, cluster, settings, emit, log } = options
    const about = { target: plan.name }
    this.#options = { ...options, emit: (type, body, more) => emit(type, body, more === undefined ? about : { ...about, ...more }) }
    this.name = plan.name
    this.#answering = answering(clock)
    this.#local = localApp({ address: options.local, clock, onChange: (up, cause) => this.#onLocal(up, cause) })
    this.#returnPath =
      cluster === undefined || !settings.fallback
        ? undefined
        : returnPath({
            cluster,
            clock,
            emit: this.#options.emit,
            perSecond: settings.returnLimit,
            onLimit: why => void this.#giving.giveBack(why)
          })
    this.#returnPath?.setTargets(ownTargets(plan.sidecars))
    if (settings.filter !== undefined) checkFilter(plan, settings.filter, this.#mayReturn)
    if (settings.mirror !== undefined) checkMirror(plan, this.#mayReturn)
    // A server of ours sends a mirror no visitor, whatever its weight; should it be a stock one after all, as few as can be.
    const copiesOnly = settings.mirror !== undefined && !looksHere(plan)
    const split = expressed(copiesOnly ? { weight: 1, split: undefined } : settings, plan.sidecars, this.#mayReturn)
    const facts = {
      ...initialFacts,
      canReturn: this.#returnPath?.available === true,
      weight: split.weight,
      thinning: split.keep,
      filter: settings.filter,
      mirrored: settings.mirror !== undefined
    }
    const capture = settings.mirror === undefined ? options.capture : remembering(options.capture)
    this.#exchanges = exchanges({
      clock,
      emit: this.#options.emit,
      nextId: options.nextId,
      target: plan.name,
      capture,
      onCompleted: settings.mirror === undefined ? undefined : id => this.#mirroring?.answered(id)
    })
    if (settings.mirror !== undefined)
      this.#mirroring = mirroring({
        ...this.#options,
        settings: settings.mirror,
        filter: settings.filter,
        dial: signal => this.#local.dial(signal),
        capture: remembering(capture),
        exchanges: () => this.#exchanges,
        isProbe: path => pathNonceOf(path) !== undefined
      })
    if (this.#mirroring !== undefined) this.#parts.push(this.#mirroring)
    this.#target = {
      options: this.#options,
      facts,
      voice: stateVoice(this.#options.emit, facts),
      exchanges: this.#exchanges,
      stop: this.#stop.signal,
      sidecars: plan.sidecars,
      claim: undefined,
      privateTunnel: undefined,
      guests: [],
      replicas: undefined
    }
    this.#giving = givingBack(this.#target, this.#local, this.#answering)
    this.#changer = changer({ target: this.#target, mayReturn: () => this.#mayReturn, prove: () => this.#holding.proveAll() })
    this.#holding = holding({
      target: this.#target,
      board: this.#board,
      onStream: (stream, connector, passed) => {
        if (this.#mirroring?.takes(stream) !== true) this.#gate.serve(stream, connector, passed)
      }
    })
    this.#parts.push(this.#holding)
    this.#sharing = sharing({ target: this.#target, promote: signal => this.#holding.promote(signal) })
    this.#parts.push(this.#sharing)
    this.#gate = gate({
      plan,
      local: this.#local,
      returnPath: this.#returnPath,
      answering: this.#answering,
      board: this.#board,
      exchanges: this.#exchanges,
      clock,
      log,
      decide: asking => this.#decide(asking),
      toGuest: guestConnector(this.#target),
      looks: () => this.#looks,
      perRequest: () => plan.server.keepalive && (this.#target.facts.thinning < 1 || this.#looks),
      who: () => whoLine({ session: options.session, user: options.user, weight: this.#target.facts.weight }),
      onGiveUp: why => void this.#giving.giveBack(why)
    })
    this.close = closeOnce(() => this.#close())
  }

  get state(): TargetState {
    return stateOf(this.#target.facts)
  }

  get taken(): Promise<void> {
    return this.#taken.promise
  }

  get inFlight(): number {
    return this.#exchanges.inFlight
  }

  get latencies(): readonly number[] {
    return this.#exchanges.latencies
  }

  summary(): Summary {
    const summary = this.#exchanges.summary()
    return this.#mirroring === undefined ? summary : { ...summary, mirror: this.#mirroring.counts }
  }

  async start(signal: AbortSignal): Promise<void> {
    const { cluster, clock, emit } = this.#options
    const until = AbortSignal.any([signal, this.#stop.signal])
    await this.#claim(until)
    emit('plan.resolved', planEvent(this.#options, this.#target.facts.weight, this.#options.settings.mirror))
    sayShare(this.#target, 'auto')
    this.#target.facts.resolved = true
    const appService = await followAppService(this.#options, targets => this.#setTargets(targets), until)
    if (appService !== undefined) this.#parts.push(appService)
    await this.#awaitLocal(until)
    await this.#holding.open(until)
    if (!this.#target.facts.guest) void sayWhoElse(this.#options, this.#holding.ways, until)
    this.#watch = clock.every(WATCH_MS, () => this.#giving.look(), { unref: true })
    if (cluster !== undefined) this.#follow()
  }

  check(change: Change): void {
    this.#changer.check(change)
  }

  change(change: Change, by: By): Promise<Changed> {
    return this.#changer.change(change, by)
  }

  async drain(signal: AbortSignal): Promise<EndReport> {
    const { clock, emit, settings } = this.#options
    if (this.#target.replicas === undefined) {
      this.#target.facts.ended = 'ended'
      this.#target.voice.detail = `${this.name}: nothing was intercepted; the cluster serves`
      this.#target.voice.say('left before it was registered')
      return { serving: undefined, line: this.#target.voice.detail }
    }
    this.#target.facts.draining = true
    this.#changer.end()
    this.#target.voice.detail = undefined
    this.#target.voice.say('leaving')
    const until = clock.now() + settings.graceMs
    const progress = (): void =>
      emit('drain.progress', { inFlight: this.inFlight, remainingMs: Math.max(0, Math.round(until - clock.now())) })
    if (this.inFlight > 0) progress()
    const ticking = clock.every(1_000, progress, { unref: true })
    // First, so that what still runs is seen to be cut off by us.
    signal.addEventListener('abort', () => this.#gate.close(), { once: true })
    this.#mirroring?.end()
    await this.#sharing.handOver(signal)
    await leave(this.#target, this.#target.replicas, signal)
    await this.#holding.leavePrivate(signal)
    ticking.cancel()
    // Not waited for: an API server that is away keeps nobody here.
    void this.#target.claim?.close().catch((error: unknown) => this.#options.log.info('claim not removed', { error: asError(error) }))
    const { ways } = this.#holding
    const plan = { ...this.#options.plan, sidecars: this.#target.sidecars }
    const report = await checkEnd(
      { ...this.#options, plan, ways, path: settings.probePath },
      signal.aborted ? AbortSignal.abort(signal.reason) : this.#stop.signal
    ).catch((error: unknown): EndReport => ({ serving: undefined, line: `${this.name}: left; not checked (${asError(error).message})` }))
    this.#target.facts.ended = report.serving === false ? 'failed' : 'ended'
    this.#target.voice.detail = report.line
    this.#target.voice.say('left')
    return report
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Error('closed'))
    this.#watch?.cancel()
    this.#gate.close()
    if (this.#target.facts.ended === 'no') {
      this.#target.facts.ended = 'failed'
      this.#target.voice.say('closed')
    }
    this.#returnPath?.close()
    await closeAll([...this.#parts.reverse(), this.#local])
  }

  /** Throws TAKEN. */
  async #claim(signal: AbortSignal): Promise<void> {
    const claim = await openTargetClaim(this.#target, () => this.#taken.resolve(), signal)
    if (claim === undefined) return
    this.#target.claim = claim
    const { mirrored, weight } = this.#target.facts
    this.#parts.push(claim)
    if (mirrored) await claim.want(wishOf({ weight, filter: undefined, mirrored }, undefined), this.#options.settings.manner, signal)
    else await this.#sharing.claim(signal)
  }

  async #awaitLocal(signal: AbortSignal): Promise<void> {
    const { settings, local } = this.#options
    if (await this.#local.check(signal)) return
    signal.throwIfAborted()
    if (!settings.wait) {
      throw new InterceptError('LOCAL_UNREACHABLE', `nothing listens on ${formatEndpoint(local)}`, {
        hint: `start the app, or name its port: kubectl intercept ${this.#options.plan.target.text} --port PORT`
      })
    }
    // Visitors do not need it.
    if (settings.mirror !== undefined) return
    this.#target.facts.givenBack = true
    this.#target.voice.detail = `for ${formatEndpoint(local)}`
    this.#target.voice.say('local port closed')
    await this.#local.whenUp(signal)
    this.#target.facts.givenBack = false
    this.#target.voice.detail = undefined
  }

  /** There is a way back to a pod, or there will be one. */
  get #mayReturn(): boolean {
    return this.#returnPath !== undefined && (this.#returnPath.available || this.#options.plan.appService !== undefined)
  }

  /** Where it goes depends on the request. */
  get #looks(): boolean {
    const { facts, guests } = this.#target
    const { filter, guest, mirrored } = facts
    return !mirrored && looksHere(this.#options.plan) && (filter !== undefined || (!guest && guests.length > 0))
  }

  #decide({ head, source, passed }: Asking): Decision {
    const { facts: state, guests } = this.#target
    const { filter, mirrored } = state
    if (filter !== this.#own?.filter) this.#own = { filter, personal: filter && personalOf(filter, this.#options.session) }
    const own = this.#own?.personal
    const found = this.#looks
      ? whose(askedBy(head, source), { own, guests: passed || state.guest ? [] : guests, random: Math.random })
      : 'mine'
    if (typeof found === 'object') return { to: 'guest', guest: found }
    const facts = {
      mirrored,
      mine: found === 'mine',
      canReturn: this.#returnPath?.available === true,
      localUp: this.#local.up,
      givesPaused: this.#options.settings.onPause === 'cluster' && this.#answering.paused,
      keep: this.#target.facts.thinning
    }
    return decide(facts, Math.random())
  }

  /** Whoever mirrors needs the local app for nothing but its answers. */
  #onLocal(up: boolean, cause: string): void {
    if (this.#mirroring !== undefined) this.#options.emit('local.state', { address: this.#local.address, up, cause })
    else {
      this.#target.replicas?.health(up)
      this.#giving.onLocal(up, cause)
    }
  }

  #follow(): void {
    const { cluster, plan, log } = this.#options
    if (cluster === undefined) return
    const following = followPlan(cluster, plan, now => {
      this.#target.sidecars = now.sidecars
      if (plan.appService === undefined) this.#setTargets(ownTargets(now.sidecars))
      this.#changer.shareAgain()
      this.#target.voice.say('pods changed')
      void this.#holding.update(now.serverPods)
    })
    this.#parts.push(following)
    following.ready.catch(error => log.warn('cannot follow the pods', { error: asError(error) }))
  }

  #setTargets(targets: readonly ReturnTarget[]): void {
    this.#returnPath?.setTargets(targets)
    this.#target.facts.canReturn = this.#returnPath?.available === true
  }
}
