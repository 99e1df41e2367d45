import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Connection } from '../../../src/base/connection.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { type WebSocketServerOptions, webSocketServer } from '../../../src/transport/websocket-server.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const signal = new AbortController().signal
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** The server on loopback, echoing. */
async function serve(options: Partial<WebSocketServerOptions> = {}): Promise<{ host: string; port: number; served: Connection[] }> {
  const served: Connection[] = []
  const server = webSocketServer({
    onConnection: connection => {
      served.push(connection)
      connection.pipe(connection)
    },
    ...options
  })
  const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => server.accept(connection))
  cleanups.push(listener.close, server.close)
  return { host: listener.host, port: listener.port, served }
}

/** What a plain connection gets back for its bytes. */
async function answer(at: { host: string; port: number }, request: string): Promise<string> {
  const connection = await dialTcp(at)(signal)
  cleanups.push(() => connection.destroy())
  connection.write(request)
  let text = ''
  for await (const chunk of connection) text += String(chunk)
  return text
}

const upgradeOf = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`

describe('webSocketServer', () => {
  it('serves our client', async () => {
    const at = await serve()
    const connection = await dialWebSocket(dialTcp(at))(signal)
    cleanups.push(() => connection.destroy())
    let text = ''
    connection.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    connection.write('echo')
    await eventually(() => expect(text).toBe('echo'))
    expect(at.served[0]?.remote).toEqual(connection.local)
  })

  it('serves a client that sends text and fragments, unmasking every one', async () => {
    const at = await serve()
    const ws = new WebSocket(`ws://${at.host}:${at.port}/ws`, { perMessageDeflate: false })
    cleanups.push(() => ws.terminate())
    await new Promise(resolve => ws.once('open', resolve))
    let text = ''
    ws.on('message', (data: Buffer) => {
      text += data.toString()
    })
    ws.send('t')
    ws.send(Buffer.from('first '), { fin: false })
    ws.send(Buffer.from('second '.repeat(20)), { fin: false })
    ws.send(Buffer.from('third'), { fin: true })
    await eventually(() => expect(text).toBe(`tfirst ${'second '.repeat(20)}third`))
  })

  it('hands the request on', async () => {
    const headers: unknown[] = []
    const at = await serve({ onConnection: (_connection, request) => headers.push(request.headers['x-forwarded-for']) })
    const connection = await dialWebSocket(dialTcp(at), { headers: { 'X-Forwarded-For': '203.0.113.9' } })(signal)
    cleanups.push(() => connection.destroy())
    await eventually(() => expect(headers).toEqual(['203.0.113.9']))
  })

  it('matches the path exactly and answers others with 404', async () => {
    const at = await serve({ path: '/tunnel' })
    for (const path of ['/', '/tunnel/', '/tunnel2', '/Tunnel', '/ws']) {
      expect(await answer(at, upgradeOf(path))).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[^]*404 page not found\n$/)
      expect(await answer(at, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /)
    }
    expect(at.served).toEqual([])
    const connection = await dialWebSocket(dialTcp(at), { path: '/tunnel' })(signal)
    connection.destroy()
  })

  it('answers a request that is no upgrade, or a broken one, with 400', async () => {
    const at = await serve()
    expect(await answer(at, 'GET /ws HTTP/1.1\r\nHost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await answer(at, 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await answer(at, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('refuses a head beyond the limit', async () => {
    const at = await serve({ limits: { headBytes: 2_000 } })
    expect(await answer(at, `GET /ws HTTP/1.1\r\nA: ${'x'.repeat(3_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
  })

  it('drops a visitor that never finishes its handshake', async () => {
    const clock = fakeClock()
    const server = webSocketServer({ onConnection: () => {}, clock, limits: { handshakeTimeoutMs: 1_000 } })
    const [visitor, connection] = memoryPair()
    server.accept(connection)
    visitor.resume()
    visitor.write('GET /ws HTTP/1.1\r\n')
    await eventually(() => expect([visitor.writableLength, server.pending]).toEqual([0, 1]))
    await clock.advance(1_000)
    await eventually(() => expect([visitor.readableEnded, server.pending]).toEqual([true, 0]))
  })

  it('drops the oldest where more come than may be pending', async () => {
    const server = webSocketServer({ onConnection: () => {}, limits: { pending: 1 } })
    const [, first] = memoryPair()
    const [, second] = memoryPair()
    server.accept(first)
    server.accept(second)
    expect([first.destroyed, second.destroyed, server.pending]).toEqual([true, false, 1])
    await server.close()
    expect(second.destroyed).toBe(true)
  })

  it('keeps no timer for an upgraded connection', async () => {
    const clock = fakeClock()
    const at = await serve({ clock })
    const connection = await dialWebSocket(dialTcp(at))(signal)
    cleanups.push(() => connection.destroy())
    await eventually(() => expect(at.served).toHaveLength(1))
    expect(clock.pending).toBe(0)
  })
})
