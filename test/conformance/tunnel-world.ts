/** What every tunnel case stands on: one server for the whole suite, a fresh tunnel and connector for each case, and the list of known differences. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Carrier } from '../../src/discovery/types.ts'
import { eventually } from '../harness/eventually.ts'
import { visit, type Answer, type VisitOptions } from '../harness/visit.ts'
import { RawVisitor } from '../unit/server/world.ts'
import { type ConnectorKind, type ServerKind, startTestConnector, startTestServer, type TestConnector, type TestServer } from './peers.ts'

/** Behaviours in which a stock peer is known to differ from ours. */
export type DifferenceName = 'expect-continue' | 'half-close' | 'leaving-request' | 'leaving-upgrade' | 'long-host'

export interface Pairing {
  server: ServerKind
  connector: ConnectorKind
  carrier: Carrier
  /** `carrier`: only what depends on how the bytes travel. */
  cases: 'all' | 'carrier'
  /** Size of the big transfers. */
  bulkBytes: number
  /** Requests per distribution. */
  samples: number
  differs: readonly { case: DifferenceName; reason: string }[]
}

export interface Tunnel {
  host: string
  tunnelId: string
}

export const WILDCARD = 'wild.local'
const TUNNELS = 40

export class TunnelWorld {
  readonly pairing: Pairing
  readonly wildcard: Tunnel = { host: WILDCARD, tunnelId: randomUUID() }
  readonly #tunnels: Tunnel[] = Array.from({ length: TUNNELS }, (_, at) => ({ host: `t${at}.local`, tunnelId: randomUUID() }))
  readonly #connectors: TestConnector[] = []
  /** Connectors of each tunnel so far. */
  readonly #bound = new Map<string, number>()
  #server: TestServer | undefined
  #next = 0

  constructor(pairing: Pairing) {
    this.pairing = pairing
    beforeAll(async () => {
      this.#server = await startTestServer(pairing.server, {
        carrier: pairing.carrier,
        hosts: this.#tunnels.map(({ host, tunnelId }) => [host, tunnelId] as const),
        wildcard: [WILDCARD, this.wildcard.tunnelId]
      })
    })
    afterAll(() => this.#server?.stop())
  }

  get server(): TestServer {
    if (this.#server === undefined) throw new Error('the server is not started yet')
    return this.#server
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.entrypointPort}`
  }

  /** A tunnel that no other case uses. */
  tunnel(): Tunnel {
    const tunnel = this.#tunnels[this.#next]
    this.#next += 1
    if (tunnel === undefined) throw new Error('more cases than tunnels')
    return tunnel
  }

  async connect(tunnel: Tunnel, appPort: number, weight = 1): Promise<TestConnector> {
    const { carrier, connector } = this.pairing
    const { tunnelId } = tunnel
    const started = await startTestConnector(connector, { carrier, tunnelPort: this.server.tunnelPort, tunnelId, appPort, weight })
    this.#connectors.push(started)
    const bound = (this.#bound.get(tunnelId) ?? 0) + 1
    this.#bound.set(tunnelId, bound)
    await eventually(() => this.server.taken(tunnelId) >= bound, { timeoutMs: 10_000 })
    return started
  }

  visit(tunnel: Tunnel, path: string, options: VisitOptions = {}): Promise<Answer> {
    return visit(`${this.url}${path}`, { host: tunnel.host, ...options })
  }

  async raw(bytes: string | Buffer): Promise<RawVisitor & Disposable> {
    const visitor = await RawVisitor.connect(this.server.entrypointPort)
    visitor.send(bytes)
    return Object.assign(visitor, { [Symbol.dispose]: () => void visitor.socket.destroy() })
  }

  /** No side broke a session or fell over in all that was done so far. */
  expectUndisturbed(): void {
    expect(this.server.trouble()).toBeUndefined()
    expect(this.#connectors.map(connector => connector.trouble()).filter(text => text !== undefined)).toEqual([])
    expect(this.#connectors.map(connector => connector.losses())).toEqual(this.#connectors.map(() => 0))
  }

  /** A case in which this pairing may be known to differ: then the difference is what is asserted. */
  compare(name: DifferenceName, title: string, both: { agrees: () => Promise<void>; differs: () => Promise<void> }): void {
    const difference = this.pairing.differs.find(each => each.case === name)
    if (difference === undefined) it(title, both.agrees)
    else it(`${title} – differs: ${difference.reason}`, both.differs)
  }
}
