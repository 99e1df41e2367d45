/** Our own tunnel server as one thing: a tunnel port for connectors, entrypoints for visitors. Drop-in for gost's `-L tunnel+…` (§5 of the dossier). */
import { randomUUID } from 'node:crypto'
import { closeOnce, type Closable } from '../base/closable.ts'
import { type Clock, sleep, systemClock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import { silent, type Logger } from '../base/log.ts'
import type { Carrier } from '../discovery/types.ts'
import { networksOf } from '../transport/networks.ts'
import type { TlsServerOptions } from '../transport/tls-server.ts'
import type { Credentials } from './bind.ts'
import type { ExclusivePolicy } from './choice.ts'
import { type Counters, newCounters, type ServerContext } from './context.ts'
import { type Entrypoint, type EntrypointOptions, openEntrypoint } from './entrypoint.ts'
import { forwarding } from './forwarding.ts'
import { GrpcApps } from './grpc-apps.ts'
import { DEFAULT_LIMITS, type ServerLimits } from './limits.ts'
import { Mirrors, type MirrorStats } from './mirrors.ts'
import { type ConnectorHealth, MemoryRegistry, type Registry } from './registry.ts'
import { type RouteRule, routesOf } from './routes.ts'
import { Tallies, type Tally } from './tally.ts'
import { openUdpEntrypoint, type UdpEntrypoint, type UdpEntrypointOptions } from './udp-entrypoint.ts'
import { openTunnelListener, type TunnelListener } from './tunnel-listener.ts'
import { Waiting } from './waiting.ts'

export interface ServerOptions {
  tunnel: Endpoint & { carrier?: Carrier; path?: string; tls?: TlsServerOptions }
  entrypoints: readonly EntrypointOptions[]
  udpEntrypoints?: readonly UdpEntrypointOptions[]
  rules: readonly RouteRule[]
  credentials?: readonly Credentials[]
  /** gost's `tunnel.direct`. */
  direct?: boolean
  limits?: Partial<ServerLimits>
  /** Tell apps who asked (`forwarding.ts`), believing proxies in these networks. Absent: heads pass as they came. */
  forwarded?: readonly string[]
  /** For connectors of ours, which tell servers apart by it: the pod's name, where there is one. Something of this start is added. */
  name?: string
  clock?: Clock
  log?: Logger
  random?: () => number
  /** Several connectors at 255; default: they share, as with gost. */
  exclusive?: ExclusivePolicy
  registry?: Registry
}

export interface ConnectorStats extends ConnectorHealth {
  id: string
  tunnelId: string
  weight: number
  peer: 'gost' | 'ours'
  condition: string
  active: number
}

export interface ServerStats extends Counters {
  visitorsOpen: number
  /** Requests and streams in progress. */
  active: number
  /** Requests and streams whose connectors were cut off a moment ago: now, and so far. */
  waiting: number
  waited: number
  connectors: ConnectorStats[]
  mirrors: MirrorStats
  /** Tunnels of the rules that have no connector now. */
  unserved: string[]
}

export interface RunningServer extends Closable {
  readonly tunnelPort: number
  /** Of the first entrypoint; 0 without one. */
  readonly entrypointPort: number
  readonly entrypointPorts: readonly number[]
  readonly udpPorts: readonly number[]
  stats(): ServerStats
  /** Rules, credentials and certificates from now on; what is established lives on. Throws Node's error on a bad certificate. */
  reload(options: Reloaded): void
  /** Those that live, and once more those that ended since the last call. */
  tallies(): Tally[]
  /**
   * From now on no connector is taken and no connection kept alive. Goes on serving for `delayMs`, finishes what runs (at most `graceMs`), then
   * closes. Idempotent with `close`, which does not wait.
   */
  drain(options?: DrainOptions): Promise<number>
}

export type Reloaded = Pick<ServerOptions, 'rules' | 'credentials' | 'entrypoints' | 'tunnel'>

export interface DrainOptions {
  delayMs?: number
  graceMs?: number
  /** Ends the waiting. */
  signal?: AbortSignal
}

const DRAIN_POLL_MS = 20
const DRAIN_GRACE_MS = 10_000

/** Rejects with Node's error (`EADDRINUSE`) when it cannot listen, with nothing left open. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const state = { draining: false }
  const clock = options.clock ?? systemClock
  const random = options.random ?? Math.random
  const log = (options.log ?? silent).child('server')
  const mirrors = new Mirrors({ clock, random })
  const context: ServerContext = {
    name: `${(options.name ?? 'server').slice(0, 200)} ${randomUUID().slice(0, 8)}`,
    routes: routesOf(options.rules),
    registry: options.registry ?? new MemoryRegistry(limits),
    limits,
    clock,
    log,
    random,
    exclusive: options.exclusive,
    counters: newCounters(),
    mirrors,
    tap: mirrors.tap,
    tallies: new Tallies(),
    apps: new GrpcApps({ limits, clock, log }),
    active: { count: 0 },
    held: { bytes: 0 },
    waiting: new Waiting({ clock, limits }),
    forwarding: options.forwarded === undefined ? undefined : forwarding(networksOf(options.forwarded)),
    draining: () => state.draining
  }
  const { carrier = 'ws', path = '/ws', ...rest } = options.tunnel
  const listener = await openTunnelListener(
    { ...rest, carrier, path, credentials: options.credentials ?? [], direct: options.direct ?? false },
    context
  )
  const entrypoints: Entrypoint[] = []
  const udp: UdpEntrypoint[] = []
  try {
    for (const at of options.entrypoints) entrypoints.push(await openEntrypoint(at, context))
    for (const at of options.udpEntrypoints ?? []) udp.push(await openUdpEntrypoint(at, context))
  } catch (error) {
    await Promise.all([...entrypoints, ...udp, listener].map(open => open.close()))
    throw error
  }
  return new Server(context, { listener, entrypoints, udp, state })
}

class Server implements RunningServer {
  readonly close: () => Promise<void>
  readonly tunnelPort: number
  readonly entrypointPorts: readonly number[]
  readonly udpPorts: readonly number[]
  readonly #context: ServerContext
  readonly #listener: TunnelListener
  readonly #entrypoints: readonly Entrypoint[]
  readonly #state: { draining: boolean }

  constructor(
    context: ServerContext,
    parts: { listener: TunnelListener; entrypoints: readonly Entrypoint[]; udp: readonly UdpEntrypoint[]; state: { draining: boolean } }
  ) {
    const { listener, entrypoints, udp, state } = parts
    this.#context = context
    this.#listener = listener
    this.#entrypoints = entrypoints
    this.#state = state
    this.tunnelPort = listener.port
    this.entrypointPorts = entrypoints.map(({ port }) => port)
    this.udpPorts = udp.map(({ port }) => port)
    // Visitors first: a stream that loses its connector would still be answered with a 503.
    this.close = closeOnce(async () => {
      context.waiting.end()
      await Promise.all([...entrypoints, ...udp].map(entrypoint => entrypoint.close()))
      await listener.close()
    })
  }

  get entrypointPort(): number {
    return this.entrypointPorts[0] ?? 0
  }

  stats(): ServerStats {
    const { counters, active, registry, routes, mirrors, waiting } = this.#context
    const bytes = this.#entrypoints.map(entrypoint => entrypoint.bytes())
    return {
      ...counters,
      bytesIn: bytes.reduce((sum, { read }) => sum + read, counters.bytesIn),
      bytesOut: bytes.reduce((sum, { written }) => sum + written, counters.bytesOut),
      visitorsOpen: this.#entrypoints.reduce((sum, { visitors }) => sum + visitors, 0),
      active: active.count,
      waiting: waiting.count,
      waited: waiting.total,
      mirrors: mirrors.stats,
      connectors: [...registry.all()].map(({ id, tunnelId, weight, peer, condition, active: streams, health }) => ({
        id,
        tunnelId,
        weight,
        peer,
        condition,
        active: streams,
        ...(health ?? { silentMs: 0, starvedStreams: 0, queuedBytes: 0 })
      })),
      unserved: routes.tunnelIds.filter(id => !registry.connectors(id).some(({ condition }) => condition === 'live'))
    }
  }

  reload({ rules, credentials = [], entrypoints, tunnel: { tls } }: Reloaded): void {
    this.#listener.renew({ credentials, ...(tls === undefined ? {} : { tls }) })
    for (const [at, entrypoint] of this.#entrypoints.entries()) {
      const certificate = entrypoints[at]?.tls
      if (certificate !== undefined) entrypoint.renewTls(certificate)
    }
    this.#context.routes = routesOf(rules)
  }

  tallies(): Tally[] {
    return this.#context.tallies.read()
  }

  async drain({ delayMs = 0, graceMs = DRAIN_GRACE_MS, signal }: DrainOptions = {}): Promise<number> {
    const { clock, active } = this.#context
    this.#state.draining = true
    this.#context.waiting.end()
    this.#listener.leaving()
    if (delayMs > 0) await sleep(clock, delayMs, signal).catch(() => {}) // aborted: nothing is waited for below either
    for (const entrypoint of this.#entrypoints) entrypoint.closeIdle()
    const end = clock.now() + graceMs
    const aborted = (): boolean => signal?.aborted === true
    while (active.count > 0 && clock.now() < end && !aborted()) await sleep(clock, DRAIN_POLL_MS)
    const cut = active.count
    await this.close()
    return cut
  }
}
