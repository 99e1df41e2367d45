/** Two connected ends over every kind of connection there is, so that one body of tests runs over all of them. */
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import type { Connection, Dial } from '../../src/base/connection.ts'
import { memoryPair } from '../../src/transport/memory.ts'
import { dialTcp, listenTcp } from '../../src/transport/tcp.ts'
import { dialTls } from '../../src/transport/tls.ts'
import { dialWebSocket } from '../../src/transport/websocket.ts'
import { webSocketServer } from '../../src/transport/websocket-server.ts'

export interface Pair {
  client: Connection
  server: Connection
  close(): Promise<void>
}

export interface PairKind {
  name: string
  /** An end on one side leaves the other direction open. */
  halfClose: boolean
  connect(): Promise<Pair>
}

const certificate = (name: string): string => readFileSync(new URL(`../fixtures/certs/${name}`, import.meta.url), 'utf8')
const NEVER = new AbortController().signal

export const memoryKind: PairKind = {
  name: 'memory',
  halfClose: true,
  async connect() {
    const [client, server] = memoryPair()
    return { client, server, close: async () => void [client.destroy(), server.destroy()] }
  }
}

/** A server on loopback that hands over what `accept` makes of each connection, and a client made of `wrap`. */
async function overTcp(
  wrap: (dial: Dial) => Dial,
  accept: (raw: Connection, done: (connection: Connection) => void) => void
): Promise<Pair> {
  const { promise, resolve } = Promise.withResolvers<Connection>()
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => accept(raw, resolve))
  const client = await wrap(dialTcp(listener))(NEVER)
  const server = await promise
  return {
    client,
    server,
    async close() {
      client.destroy()
      server.destroy()
      await listener.close()
    }
  }
}

export const tcpKind: PairKind = {
  name: 'tcp',
  halfClose: true,
  connect: () =>
    overTcp(
      dial => dial,
      (raw, done) => done(raw)
    )
}

function acceptTls(raw: Connection, done: (connection: Connection) => void): void {
  const secureContext = tls.createSecureContext({ cert: certificate('server.pem'), key: certificate('server.key') })
  const socket = new tls.TLSSocket(raw, { isServer: true, secureContext })
  socket.on('error', () => {})
  socket.once('secure', () => done(socket))
}

export const tlsKind: PairKind = {
  name: 'tls',
  halfClose: true,
  connect: () => overTcp(dial => dialTls(dial, { verify: true, ca: certificate('ca.pem'), serverName: 'tunnel.test' }), acceptTls)
}

const acceptWebSocket = (raw: Connection, done: (connection: Connection) => void): void =>
  webSocketServer({ onConnection: connection => done(connection) }).accept(raw)

export const webSocketKind: PairKind = {
  name: 'websocket',
  halfClose: false,
  connect: () => overTcp(dial => dialWebSocket(dial), acceptWebSocket)
}

export const secureWebSocketKind: PairKind = {
  name: 'websocket over tls',
  halfClose: false,
  connect: () =>
    overTcp(
      dial => dialWebSocket(dialTls(dial, { verify: false })),
      (raw, done) => acceptTls(raw, secure => acceptWebSocket(secure, done))
    )
}

export const everyKind: readonly PairKind[] = [memoryKind, tcpKind, tlsKind, webSocketKind, secureWebSocketKind]
