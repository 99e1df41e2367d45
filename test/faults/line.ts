/** A sidecar of ours behind a fault proxy, on a server of ours or a stock one: what most situations start from. */
import { randomUUID } from 'node:crypto'
import type { Dial } from '../../src/base/connection.ts'
import { silent } from '../../src/base/log.ts'
import type { Carrier } from '../../src/discovery/types.ts'
import { type Sidecar, type SidecarOptions, startSidecar } from '../../src/server/sidecar.ts'
import type { ConnectorPhase } from '../../src/tunnel/connector.ts'
import { dialTunnel, type ServerKind, startTestServer, type TestServer } from '../conformance/peers.ts'
import { type App, startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts'
import { type Answer, visit, type VisitOptions } from '../harness/visit.ts'

export const HOST = 'nginx.local'

export interface PhaseChange {
  to: ConnectorPhase
  /** Of `performance.now()`. */
  atMs: number
  cause: string
  error: Error | undefined
}

export interface Line extends AsyncDisposable {
  readonly tunnelId: string
  readonly server: TestServer
  readonly proxy: FaultProxy
  readonly app: App
  readonly sidecar: Sidecar
  /** What the connector went through, oldest first. */
  readonly changes: readonly PhaseChange[]
  /** How often it reached that phase. */
  count(to: ConnectorPhase): number
  visit(path?: string, options?: VisitOptions): Promise<Answer>
}

export interface LineSetup {
  carrier?: Carrier
  weight?: number
  connector?: SidecarOptions['connector']
  /** Instead of through the proxy; gets the way that goes through it. */
  dial?: (through: Dial) => Dial
}

/** Resolves when the first visitor has been answered. */
export async function startLine(kind: ServerKind, setup: LineSetup = {}): Promise<Line> {
  const { carrier = 'ws', weight = 255, dial = (through: Dial) => through } = setup
  const tunnelId = randomUUID()
  const server = await startTestServer(kind, { carrier, hosts: [[HOST, tunnelId]] })
  const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: server.tunnelPort } })
  const app = await startApp({ name: 'laptop' })
  const changes: PhaseChange[] = []
  const sidecar = startSidecar({
    dial: dial(dialTunnel({ carrier, tunnelPort: proxy.port })),
    tunnelId,
    weight,
    target: { host: '127.0.0.1', port: app.port },
    log: silent,
    connector: {
      ...setup.connector,
      onChange: ({ to, cause, error }) => changes.push({ to, cause, error, atMs: performance.now() })
    }
  })
  const line: Line = {
    tunnelId,
    server,
    proxy,
    app,
    sidecar,
    changes,
    count: to => changes.filter(change => change.to === to).length,
    visit: (path = '/', options = {}) => visit(`http://127.0.0.1:${server.entrypointPort}${path}`, { host: HOST, ...options }),
    async [Symbol.asyncDispose]() {
      await sidecar.close()
      await proxy.close()
      await server.stop()
      await app.close()
    }
  }
  try {
    await sidecar.ready
    await eventually(async () => (await line.visit()).status === 200)
  } catch (error) {
    await line[Symbol.asyncDispose]()
    throw error
  }
  return line
}

export const passed = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms)
  })
