/**
 * The tunnel port: tcp, tls, ws or wss under it, one relay request on each connection, and for a BIND a connector from then on
 * (gost: x/handler/tunnel/handler.go, bind.go). What is not a relay request is closed without a word. Who knows no tunnel of the rules can keep nobody out who
 * does: neither by silent connections, nor by binds, however many.
 */
import { randomUUID } from 'node:crypto'
import { closeOnce, type Closable } from '../base/closable.ts'
import { deadline } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Carrier } from '../discovery/types.ts'
import { bindResponse, tooHeavy, whichResponse } from '../relay/addresses.ts'
import { encodeResponse } from '../relay/encode.ts'
import { findTunnelId } from '../relay/find.ts'
import { type RelayRequest, type RelayResponse, STATUS } from '../relay/message.ts'
import { statusText } from '../relay/status.ts'
import { listenTcp } from '../transport/tcp.ts'
import { type TlsAcceptor, tlsAcceptor, type TlsServerOptions } from '../transport/tls-server.ts'
import { webSocketServer } from '../transport/websocket-server.ts'
import { type Credentials, decide, type Decision } from './bind.ts'
import { BoundConnector } from './bound-connector.ts'
import { connectorRules } from './connector-rules.ts'
import { ByteReader } from './byte-reader.ts'
import type { ServerContext, Visitor } from './context.ts'
import { closeGently } from './http-entrypoint.ts'
import { sourceOf } from './open-stream.ts'
import { rateLimit } from './rate-limit.ts'
import { connectRelay, readRequest, refuseRelay } from './relay-entrypoint.ts'
import { Unfinished } from './unfinished.ts'

const COMPLAINTS_PER_SECOND = 10

export interface TunnelListenerOptions extends Endpoint {
  carrier: Carrier
  /** WebSocket path, exact. */
  path: string
  /** For tls and wss. */
  tls?: TlsServerOptions | undefined
  credentials: readonly Credentials[]
  direct: boolean
}

export interface TunnelListener extends Closable {
  readonly port: number
  /** For connections that come from now on. */
  renew(options: Partial<Pick<TunnelListenerOptions, 'tls' | 'credentials'>>): void
  /** This server shuts down: tells the connectors of ours. */
  leaving(): void
}

/** Rejects with Node's error when the address cannot be listened on. Closing ends the connectors too. */
export async function openTunnelListener(options: TunnelListenerOptions, context: ServerContext): Promise<TunnelListener> {
  const port = new TunnelPort(options, context)
  const listener = await listenTcp({ ...options, pooled: true }, connection => port.accept(connection))
  return {
    port: listener.port,
    leaving: () => port.leaving(),
    renew: changed => port.renew(changed),
    close: closeOnce(async () => {
      await port.close()
      await listener.close()
    })
  }
}

class TunnelPort {
  #options: TunnelListenerOptions
  readonly #context: ServerContext
  readonly #secure: TlsAcceptor | undefined
  readonly #upgrades: ReturnType<typeof webSocketServer> | undefined
  /** Of binds: to tunnels of the rules, and to any other. */
  readonly #admitKnown: () => boolean
  readonly #admit: () => boolean
  /** One stranger must not fill the log. */
  readonly #complain: () => boolean
  readonly #connectors = new Set<BoundConnector>()
  readonly #handshakes: Unfinished
  /** Their relay request is awaited, or their refusal not taken. */
  readonly #unbound: Unfinished

  constructor(options: TunnelListenerOptions, context: ServerContext) {
    const { carrier, path, tls } = options
    const { limits, clock } = context
    this.#options = options
    this.#context = context
    if (carrier === 'tls' || carrier === 'wss') {
      if (tls === undefined) throw new Error(`a ${carrier} listener needs a certificate and a key`)
      this.#secure = tlsAcceptor(tls)
    }
    if (carrier === 'ws' || carrier === 'wss') {
      this.#upgrades = webSocketServer({
        path,
        clock,
        onConnection: connection => this.#serve(connection),
        limits: { handshakeTimeoutMs: limits.relayTimeoutMs, pending: limits.handshakes }
      })
    }
    this.#handshakes = new Unfinished(limits.handshakes)
    this.#unbound = new Unfinished(limits.handshakes)
    this.#admitKnown = rateLimit({ perSecond: limits.bindsPerSecond, clock })
    this.#admit = rateLimit({ perSecond: limits.bindsPerSecond, clock })
    this.#complain = rateLimit({ perSecond: COMPLAINTS_PER_SECOND, clock })
  }

  accept(connection: Connection): void {
    if (this.#secure === undefined) this.#carry(connection)
    else void this.#handshake(connection, this.#secure)
  }

  renew(changed: Partial<TunnelListenerOptions>): void {
    if (changed.tls !== undefined) this.#secure?.renew(changed.tls)
    this.#options = { ...this.#options, ...changed }
  }

  leaving(): void {
    for (const connector of this.#connectors) connector.leaving()
  }

  async close(): Promise<void> {
    await this.#upgrades?.close()
    await Promise.all([...this.#connectors].map(connector => connector.close()))
  }

  async #handshake(connection: Connection, secure: TlsAcceptor): Promise<void> {
    const { clock, limits, log } = this.#context
    const limit = deadline(clock, limits.relayTimeoutMs, () => new Error('TLS handshake too slow'))
    this.#handshakes.enter(connection)
    try {
      this.#carry(await secure(connection, limit.signal))
    } catch (error) {
      log.debug('TLS handshake failed', { error: asError(error) })
    } finally {
      this.#handshakes.leave(connection)
      limit.done()
    }
  }

  #carry(connection: Connection): void {
    if (this.#upgrades === undefined) this.#serve(connection)
    else this.#upgrades.accept(connection)
  }

  #serve(connection: Connection): void {
    connection.on('error', () => {}) // `close` follows
    this.#handle(connection).catch((error: unknown) => {
      this.#context.log.error('tunnel connection failed', { error: asError(error) })
      connection.destroy()
    })
  }

  async #handle(connection: Connection): Promise<void> {
    const visitor: Visitor = { connection, reader: new ByteReader(connection), source: sourceOf(connection.remote), idle: false }
    this.#unbound.enter(connection)
    const request = await readRequest(visitor, this.#context)
    if (request === undefined) connection.destroy()
    else await this.#decided(visitor, request)
  }

  async #decided(visitor: Visitor, request: RelayRequest): Promise<void> {
    const { routes } = this.#context
    const { credentials, direct } = this.#options
    const decision = decide(request, { routes, credentials, direct })
    switch (decision.kind) {
      case 'refuse':
        this.#refuse(visitor, decision.status, {
          why: statusText(decision.status),
          tunnel: findTunnelId(request)?.uuid,
          response: decision.maxWeight === undefined ? undefined : tooHeavy(decision.maxWeight)
        })
        break
      case 'asked':
        visitor.connection.write(encodeResponse(whichResponse()))
        closeGently(visitor, this.#context)
        break
      case 'connect':
        this.#unbound.leave(visitor.connection)
        await connectRelay(visitor, { request, tunnelId: decision.tunnelId }, this.#context)
        break
      case 'bind':
        this.#bind(visitor, decision)
        break
    }
  }

  #refuse(
    visitor: Visitor,
    status: number,
    { why, tunnel, response }: { why: string; tunnel: string | undefined; response?: RelayResponse | undefined }
  ): void {
    if (this.#complain())
      this.#context.log.warn('connector refused', { status: why, from: visitor.source.host, ...(tunnel === undefined ? {} : { tunnel }) })
    refuseRelay(visitor, status, this.#context, response)
  }

  #bind(visitor: Visitor, decision: Extract<Decision, { kind: 'bind' }>): void {
    const { registry, routes, mirrors, clock, limits, log, counters, tallies, waiting } = this.#context
    const { tunnelId, weight, network, capability, bound, grant } = decision
    if (this.#context.draining()) {
      log.info('connector refused: this server shuts down', { tunnel: tunnelId })
      refuseRelay(visitor, STATUS.SERVICE_UNAVAILABLE, this.#context)
      return
    }
    const known = routes.tunnelIds.includes(tunnelId)
    if (!(known ? this.#admitKnown() : this.#admit())) {
      this.#refuse(visitor, STATUS.SERVICE_UNAVAILABLE, { why: 'too many binds in a moment', tunnel: tunnelId })
      return
    }
    // Tunnels that nobody's rule names cannot take the place of those.
    if (!registry.hasRoom(tunnelId) && !(known && registry.connectors(tunnelId).length === 0)) {
      this.#refuse(visitor, STATUS.SERVICE_UNAVAILABLE, { why: 'no room for another connector', tunnel: tunnelId })
      return
    }
    const { connection } = visitor
    this.#unbound.leave(connection)
    const id = randomUUID()
    const rest = visitor.reader.release()
    if (rest.length > 0) connection.unshift(rest)
    const udp = network === 'udp'
    connection.write(
      encodeResponse(
        bindResponse({ tunnelId, connectorId: id, weight, udp, bound, ...(capability === undefined ? {} : { capability: 1 }) })
      )
    )
    const peer = capability === undefined ? 'gost' : 'ours'
    const tally = tallies.open(id, tunnelId)
    const about = { id, tunnelId, weight, network, peer, tally, grant } as const
    const around = { serverName: this.#context.name, rules: connectorRules(this.#context), limits, clock, log }
    const connector = new BoundConnector(connection, { ...about, ...around })
    registry.add(connector)
    if (connector.condition === 'live') waiting.came(tunnelId)
    this.#connectors.add(connector)
    counters.binds += 1
    const from = visitor.source.host
    log.info('connector bound', { connector: id, tunnel: tunnelId, weight, peer, from })
    void connector.closed.then(error => {
      registry.remove(connector)
      mirrors.remove(connector)
      tallies.close(tally)
      this.#connectors.delete(connector)
      log.info(error === undefined ? 'connector closed' : connector.left ? 'connector left' : 'connector lost', {
        connector: id,
        tunnel: tunnelId,
        ...(error === undefined || connector.left ? {} : { error })
      })
    })
  }
}
