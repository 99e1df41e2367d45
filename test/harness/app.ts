/**
 * A configurable local app on loopback, as an interception's target: it answers by path, counts what it saw, and can be frozen or made
 * to refuse. Runs in the test's process (`startApp`); test/harness/programs/app.ts runs it as a program of its own.
 *
 *     /echo           the request's body back             /size/N         N bytes          /slow/MS       answers after MS
 *     /status/CODE    that status                         /sse/N          N events         /headers       the head it got, as JSON
 *     /freeze         no answer until thaw()              /drip/N/MS      N bytes, one a time, MS apart   /reset   resets the connection
 *     /upload         the number of bytes it got          /chunked/N      N chunks and a trailer          anything else: its name
 *     a WebSocket     echoes messages                     another upgrade  echoes raw bytes after its 101
 */
import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocketServer } from 'ws'

const BLOCK = Buffer.alloc(65_536, 'x')

export interface AppOptions {
  /** What it calls itself in answers (`app`). */
  name?: string
  /** A port to listen on again; 0 takes a free one. */
  port?: number
}

export interface App {
  readonly name: string
  readonly port: number
  /** `127.0.0.1:PORT`. */
  readonly address: string
  readonly url: string
  /** How many of each it has seen so far. */
  readonly counts: Readonly<{ connections: number; requests: number; upgrades: number; open: number; bytesIn: number }>
  /** The heads of the last 1,000 requests, oldest first. */
  readonly seen: readonly { method: string; path: string; headers: http.IncomingHttpHeaders }[]
  /** Accepts, but answers nothing until `thaw()`: a breakpoint. */
  freeze(): void
  thaw(): void
  /** Stops listening and resets what is open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Respond = (request: http.IncomingMessage, response: http.ServerResponse, argument: readonly number[]) => Promise<void> | void

async function writeBytes(response: http.ServerResponse, bytes: number): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  for (let left = bytes; left > 0 && !response.destroyed; ) {
    const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK
    left -= block.length
    if (!response.write(block)) await once(response, 'drain', { signal: gone.signal }).catch(() => {}) // gone: the loop ends
  }
  response.end()
}

async function drip(response: http.ServerResponse, count: number, everyMs: number): Promise<void> {
  response.writeHead(200, { 'content-length': count })
  for (let at = 0; at < count && !response.destroyed; at += 1) {
    response.write('x')
    await delay(everyMs)
  }
  response.end()
}

function events(response: http.ServerResponse, count: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  for (let at = 0; at < count; at += 1) response.write(`id: ${at}\ndata: event ${at}\n\n`)
  response.end()
}

function chunked(response: http.ServerResponse, count: number): void {
  response.writeHead(200, { trailer: 'x-checksum' })
  for (let at = 0; at < count; at += 1) response.write(`chunk ${at}\n`)
  response.addTrailers({ 'x-checksum': String(count) })
  response.end()
}

/** Answers by the first path segment. */
const ROUTES: Readonly<Record<string, Respond>> = {
  echo: (request, response) => {
    response.writeHead(200, { 'content-type': request.headers['content-type'] ?? 'application/octet-stream' })
    request.pipe(response)
  },
  size: (_request, response, [bytes = 0]) => writeBytes(response, bytes),
  slow: async (_request, response, [ms = 0]) => {
    await delay(ms)
    response.end('slow\n')
  },
  status: (_request, response, [status = 200]) => {
    response.writeHead(status)
    response.end()
  },
  sse: (_request, response, [count = 3]) => events(response, count),
  chunked: (_request, response, [count = 3]) => chunked(response, count),
  drip: (_request, response, [count = 1, everyMs = 10]) => drip(response, count, everyMs),
  headers: (request, response) => {
    const { method, url, httpVersion, rawHeaders } = request
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ method, url, httpVersion, rawHeaders }))
  },
  upload: async (request, response) => {
    let bytes = 0
    for await (const chunk of request) bytes += (chunk as Buffer).length
    response.end(String(bytes))
  },
  reset: request => void request.socket.resetAndDestroy()
}

const webSockets = new WebSocketServer({ noServer: true })

function upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
  const protocol = request.headers.upgrade ?? 'raw'
  socket.on('error', () => socket.destroy())
  if (protocol.toLowerCase() === 'websocket') {
    webSockets.handleUpgrade(request, socket, head, client => {
      client.on('message', (message, binary) => client.send(message, { binary }))
    })
    return
  }
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\n\r\n`)
  if (head.length > 0) socket.write(head)
  socket.pipe(socket)
}

interface Pause {
  promise: Promise<void>
  resolve: () => void
}

/** Starts the app on loopback; resolves when it listens. */
export async function startApp(options: AppOptions = {}): Promise<App> {
  const name = options.name ?? 'app'
  const sockets = new Set<net.Socket>()
  let closedBytes = 0
  const counts = {
    connections: 0,
    requests: 0,
    upgrades: 0,
    get open(): number {
      return sockets.size
    },
    get bytesIn(): number {
      return [...sockets].reduce((sum, socket) => sum + socket.bytesRead, closedBytes)
    }
  }
  const seen: { method: string; path: string; headers: http.IncomingHttpHeaders }[] = []
  let frozen: Pause | undefined
  const freeze = (): Pause => (frozen ??= Promise.withResolvers<void>())
  const thaw = (): void => {
    frozen?.resolve()
    frozen = undefined
  }
  const note = (request: http.IncomingMessage): void => {
    seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers })
    if (seen.length > 1_000) seen.shift()
  }
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    counts.requests += 1
    note(request)
    const [first = '', ...rest] = (request.url ?? '').slice(1).split(/[/?]/)
    const respond = ROUTES[first] ?? ((_request, answer) => void answer.end(`${name}\n`))
    if (first === 'freeze') freeze()
    response.setHeader('x-app', name)
    const answer = async (): Promise<void> => {
      for (let pause = frozen; pause !== undefined; pause = frozen) await pause.promise
      if (!response.destroyed) await respond(request, response, rest.map(Number))
    }
    answer().catch(() => response.destroy())
  })
  server.on('upgrade', (request, socket, head) => {
    counts.upgrades += 1
    note(request)
    upgrade(request, socket, head)
  })
  server.on('connection', (socket: net.Socket) => {
    counts.connections += 1
    sockets.add(socket)
    socket.once('close', () => {
      closedBytes += socket.bytesRead
      sockets.delete(socket)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as net.AddressInfo
  const close = async (): Promise<void> => {
    thaw()
    const closed = new Promise(resolve => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    name,
    port,
    address: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    counts,
    seen,
    freeze: () => void freeze(),
    thaw,
    close,
    [Symbol.asyncDispose]: close
  }
}
