/**
 * The server's side of the upgrade, on connections handed to it (gost: x/listener/ws): exact path, no subprotocol, no compression, Origin
 * not looked at. Another path is answered with 404, as Go's mux does, and no upgrade with 400, as gorilla does.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Clock, type Timer, systemClock } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import type { Connection } from '../base/connection.ts'
import { encodePath, WS_OPTIONS } from './websocket.ts'
import { type WebSocketConnection, WebSocketStream } from './websocket-stream.ts'

export interface WebSocketServerOptions {
  /** Default `/ws`. */
  path?: string
  onConnection: (connection: WebSocketConnection, request: IncomingMessage) => void
  clock?: Clock
  limits?: {
    /** From the connection to its upgrade, default 10 s. */
    handshakeTimeoutMs?: number
    /** Connections that are not upgraded yet; more are dropped. Default 1024. */
    pending?: number
    /** Bytes of a request head, default 16 KiB. */
    headBytes?: number
  }
}

export interface WebSocketAcceptor extends Closable {
  /** Takes over a raw connection; ours until it is upgraded or refused. */
  accept(connection: Connection): void
  readonly pending: number
}

/** `close()` drops connections still in the handshake; upgraded ones belong to whoever got them. */
export function webSocketServer(options: WebSocketServerOptions): WebSocketAcceptor {
  const { path = '/ws', clock = systemClock, limits = {} } = options
  const waiting = new Map<Connection, Timer>()
  const upgrades = new WebSocketServer({ ...WS_OPTIONS, noServer: true, clientTracking: false })
  const server = createServer({ maxHeaderSize: limits.headBytes ?? 16_384, keepAlive: false })
  const settled = (connection: Connection): void => {
    waiting.get(connection)?.cancel()
    waiting.delete(connection)
  }
  const wanted = encodePath(path)
  const isOurs = (request: IncomingMessage): boolean => request.url?.split('?', 1)[0] === wanted
  server.on('request', (request, response) => {
    const [status, text] = isOurs(request) ? [400, 'Bad Request\n'] : [404, '404 page not found\n']
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(text)
  })
  server.on('upgrade', (request, duplex, head) => {
    if (!isOurs(request)) {
      duplex.end(
        'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 19\r\n\r\n404 page not found\n'
      )
      return
    }
    upgrades.handleUpgrade(request, duplex, head, (ws: WebSocket) => {
      settled(duplex)
      options.onConnection(new WebSocketStream(ws, { socket: duplex, masking: 'none', clock }), request)
    })
  })
  return {
    get pending() {
      return waiting.size
    },
    accept(connection) {
      if (waiting.size >= (limits.pending ?? 1024)) {
        connection.destroy()
        return
      }
      const timer = clock.after(limits.handshakeTimeoutMs ?? 10_000, () => connection.destroy())
      waiting.set(connection, timer)
      connection.on('error', () => {}) // `close` follows
      connection.once('close', () => settled(connection))
      // node:http takes any Duplex as a connection; its types know only sockets.
      server.emit('connection', connection as Socket)
    },
    close: closeOnce(() => {
      for (const connection of waiting.keys()) connection.destroy()
    })
  }
}
