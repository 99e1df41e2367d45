/** Our WebSocket ends against gost's (gorilla), with no protocol on top: gost forwards the bytes to an echo, and from a plain port to us. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../src/base/connection.ts'
import { splice } from '../../src/transport/splice.ts'
import { dialTcp, listenTcp } from '../../src/transport/tcp.ts'
import type { Listener } from '../../src/transport/types.ts'
import { dialWebSocket, WebSocketRefused } from '../../src/transport/websocket.ts'
import { webSocketServer } from '../../src/transport/websocket-server.ts'
import { eventually } from '../harness/eventually.ts'
import { type Gost, type GostVersion, startGost } from '../harness/gost.ts'
import { freePort, releasePorts } from '../harness/ports.ts'

const signal = new AbortController().signal
const BULK = 16 * 1024 * 1024
const versions: readonly GostVersion[] = ['ga', 'nightly']

/** gost's WebSocket server in front of `echo`, and a plain port that its WebSocket client carries to `ours`. */
const config = (ports: { server: number; plain: number; echo: number; ours: number }): string => `
services:
- { name: server, addr: "127.0.0.1:${ports.server}", handler: { type: rtcp }, listener: { type: ws }, forwarder: { nodes: [{ name: e, addr: "127.0.0.1:${ports.echo}" }] } }
- { name: plain, addr: "127.0.0.1:${ports.plain}", handler: { type: rtcp, chain: c }, listener: { type: tcp }, forwarder: { nodes: [{ name: e, addr: "127.0.0.1:9" }] } }
chains:
- { name: c, hops: [{ name: h, nodes: [{ name: n, addr: "127.0.0.1:${ports.ours}", connector: { type: forward }, dialer: { type: ws } }] }] }
`

/** Sends a bulk and reads it back; true when it is the same. */
async function echoes(connection: Connection): Promise<boolean> {
  const bytes = randomBytes(BULK)
  const hash = createHash('sha1')
  let received = 0
  connection.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    received += chunk.length
  })
  for (let at = 0; at < BULK; at += 50_000) {
    if (!connection.write(bytes.subarray(at, at + 50_000))) await new Promise(resolve => connection.once('drain', resolve))
  }
  await eventually(() => expect(received).toBe(BULK), { timeoutMs: 60_000 })
  return hash.digest('hex') === createHash('sha1').update(bytes).digest('hex')
}

describe.each(versions)('WebSocket with gost %s', version => {
  let gost: Gost
  let folder: string
  let ports: { server: number; plain: number; echo: number; ours: number }
  const listeners: Listener[] = []

  beforeEach(async () => {
    const echo = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => void connection.pipe(connection))
    const server = webSocketServer({
      onConnection: connection => {
        void dialTcp(echo)(signal).then(to => splice(connection, to))
      }
    })
    const ours = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => server.accept(connection))
    listeners.push(echo, ours)
    ports = { server: await freePort(), plain: await freePort(), echo: echo.port, ours: ours.port }
    folder = mkdtempSync(path.join(os.tmpdir(), 'gost-ws-'))
    writeFileSync(path.join(folder, 'gost.yaml'), config(ports))
    gost = await startGost({ version, args: ['-C', path.join(folder, 'gost.yaml')], ready: ports.server, logLevel: 'error' })
  })

  afterEach(async () => {
    await gost.stop()
    for (const listener of listeners.splice(0)) await listener.close()
    releasePorts([ports.server, ports.plain])
    rmSync(folder, { recursive: true, force: true })
  })

  it('carries a bulk both ways to its server, answers pings, and ends without an error', async () => {
    const connection = await dialWebSocket(dialTcp({ host: '127.0.0.1', port: ports.server }))(signal)
    expect(await connection.ping(signal)).toBeGreaterThan(0)
    expect(await echoes(connection)).toBe(true)
    connection.end()
    await eventually(() => expect([connection.closed, connection.errored]).toEqual([true, null]))
  })

  it('tells a wrong path apart', async () => {
    const refused: unknown = await dialWebSocket(dialTcp({ host: '127.0.0.1', port: ports.server }), { path: '/other' })(signal).catch(
      (error: unknown) => error
    )
    expect(refused).toBeInstanceOf(WebSocketRefused)
    expect(refused).toMatchObject({ status: 404 })
  })

  it('carries a bulk both ways from its client, which fragments', async () => {
    const connection = await eventually(() => dialTcp({ host: '127.0.0.1', port: ports.plain })(signal))
    expect(await echoes(connection)).toBe(true)
    connection.destroy()
  })
})
