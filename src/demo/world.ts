/** Everything the demo needs, in this process and on loopback only: a tunnel server, "nginx in the cluster" behind a sidecar, "your app". */
import http from 'node:http'
import type { Clock } from '../base/clock.ts'
import { closeAll, type Closable } from '../base/closable.ts'
import type { Logger } from '../base/log.ts'
import { type RunningServer, startServer } from '../server/run-server.ts'
import { type Sidecar, startSidecar } from '../server/sidecar.ts'
import { dialTcp } from '../transport/tcp.ts'
import { dialWebSocket } from '../transport/websocket.ts'

export const HOST = 'nginx.local'
const PATH = '/proxy'
const LOOPBACK = '127.0.0.1'

export type Who = 'cluster' | 'laptop'

export interface World extends Closable {
  tunnelId: string
  server: RunningServer
  sidecar: Sidecar
  cluster: App
  laptop: App
}

export interface App extends Closable {
  readonly port: number
  /** Stops listening; requests inside still get their answers. */
  stop(): Promise<void>
  /** Listens again on the same port. */
  start(): Promise<void>
}

export interface WorldOptions {
  clock: Clock
  log: Logger
  /** What the two apps answer; by default who they are. */
  cluster?: http.RequestListener
  laptop?: http.RequestListener
}

export async function openWorld({ clock, log, cluster: inCluster, laptop: onLaptop }: WorldOptions): Promise<World> {
  const tunnelId = crypto.randomUUID()
  const parts: Closable[] = []
  try {
    const server = await startServer({
      tunnel: { host: LOOPBACK, port: 0, carrier: 'ws', path: PATH },
      entrypoints: [{ host: LOOPBACK, port: 0 }],
      rules: [{ host: HOST, tunnelId }],
      clock,
      log
    })
    parts.push(server)
    const cluster = await openApp(inCluster ?? greet('cluster'))
    parts.push(cluster)
    const laptop = await openApp(onLaptop ?? greet('laptop'))
    parts.push(laptop)
    const dial = dialWebSocket(dialTcp({ host: LOOPBACK, port: server.tunnelPort }), { path: PATH, clock })
    const sidecar = startSidecar({ dial, tunnelId, weight: 1, target: { host: LOOPBACK, port: cluster.port }, clock, log })
    parts.push(sidecar)
    await sidecar.ready
    return { tunnelId, server, sidecar, cluster, laptop, close: () => closeAll(parts) }
  } catch (error) {
    await closeAll(parts)
    throw error
  }
}

const GREETINGS: Readonly<Record<Who, string>> = {
  cluster: 'Hello from nginx in the cluster.\n',
  laptop: 'Hello from the app on your laptop.\n'
}

function greet(who: Who): http.RequestListener {
  return (request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/plain', 'x-served-by': who }).end(GREETINGS[who])
  }
}

async function openApp(listener: http.RequestListener): Promise<App> {
  const open = async (port: number): Promise<http.Server> => {
    const server = http.createServer(listener)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, LOOPBACK, resolve)
    })
    return server
  }
  let server: http.Server | undefined = await open(0)
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const stop = async (): Promise<void> => {
    const closing = server
    server = undefined
    if (closing === undefined) return
    await new Promise<void>(resolve => {
      closing.close(() => resolve())
      closing.closeIdleConnections()
    })
  }
  return {
    port,
    stop,
    async start() {
      server ??= await open(port)
    },
    async close() {
      server?.closeAllConnections()
      await stop()
    }
  }
}
