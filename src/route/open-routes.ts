/** Tries the candidates in order, keeps the connection that worked for the first bind, and follows server pods as they come and go. */
import type { Clock } from '../base/clock.ts'
import { deadline } from '../base/clock.ts'
import { closeOnce } from '../base/closable.ts'
import type { Connection, Dial } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Emit, RouteKind } from '../event/types.ts'
import type { Cluster } from '../kube/types.ts'
import type { ServerPod, TunnelPlan } from '../resolve/types.ts'
import { candidates, readyPods, type Candidate, type Excluded } from './candidates.ts'
import { failureOf, routeUnavailable, type Failure } from './failure.ts'
import { replicasOf } from './replicas.ts'
import type { ReplicaRoute, RouteSet, SharedAddress, Via } from './types.ts'
import { visitorWays } from './visitor.ts'

export interface RouteOptions {
  plan: TunnelPlan
  cluster: Cluster | undefined
  via: Via
  entrypoint?: URL | undefined
  clock: Clock
  emit: Emit
  /** Per attempt. */
  timeoutMs?: number
}

/** Throws ROUTE_UNAVAILABLE (what was tried and how each failed), or the refusal itself when the tunnel server was reached and said no. */
export async function openRoutes(options: RouteOptions, signal: AbortSignal): Promise<RouteSet> {
  const { plan, cluster, via } = options
  const found = candidates(plan, plan.server.pods, via, cluster !== undefined)
  const failures: Failure[] = []
  for (const candidate of found.candidates) {
    const failure = await attempt(candidate, { ...options, refused: failures.find(isRefusal) }, signal)
    if (!(failure instanceof OpenRoutes)) {
      failures.push(failure)
      continue
    }
    failure.announce([...failures, ...found.excluded])
    return failure
  }
  throw routeUnavailable(plan, failures, found.excluded)
}

const FORWARD_TRY_MS = 4_000

const isRefusal = ({ kind, error }: Failure): boolean =>
  kind === 'port-forward' && error instanceof InterceptError && error.code === 'CLUSTER_FORBIDDEN'

async function attempt(
  candidate: Candidate,
  options: RouteOptions & { refused: Failure | undefined },
  signal: AbortSignal
): Promise<OpenRoutes | Failure> {
  const { clock, emit, plan, timeoutMs = 10_000 } = options
  const started = clock.now()
  const routes = new OpenRoutes(candidate, options, options.refused)
  const first = routes.replicas[0]
  if (first === undefined) return { kind: candidate.kind, reason: 'no replica to reach', error: undefined }
  const limit = deadline(clock, timeoutMs, () => new InterceptError('ROUTE_UNAVAILABLE', `no answer within ${timeoutMs / 1000} s`), signal)
  try {
    routes.prime(first, await first.dialTunnel(limit.signal))
    emit(
      'route.tried',
      { kind: first.kind, ok: true, address: first.describe, ms: Math.round(clock.now() - started) },
      { target: plan.name }
    )
    return routes
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    const failure = failureOf(candidate.kind, asError(thrown))
    emit(
      'route.tried',
      { kind: first.kind, ok: false, address: first.describe, ms: Math.round(clock.now() - started), reason: failure.reason },
      { target: plan.name }
    )
    return failure
  } finally {
    limit.done()
  }
}

class OpenRoutes implements RouteSet {
  readonly close: () => Promise<void>
  replicas: ReplicaRoute[]
  total: number
  uncovered: string | undefined
  shared: SharedAddress | undefined

  readonly #options: RouteOptions
  #candidate: Candidate
  /** The connection of the successful attempt, taken by the first bind. */
  #primed: Connection | undefined
  /** A port-forward was tried and is forbidden. */
  #refused: Failure | undefined
  #latest: readonly ServerPod[] | undefined
  /** Replicas held behind the shared address, as far as they were told apart. */
  #held = 1
  #others: readonly (Failure | Excluded)[] = []

  constructor(candidate: Candidate, options: RouteOptions, refused: Failure | undefined) {
    this.#candidate = candidate
    this.#refused = refused
    this.#options = options
    this.replicas = []
    this.total = 1
    this.#compute(options.plan.server.pods)
    this.close = closeOnce(() => {
      this.#primed?.destroy()
    })
  }

  get kind(): RouteKind {
    return this.#candidate.kind
  }

  get describe(): string {
    return this.replicas.length === 1 ? (this.replicas[0]?.describe ?? '') : `port-forward to ${this.replicas.length} server pods`
  }

  async update(pods: readonly ServerPod[], signal: AbortSignal): Promise<boolean> {
    this.#latest = pods
    const ready = readyPods(pods)
    if (ready.length === 0) return false // being replaced: keep what there is, the connectors retry
    const before = this.#summary()
    const primed = this.#candidate.kind === 'port-forward' ? undefined : await this.#tryForward(ready, signal)
    if (this.#latest !== pods || signal.aborted) {
      primed?.connection.destroy()
      return false
    }
    if (primed !== undefined || this.#candidate.kind === 'port-forward') this.#candidate = { kind: 'port-forward', pods: ready }
    this.#compute(pods)
    if (primed !== undefined) this.prime(primed.route, primed.connection)
    const after = this.#summary()
    if (after.keys !== before.keys) this.announce(this.#refused === undefined ? [] : [this.#refused])
    return after.keys !== before.keys || after.ways !== before.ways
  }

  /** A shared address keeps its key when the one pod behind it is another: its ways to be a visitor are others then. */
  #summary(): { keys: string; ways: string } {
    const ways = this.replicas.flatMap(({ replica, visitor }) => [replica, ...visitor.map(way => way.describe)])
    return { keys: `${this.total} ${this.replicas.map(replica => replica.key).join()}`, ways: ways.join() }
  }

  /** Several replicas behind a shared address: a port-forward to each would cover them all, where that is allowed. */
  async #tryForward(
    ready: readonly ServerPod[],
    signal: AbortSignal
  ): Promise<{ route: ReplicaRoute; connection: Connection } | undefined> {
    const { cluster, via, clock } = this.#options
    if (ready.length < 2 || via.kind !== 'auto' || cluster === undefined || this.#refused !== undefined) return undefined
    const [route] = replicasOf({ kind: 'port-forward', pods: [...ready] }, this.#options, ready)
    if (route === undefined) return undefined
    const limit = deadline(clock, FORWARD_TRY_MS, () => new Error(`no answer within ${FORWARD_TRY_MS / 1_000} s`), signal)
    try {
      return { route, connection: await route.dialTunnel(limit.signal) }
    } catch (thrown) {
      const failure = failureOf('port-forward', asError(thrown))
      if (isRefusal(failure)) this.#refused = failure // rights do not change while we watch; anything else may
      return undefined
    } finally {
      limit.done()
    }
  }

  /** Lets the next bind of this replica use a connection that is already there. */
  prime(replica: ReplicaRoute, connection: Connection): void {
    this.#primed = connection
    connection.on('error', () => {}) // it may break while nobody uses it; the bind then dials again
    const { dialTunnel } = replica
    const dial: Dial = async signal => {
      const ready = this.#primed
      this.#primed = undefined
      return ready !== undefined && !ready.destroyed && !ready.readableEnded ? ready : dialTunnel(signal)
    }
    this.replicas = this.replicas.map(each => (each.key === replica.key ? { ...each, dialTunnel: dial } : each))
  }

  covered(held: number): void {
    if (this.shared === undefined || held === this.#held) return
    this.#held = held
    this.announce(this.#others)
  }

  announce(others: readonly (Failure | Excluded)[]): void {
    this.#others = others
    const why = others.map(({ kind, reason }) => `; ${kind}: ${reason}`).join('')
    this.#options.emit(
      'route.chosen',
      {
        kind: this.kind,
        describe: `${this.describe}${why}`,
        covers: this.#reached >= this.total ? 'all' : 'some',
        replicas: this.#reached,
        total: this.total
      },
      { target: this.#options.plan.name }
    )
  }

  get #reached(): number {
    return this.shared === undefined ? this.replicas.length : Math.min(this.#held, this.total)
  }

  #compute(pods: readonly ServerPod[]): void {
    const ready = readyPods(pods)
    this.total = Math.max(1, ready.length)
    this.replicas = replicasOf(this.#candidate, this.#options, ready)
    this.shared = this.#sharedAddress()
    this.uncovered =
      this.replicas.length >= this.total
        ? undefined
        : `${this.total} replicas share one address, and stock replicas do not share connectors`
  }

  /** It stays one when the replicas become fewer: which of them the connectors are on is not known. */
  #sharedAddress(): SharedAddress | undefined {
    const [route] = this.replicas
    if (route === undefined || this.#candidate.kind === 'port-forward') return undefined
    if (this.total === 1 && this.shared === undefined) return undefined
    const { plan, cluster, entrypoint } = this.#options
    return { route, visitors: visitorWays({ plan, cluster, entrypoint }, undefined, true) }
  }
}
