/** A server with apps behind sidecars, all on loopback, ended by `await using`. */
import net from 'node:net'
import { silent } from '../../../src/base/log.ts'
import { FAST_LIMITS, type ServerLimits } from '../../../src/server/limits.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../../src/server/run-server.ts'
import { type Sidecar, type SidecarOptions, startSidecar } from '../../../src/server/sidecar.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { type App, startApp } from '../../harness/app.ts'
import { type Answer, visit, type VisitOptions } from '../../harness/visit.ts'

export const TUNNEL = '10bc451e-59dc-4c70-999e-91a30813ac78'
export const HOST = 'nginx.local'

export interface World extends AsyncDisposable {
  server: RunningServer
  apps: App[]
  sidecars: Sidecar[]
  url: string
  visit(path: string, options?: VisitOptions): Promise<Answer>
  raw(bytes: string | Buffer): Promise<RawVisitor>
  addSidecar(port: number, options?: Partial<SidecarOptions>): Promise<Sidecar>
}

export interface WorldOptions {
  /** One app and sidecar each. */
  weights?: number[]
  limits?: Partial<ServerLimits>
  server?: Partial<ServerOptions>
}

export async function startWorld({ weights = [1], limits = {}, server: options = {} }: WorldOptions = {}): Promise<World> {
  const server = await startServer({
    tunnel: { host: '127.0.0.1', port: 0, carrier: 'ws', path: '/proxy' },
    entrypoints: [{ host: '127.0.0.1', port: 0 }],
    rules: [{ host: HOST, tunnelId: TUNNEL }],
    limits: { ...FAST_LIMITS, ...limits },
    log: silent,
    ...options
  })
  const apps: App[] = []
  const sidecars: Sidecar[] = []
  const visitors: RawVisitor[] = []
  const url = `http://127.0.0.1:${server.entrypointPort}`
  const addSidecar = async (port: number, more: Partial<SidecarOptions> = {}): Promise<Sidecar> => {
    const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: server.tunnelPort }), { path: '/proxy' })
    const sidecar = startSidecar({ dial, tunnelId: TUNNEL, weight: 1, target: { host: '127.0.0.1', port }, ...more })
    sidecars.push(sidecar)
    await sidecar.ready
    return sidecar
  }
  for (const [at, weight] of weights.entries()) {
    const app = await startApp({ name: `app${at}` })
    apps.push(app)
    await addSidecar(app.port, { weight })
  }
  return {
    server,
    apps,
    sidecars,
    url,
    visit: (path, more = {}) => visit(`${url}${path}`, { host: HOST, ...more }),
    async raw(bytes) {
      const visitor = await RawVisitor.connect(server.entrypointPort)
      visitors.push(visitor)
      visitor.send(bytes)
      return visitor
    },
    addSidecar,
    async [Symbol.asyncDispose]() {
      for (const visitor of visitors) visitor.socket.destroy()
      await Promise.all(sidecars.map(sidecar => sidecar.close()))
      await server.close()
      await Promise.all(apps.map(app => app.close()))
    }
  }
}

/** Bytes to an entrypoint and back, without an HTTP library that would correct them. */
export class RawVisitor {
  readonly socket: net.Socket
  received: Buffer = Buffer.alloc(0)
  ended = false
  closed = false
  error: Error | undefined

  constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', chunk => {
      this.received = Buffer.concat([this.received, chunk])
    })
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('error', error => {
      this.error = error
    })
  }

  static connect(port: number): Promise<RawVisitor> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => resolve(new RawVisitor(socket)))
      socket.once('error', reject)
    })
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }
}

export const request = (path: string, extra = '', method = 'GET'): string => `${method} ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${extra}\r\n`
