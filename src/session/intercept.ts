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
import { type ChangedBy, ShareChanges } from './change-share.ts'
import { decide } from './decide.ts'
import { checkEnd, type EndReport } from './end-check.ts'
import { exchanges } from './exchanges.ts'
import { followAppService } from './follow-app-service.ts'
import { gate, type Decision } from './gate.ts'
import { GiveBack } from './give-back.ts'
import { localApp } from './local-app.ts'
import type { Intercept, InterceptOptions } from './options.ts'
import { planEvent } from './plan-event.ts'
import { probeBoard } from './probe-board.ts'
import { prove, verdictWords } from './proofs.ts'
import { inQuietMoment } from './quiet-moment.ts'
import { replicaSet, type Replica, type ReplicaSet } from './replica-set.ts'
import { returnPath } from './return-path.ts'
import { ownTargets, type ReturnTarget } from './return-targets.ts'
import { Share, type Wanted } from './share.ts'
import { sayWhoElse } from './say-who-else.ts'
import { stateVoice, type StateVoice } from './state-voice.ts'
import { initialFacts, stateOf, type TargetFacts } from './state.ts'
import type { Verdict } from './verify.ts'

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
  readonly #parts: Closable[] = []
  readonly #facts: TargetFacts
  readonly #voice: StateVoice
  readonly #share: Share
  readonly #giveBack: GiveBack
  readonly #changes: ShareChanges
  #replicas: ReplicaSet | undefined
  #routes: RouteSet | undefined
  #watch: Timer | undefined

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
            onLimit: why => void this.#giveBack.give(why)
          })
    this.#returnPath?.setTargets(ownTargets(plan.sidecars))
    this.#share = new Share({
      wanted: settings.split === undefined ? { weight: settings.weight } : { split: settings.split },
      sidecars: plan.sidecars,
      canReturn: () => this.#returnPath !== undefined && (this.#returnPath.available || plan.appService !== undefined),
      mayThin: () => settings.throughLaptop || plan.server.peer !== 'gost'
    })
    const { weight, keep } = this.#share
    this.#facts = { ...initialFacts, canReturn: this.#returnPath?.available === true, weight, thinning: keep }
    this.#voice = stateVoice(this.#options.emit, this.#facts)
    this.#giveBack = new GiveBack({
      name: this.name,
      facts: this.#facts,
      voice: this.#voice,
      clock,
      emit: this.#options.emit,
      local: this.#local,
      graceMs: settings.graceMs,
      stop: this.#stop.signal,
      replicas: () => this.#replicas,
      withdraw: signal => this.#withdraw(signal)
    })
    this.#changes = new ShareChanges({
      name: this.name,
      share: this.#share,
      facts: this.#facts,
      voice: this.#voice,
      clock,
      log,
      graceMs: settings.graceMs,
      stop: this.#stop.signal,
      replicas: () => this.#replicas,
      quietly: (leave, signal) => this.#quietly(leave, signal),
      say: by => this.#sayIntercept(by)
    })
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
      onGiveUp: why => void this.#giveBack.give(why)
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
    await this.#giveBack.whenReleased(until)
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
    await this.#withdraw(signal)
    ticking.cancel()
    const ways = this.#ways
    const plan = { ...this.#options.plan, sidecars: [...this.#share.sidecars] }
    const report = await checkEnd(
      { ...this.#options, plan, ways, path: settings.probePath },
      signal.aborted ? AbortSignal.abort(signal.reason) : this.#stop.signal
    ).catch((error: unknown): EndReport => ({ serving: undefined, line: `${this.name}: left; not checked (${asError(error).message})` }))
    this.#facts.ended = report.serving === false ? 'failed' : 'ended'
    this.#voice.detail = report.line
    this.#voice.say('left')
    return report
  }

  setShare(wanted: Wanted, by: 'user' | 'control'): Promise<void> {
    return this.#changes.set(wanted, by)
  }

  hold(): Promise<void> {
    if (this.#facts.draining || this.#facts.ended !== 'no')
      return Promise.reject(new InterceptError('NO_SESSION', `${this.name} is being left`))
    return this.#giveBack.hold()
  }

  release(): Promise<void> {
    return this.#giveBack.release()
  }

  #withdraw(signal: AbortSignal): Promise<void> {
    const replicas = this.#replicas
    return replicas === undefined ? Promise.resolve() : this.#quietly(until => replicas.withdraw(until), signal)
  }

  /** A stock server is left in a quiet moment; ours is told to send no more. */
  #quietly(leave: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { protocol, server } = this.#options.plan
    const replicas = this.#replicas
    if (server.peer !== 'gost' || protocol !== 'http' || replicas === undefined) return leave(signal)
    return inQuietMoment({ replicas, exchanges: this.#exchanges, clock: this.#options.clock }, leave, signal)
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

  #sayIntercept(by: ChangedBy): void {
    const { weight, keep, part } = this.#share
    this.#options.emit('intercept.changed', { weight, share: part, shareSource: 'computed', thinning: keep, by })
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
    this.#options.emit('local.state', { address: this.#local.address, up, cause })
    this.#facts.localUp = up
    this.#giveBack.onLocal(up)
    this.#voice.say(cause)
  }

  /** Twice a second: the things that become true by time passing. */
  #onWatch(): void {
    const { plan } = this.#options
    this.#giveBack.watch()
    const { paused } = this.#answering
    if (paused) this.#voice.detail = `visitors get 503 at ${plan.server.readTimeoutMs / 1_000} s`
    else if (this.#facts.paused) this.#voice.detail = undefined
    if (paused !== this.#facts.paused) {
      this.#facts.paused = paused
      this.#voice.say(paused ? 'the local app accepts but does not answer' : 'the local app answers again')
    }
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
    const share = this.#share.arriving
    void prove({ ...this.#options, replica, board: this.#board, share, over, onVerdict }, signal)
  }

  #follow(): void {
    const { cluster, plan, log } = this.#options
    if (cluster === undefined) return
    const following = followPlan(cluster, plan, now => {
      if (plan.appService === undefined) this.#setTargets(ownTargets(now.sidecars))
      this.#changes.follow(now.sidecars)
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
}

const allVerified = (replicas: ReplicaSet): boolean =>
  replicas.bound > 0 && replicas.all.every(({ connector, verified }) => connector.phase !== 'bound' || verified)
