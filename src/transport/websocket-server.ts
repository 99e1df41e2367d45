/**
 * The server's side of the upgrade, on connections handed to it (gost: x/listener/ws): exact path, no subprotocol, no compression, Origin
 * not looked at. Another path is answered with 404, as Go's mux does, and no upgrade with 400, as gorilla does.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Clock, type Timer, systemClock } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import type { Connection } from '../base/connection.ts'
import { encodePath } from './websocket.ts'
import { answerUpgrade, plain } from './websocket-handshake.ts'
import { type WebSocketConnection, WebSocketStream } from './websocket-stream.ts'

export interface WebSocketServerOptions {
  /** Default `/ws`. */
  path?: string
  onConnection: (connection: WebSocketConnection, request: IncomingMessage) => void
  clock?: Clock
  limits?: {
    /** From the connection to its upgrade, default 10 s. */
    handshakeTimeoutMs?: number
    /** Connections that are not upgraded yet; where more come the oldest goes. Default 1024. */
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
    const answer = isOurs(request) ? answerUpgrade(request) : { accepted: false, text: plain('404 Not Found', '', '404 page not found\n') }
    if (!answer.accepted) {
      duplex.end(answer.text)
      return
    }
    settled(duplex)
    duplex.write(answer.text)
    options.onConnection(new WebSocketStream(duplex, { masking: 'none', head, clock }), request)
  })
  return {
    get pending() {
      return waiting.size
    },
    accept(connection) {
      if (waiting.size >= (limits.pending ?? 1024)) {
        const [oldest] = waiting.keys()
        oldest?.destroy()
        if (oldest !== undefined) settled(oldest)
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
