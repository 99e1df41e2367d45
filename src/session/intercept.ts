/**
 * One intercepted tunnel from start to drain: local app, routes, connectors, proofs, gate, and the facts its state is derived from. Says
 * everything by events. Who it runs beside, signals and exit codes are `run.ts`.
 */
import { closeAll, closeOnce, type Closable } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Summary, TargetState } from '../event/types.ts'
import { followPlan } from '../resolve/follow.ts'
import { openRoutes } from '../route/open-routes.ts'
import { whoLine } from '../route/who-else.ts'
import type { ServerPod } from '../resolve/types.ts'
import type { RouteSet, VisitorWay } from '../route/types.ts'
import { answering } from './answering.ts'
import { decide } from './decide.ts'
import { checkEnd, type EndReport } from './end-check.ts'
import { exchanges } from './exchanges.ts'
import { followAppService } from './follow-app-service.ts'
import { gate, type Decision } from './gate.ts'
import { leaveQuietly } from './leave-quietly.ts'
import { localApp } from './local-app.ts'
import type { Intercept, InterceptOptions } from './options.ts'
import { planEvent } from './plan-event.ts'
import { probeBoard } from './probe-board.ts'
import { prove, verdictWords } from './proofs.ts'
import { replicaSet, type Replica, type ReplicaSet } from './replica-set.ts'
import { returnPath } from './return-path.ts'
import { ownTargets, type ReturnTarget } from './return-targets.ts'
import { shareOf, splitFor } from './split.ts'
import { sayWhoElse } from './say-who-else.ts'
import { stateVoice, type StateVoice } from './state-voice.ts'
import { initialFacts, stateOf, type TargetFacts } from './state.ts'
import type { Verdict } from './verify.ts'

export type { Intercept } from './options.ts'

/** Give back when the local app stays away for so long. */
const RETURN_FOR_MS = 30_000
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
  readonly #parts: Closable[] = []
  readonly #facts: TargetFacts
  readonly #voice: StateVoice
  #sidecars
  #replicas: ReplicaSet | undefined
  #routes: RouteSet | undefined
  #watch: Timer | undefined
  #downSince: number | undefined

  constructor(options: InterceptOptions) {
    const { plan, clock, cluster, settings, emit, log } = options
    const about = { target: plan.name }
    this.#options = { ...options, emit: (type, body, more) => emit(type, body, more === undefined ? about : { ...about, ...more }) }
    this.name = plan.name
    this.#sidecars = plan.sidecars
    this.#answering = answering(clock)
    this.#local = localApp({ address: options.local, clock, onChange: (up, cause) => this.#onLocal(up, cause) })
    this.#returnPath =
      cluster === undefined || !settings.fallback
        ? undefined
        : returnPath({ cluster, clock, emit: this.#options.emit, perSecond: settings.returnLimit })
    this.#returnPath?.setTargets(ownTargets(plan.sidecars))
    const split = this.#splitNow()
    this.#facts = { ...initialFacts, canReturn: this.#returnPath?.available === true, weight: split.weight, thinning: split.keep }
    this.#voice = stateVoice(this.#options.emit, this.#facts)
    this.#exchanges = exchanges({ clock, emit: this.#options.emit, nextId: options.nextId, target: plan.name, capture: options.capture })
    this.#gate = gate({
      plan,
      local: this.#local,
      returnPath: this.#returnPath,
      answering: this.#answering,
      board: this.#board,
      exchanges: this.#exchanges,
      clock,
      log,
      decide: () => this.#decide(),
      perRequest: () => plan.server.keepalive && this.#facts.thinning < 1,
      who: () => whoLine({ session: options.session, user: options.user, weight: this.#facts.weight }),
      onGiveUp: why => void this.#giveBack(why)
    })
    this.close = closeOnce(() => this.#close())
  }

  get state(): TargetState {
    return stateOf(this.#facts)
  }

  get inFlight(): number {
    return this.#exchanges.inFlight
  }

  get latencies(): readonly number[] {
    return this.#exchanges.latencies
  }

  summary(): Summary {
    return this.#exchanges.summary()
  }

  async start(signal: AbortSignal): Promise<void> {
    const { plan, settings, cluster, clock, emit } = this.#options
    const until = AbortSignal.any([signal, this.#stop.signal])
    emit('plan.resolved', planEvent(this.#options, this.#facts.weight))
    this.#sayIntercept('auto')
    this.#facts.resolved = true
    const appService = await followAppService(this.#options, targets => this.#setTargets(targets), until)
    if (appService !== undefined) this.#parts.push(appService)
    await this.#awaitLocal(until)
    this.#routes = await openRoutes({ plan, cluster, via: settings.via, entrypoint: settings.entrypoint, clock, emit }, until)
    this.#parts.push(this.#routes)
    if (settings.requireAll && this.#routes.uncovered !== undefined) {
      throw new InterceptError('ROUTE_UNAVAILABLE', `not every replica of the tunnel server can be reached: ${this.#routes.uncovered}`, {
        hint: `may you forward to each? kubectl auth can-i create pods --subresource=portforward -n ${plan.server.namespace}`
      })
    }
    this.#facts.replicas = this.#routes.total
    this.#replicas = replicaSet({
      plan,
      weight: this.#facts.weight,
      clock,
      log: this.#options.log,
      emit,
      onStream: (stream, replica) => this.#gate.serve(stream, replica),
      onChange: replica => this.#onConnector(replica),
      onReroute: replica => {
        if (replica.connector.phase === 'bound' && !replica.verified) this.#prove(replica)
      }
    })
    this.#parts.push(this.#replicas)
    this.#voice.say('dialling')
    await this.#replicas.apply(this.#routes.replicas, until)
    void sayWhoElse(this.#options, this.#ways, until)
    this.#watch = clock.every(WATCH_MS, () => this.#onWatch(), { unref: true })
    if (cluster !== undefined) this.#follow()
  }

  async drain(signal: AbortSignal): Promise<EndReport> {
    const { clock, emit, settings } = this.#options
    if (this.#replicas === undefined) {
      this.#facts.ended = 'ended'
      this.#voice.detail = `${this.name}: nothing was intercepted; the cluster serves`
      this.#voice.say('left before it was registered')
      return { serving: undefined, line: this.#voice.detail }
    }
    this.#facts.draining = true
    this.#voice.detail = undefined
    this.#voice.say('leaving')
    const until = clock.now() + settings.graceMs
    const progress = (): void =>
      emit('drain.progress', { inFlight: this.inFlight, remainingMs: Math.max(0, Math.round(until - clock.now())) })
    if (this.inFlight > 0) progress()
    const ticking = clock.every(1_000, progress, { unref: true })
    // First, so that what still runs is seen to be cut off by us.
    signal.addEventListener('abort', () => this.#gate.close(), { once: true })
    await this.#withdraw(this.#replicas, signal)
    ticking.cancel()
    const ways = this.#ways
    const plan = { ...this.#options.plan, sidecars: this.#sidecars }
    const report = await checkEnd(
      { ...this.#options, plan, ways, path: settings.probePath },
      signal.aborted ? AbortSignal.abort(signal.reason) : this.#stop.signal
    ).catch((error: unknown): EndReport => ({ serving: undefined, line: `${this.name}: left; not checked (${asError(error).message})` }))
    this.#facts.ended = report.serving === false ? 'failed' : 'ended'
    this.#voice.detail = report.line
    this.#voice.say('left')
    return report
  }

  #withdraw(replicas: ReplicaSet, signal: AbortSignal): Promise<void> {
    const { protocol, server } = this.#options.plan
    if (server.peer !== 'gost' || protocol !== 'http') return replicas.withdraw(signal)
    return leaveQuietly({ replicas, exchanges: this.#exchanges, clock: this.#options.clock }, signal)
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Error('closed'))
    this.#watch?.cancel()
    this.#gate.close()
    if (this.#facts.ended === 'no') {
      this.#facts.ended = 'failed'
      this.#voice.say('closed')
    }
    await closeAll([...this.#parts.reverse(), this.#local])
  }

  async #awaitLocal(signal: AbortSignal): Promise<void> {
    const { settings, local } = this.#options
    if (await this.#local.check(signal)) return
    if (!settings.wait) {
      throw new InterceptError('LOCAL_UNREACHABLE', `nothing listens on ${formatEndpoint(local)}`, {
        hint: `start the app, or name its port: kubectl intercept ${this.#options.plan.target.text} --port PORT`
      })
    }
    this.#facts.givenBack = true
    this.#voice.detail = `for ${formatEndpoint(local)}`
    this.#voice.say('local port closed')
    await this.#local.whenUp(signal)
    this.#facts.givenBack = false
    this.#voice.detail = undefined
  }

  #splitNow(): { weight: number; keep: number } {
    const { settings } = this.#options
    if (settings.split === undefined) return { weight: settings.weight, keep: 1 }
    const canReturn = this.#returnPath !== undefined && (this.#returnPath.available || this.#options.plan.appService !== undefined)
    return splitFor(settings.split, this.#weights(), canReturn)
  }

  #weights(): number[] {
    return this.#sidecars.filter(pod => pod.ready && !pod.terminating).map(pod => pod.weight)
  }

  #sayIntercept(by: 'user' | 'auto'): void {
    const { weight, thinning } = this.#facts
    const share = shareOf(weight, this.#weights()) * thinning
    this.#options.emit('intercept.changed', { weight, share, shareSource: 'computed', thinning, by })
  }

  #decide(): Decision {
    const facts = {
      canReturn: this.#returnPath?.available === true,
      localUp: this.#local.up,
      givesPaused: this.#options.settings.onPause === 'cluster' && this.#answering.paused,
      keep: this.#facts.thinning
    }
    return decide(facts, Math.random())
  }

  #onLocal(up: boolean, cause: string): void {
    const { clock, emit } = this.#options
    emit('local.state', { address: this.#local.address, up, cause })
    this.#facts.localUp = up
    this.#downSince = up ? undefined : clock.now()
    if (up && this.#facts.givenBack && this.#replicas !== undefined) {
      this.#facts.givenBack = false
      this.#voice.detail = undefined
      this.#replicas.resume()
    }
    this.#voice.say(cause)
  }

  /** Twice a second: the things that become true by time passing. */
  #onWatch(): void {
    const { clock, plan } = this.#options
    if (this.#downSince !== undefined && clock.now() - this.#downSince > RETURN_FOR_MS)
      void this.#giveBack(`local app away for ${RETURN_FOR_MS / 1_000} s`)
    const { paused } = this.#answering
    if (paused) this.#voice.detail = `visitors get 503 at ${plan.server.readTimeoutMs / 1_000} s`
    else if (this.#facts.paused) this.#voice.detail = undefined
    if (paused !== this.#facts.paused) {
      this.#facts.paused = paused
      this.#voice.say(paused ? 'the local app accepts but does not answer' : 'the local app answers again')
    }
  }

  async #giveBack(why: string): Promise<void> {
    if (this.#facts.givenBack || this.#facts.draining || this.#replicas === undefined) return
    this.#facts.givenBack = true
    this.#voice.detail = why
    this.#options.emit('notice', {
      level: 'warn',
      code: 'GIVEN_BACK',
      message: `${this.name} went back to the cluster: ${why}`,
      hint: `it comes back by itself when ${this.#local.address} accepts again`
    })
    this.#voice.say(why)
    const grace = new AbortController()
    const timer = this.#options.clock.after(this.#options.settings.graceMs, () => grace.abort(), { unref: true })
    await this.#withdraw(this.#replicas, AbortSignal.any([grace.signal, this.#stop.signal]))
    timer.cancel()
    if (this.#local.up) this.#resumeSoon()
  }

  /** Given back while the app was there (over the return limit): try again after a while. */
  #resumeSoon(): void {
    this.#options.clock.after(
      RETURN_FOR_MS,
      () => {
        if (!this.#facts.givenBack || this.#facts.draining || !this.#local.up) return
        this.#facts.givenBack = false
        this.#voice.detail = undefined
        this.#replicas?.resume()
        this.#voice.say('trying again')
      },
      { unref: true }
    )
  }

  #onConnector(replica: Replica): void {
    const replicas = this.#replicas
    if (replicas === undefined) return
    this.#facts.bound = replicas.bound
    if (this.#facts.bound > 0) this.#facts.everBound = true
    this.#facts.verified = allVerified(replicas)
    if (replica.connector.phase === 'bound') this.#prove(replica)
    if (this.#facts.bound === 0 && replica.connector.phase === 'lost')
      this.#voice.detail = this.#options.plan.server.peer === 'gost' ? 'the cluster serves once the server notices (≤ 60 s)' : undefined
    this.#voice.say(replica.connector.phase)
  }

  #prove(replica: Replica): void {
    const { connector } = replica
    replica.proving.abort()
    replica.proving = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, replica.proving.signal])
    const over = (): boolean => connector.phase !== 'bound' || this.#facts.draining || signal.aborted
    const onVerdict = (verdict: Verdict): void => {
      replica.verified = verdict.kind === 'verified'
      this.#facts.verified = this.#replicas !== undefined && allVerified(this.#replicas)
      this.#voice.detail = verdictWords(verdict)
      this.#voice.say(verdict.kind)
    }
    const share = shareOf(this.#facts.weight, this.#weights())
    void prove({ ...this.#options, replica, board: this.#board, share, over, onVerdict }, signal)
  }

  #follow(): void {
    const { cluster, plan, log } = this.#options
    if (cluster === undefined) return
    const following = followPlan(cluster, plan, now => {
      this.#sidecars = now.sidecars
      if (plan.appService === undefined) this.#setTargets(ownTargets(now.sidecars))
      this.#resplit()
      this.#voice.say('pods changed')
      void this.#updateRoutes(now.serverPods)
    })
    this.#parts.push(following)
    following.ready.catch(error => log.warn('cannot follow the pods', { error: asError(error) }))
  }

  get #ways(): readonly VisitorWay[] {
    return this.#routes?.replicas[0]?.visitor ?? []
  }

  #setTargets(targets: readonly ReturnTarget[]): void {
    this.#returnPath?.setTargets(targets)
    this.#facts.canReturn = this.#returnPath?.available === true
  }

  async #updateRoutes(pods: readonly ServerPod[]): Promise<void> {
    if (this.#routes === undefined || this.#replicas === undefined) return
    if (!(await this.#routes.update(pods, this.#stop.signal))) return
    this.#facts.replicas = this.#routes.total
    await this.#replicas
      .apply(this.#routes.replicas, AbortSignal.any([this.#stop.signal]))
      .catch(error => this.#options.log.warn('replica failed', { error: asError(error) }))
    this.#facts.bound = this.#replicas.bound
    this.#facts.verified = allVerified(this.#replicas)
    this.#voice.say('replicas changed')
  }

  /** Sidecars came or went: a wanted share means another weight now. */
  #resplit(): void {
    const { settings, log } = this.#options
    if (settings.split === undefined || this.#replicas === undefined) return
    try {
      const { weight, keep } = this.#splitNow()
      if (weight === this.#facts.weight && keep === this.#facts.thinning) return
      this.#facts.thinning = keep
      this.#facts.weight = weight
      this.#sayIntercept('auto')
      void this.#replicas.setWeight(weight, this.#stop.signal).catch(error => log.warn('weight not changed', { error: asError(error) }))
    } catch (error) {
      log.info('share kept as it is', { error: asError(error) })
    }
  }
}

const allVerified = (replicas: ReplicaSet): boolean =>
  replicas.bound > 0 && replicas.all.every(({ connector, verified }) => connector.phase !== 'bound' || verified)
