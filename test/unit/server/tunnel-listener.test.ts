import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bindRequest, connectRequest } from '../../../src/relay/addresses.ts'
import { ResponseDecoder } from '../../../src/relay/decode.ts'
import { encodeRequest } from '../../../src/relay/encode.ts'
import { endpointHost, findTunnelId, firstAddress } from '../../../src/relay/find.ts'
import type { Carrier } from '../../../src/discovery/types.ts'
import type { Connection, Dial } from '../../../src/base/connection.ts'
import { FAST_LIMITS } from '../../../src/server/limits.ts'
import { startServer, type RunningServer, type ServerOptions } from '../../../src/server/run-server.ts'
import { startSidecar } from '../../../src/server/sidecar.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialTls } from '../../../src/transport/tls.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { visit } from '../../harness/visit.ts'
import { HOST, RawVisitor, startWorld, TUNNEL } from './world.ts'

const CERTS = new URL('../../fixtures/certs/', import.meta.url)
const tls = { cert: readFileSync(new URL('server.pem', CERTS), 'utf8'), key: readFileSync(new URL('server.key', CERTS), 'utf8') }

const start = (carrier: Carrier, options: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  startServer({
    tunnel: { host: '127.0.0.1', port: 0, carrier, path: '/proxy', tls },
    entrypoints: [{ host: '127.0.0.1', port: 0 }],
    rules: [{ host: HOST, tunnelId: TUNNEL }],
    limits: FAST_LIMITS,
    ...options
  })

/** A tcp tunnel port spoken to in bytes. */
async function speak(server: RunningServer, ...bytes: (string | Buffer)[]): Promise<RawVisitor> {
  const visitor = await RawVisitor.connect(server.tunnelPort)
  for (const part of bytes) visitor.send(typeof part === 'string' ? Buffer.from(part, 'hex') : part)
  return visitor
}

const bind = (more: Partial<Parameters<typeof bindRequest>[0]> = {}): Buffer =>
  encodeRequest(bindRequest({ tunnelId: TUNNEL, weight: 1, ...more }))
const response = (bytes: Buffer): NonNullable<ReturnType<ResponseDecoder['push']>> => {
  const decoded = new ResponseDecoder().push(bytes)
  if (decoded === undefined) throw new Error('no whole response')
  return decoded
}

const DIALS: Record<Carrier, (tcp: Dial) => Dial> = {
  tcp: tcp => tcp,
  tls: tcp => dialTls(tcp, { verify: false }),
  ws: tcp => dialWebSocket(tcp, { path: '/proxy' }),
  wss: tcp => dialWebSocket(dialTls(tcp, { verify: false }), { path: '/proxy' })
}
const dialOf = (carrier: Carrier, port: number): Dial => DIALS[carrier](dialTcp({ host: '127.0.0.1', port }))

describe('tunnel listener: carriers', () => {
  it.each(['tcp', 'tls', 'ws', 'wss'] as const)('serves visitors through a connector that comes by %s', async carrier => {
    const server = await start(carrier)
    const app = await startApp()
    const dial = dialOf(carrier, server.tunnelPort)
    const sidecar = startSidecar({ dial, tunnelId: TUNNEL, weight: 3, target: { host: '', port: app.port } })
    await sidecar.ready
    const answer = await visit(`http://127.0.0.1:${server.entrypointPort}/size/300000`, { host: HOST })
    expect([answer.status, answer.body.length]).toEqual([200, 300_000])
    expect(server.stats().connectors).toMatchObject([{ weight: 3, peer: 'ours', condition: 'live' }])
    await sidecar.close()
    await eventually(() => expect(server.stats().connectors).toEqual([]))
    await server.close()
    await app.close()
  })

  it('upgrades only on the exact path', async () => {
    const server = await start('ws')
    const dialAt = (path: string): Promise<Connection> =>
      dialWebSocket(dialTcp({ host: '127.0.0.1', port: server.tunnelPort }), { path })(new AbortController().signal)
    for (const path of ['/', '/proxy/', '/Proxy', '/ws']) await expect(dialAt(path)).rejects.toMatchObject({ status: 404 })
    const connection = await dialAt('/proxy')
    connection.destroy()
    await server.close()
  })

  it('cannot start on a taken port, and leaves nothing open', async () => {
    const server = await start('tcp')
    await expect(start('tcp', { tunnel: { host: '127.0.0.1', port: server.tunnelPort, carrier: 'tcp' } })).rejects.toMatchObject({
      code: 'EADDRINUSE'
    })
    await expect(start('tcp', { entrypoints: [{ host: '127.0.0.1', port: server.entrypointPort }] })).rejects.toMatchObject({
      code: 'EADDRINUSE'
    })
    await server.close()
  })
})

describe('tunnel listener: bind', () => {
  it('answers a stock client’s bytes with Addr and Tunnel, and no mark of ours', async () => {
    const server = await start('tcp')
    const id = TUNNEL.replaceAll('-', '')
    // gost 3.2.6: destination is an empty domain; newer ones send 0.0.0.0:0.
    const stock = [
      `01020028020007010a2a0007c82202000403000000030014${id}00000001`,
      `0102002b020007010a2a0007c82202000701000000000000030014${id}000000ff`
    ]
    for (const hex of stock) {
      const visitor = await speak(server, hex)
      await eventually(() => expect(visitor.received.length).toBe(50))
      const { message } = response(visitor.received)
      expect(message.status).toBe(0)
      expect(firstAddress(message)).toEqual({ host: endpointHost(TUNNEL), port: 0 })
      expect(findTunnelId(message)).toMatchObject({ reserved: 0, flag: 0, weight: hex.endsWith('ff') ? 255 : 1 })
      visitor.socket.destroy()
    }
    await server.close()
  })

  it('marks its answer only for a peer that offers the capability', async () => {
    const server = await start('tcp')
    const ours = await speak(server, bind({ capability: 1 }))
    await eventually(() => expect(ours.received.length).toBe(50))
    expect(findTunnelId(response(ours.received).message)?.reserved).toBe(0x6b31)
    expect(server.stats().connectors).toMatchObject([{ peer: 'ours' }])
    ours.socket.destroy()
    await server.close()
  })

  it('keeps the host a client asks for, unless that belongs to another tunnel', async () => {
    const other = 'bbbbbbbb-0000-4000-8000-000000000002'
    const rules = [
      { host: HOST, tunnelId: TUNNEL },
      { host: 'other.local', tunnelId: other }
    ]
    const server = await start('tcp', { rules })
    for (const [host, expected] of [
      [HOST, HOST],
      ['free.local', 'free.local'],
      ['other.local', undefined]
    ] as const) {
      const request = bindRequest({ tunnelId: TUNNEL, weight: 1 })
      const features = request.features.map((feature, at) => (at === 1 ? ({ type: 'addr', host, port: 7 } as const) : feature))
      const visitor = await speak(server, encodeRequest({ ...request, features }))
      await eventually(() => expect(visitor.received.length).toBeGreaterThan(40))
      const bound = firstAddress(response(visitor.received).message)
      if (expected === undefined) expect(bound?.host).toMatch(/^[0-9a-f]{16}$/)
      else expect(bound).toEqual({ host: expected, port: 7 })
      visitor.socket.destroy()
    }
    await server.close()
  })

  it.each([
    ['a zero tunnel id', bind({ tunnelId: '00000000-0000-0000-0000-000000000000' }), '01010000'],
    ['an unknown command', Buffer.concat([Buffer.of(1, 3), bind({ auth: { user: 'u', password: 'p' } }).subarray(2)]), '01010000'],
    ['no credentials', bind(), '01020000'],
    ['a wrong password', bind({ auth: { user: 'u', password: 'P' } }), '01020000'],
    [
      'a CONNECT to a host of another tunnel',
      encodeRequest(connectRequest({ tunnelId: TUNNEL, destination: { host: 'x', port: 80 } })),
      '01020000'
    ]
  ])('refuses %s', async (_name, bytes, wire) => {
    const server = await start('tcp', { credentials: [{ user: 'u', password: 'p' }] })
    const visitor = await speak(server, bytes)
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.received.toString('hex')).toBe(wire)
    expect(server.stats().connectors).toEqual([])
    await server.close()
  })

  it('takes any of several credentials', async () => {
    const server = await start('tcp', {
      credentials: [
        { user: 'u', password: 'p' },
        { user: 'v', password: 'q' }
      ]
    })
    const visitor = await speak(server, bind({ auth: { user: 'v', password: 'q' } }))
    await eventually(() => expect(server.stats().connectors).toHaveLength(1))
    visitor.socket.destroy()
    await server.close()
  })

  it('connects a visitor of the tunnel port only by the rule of its host', async () => {
    const app = await startApp()
    const server = await start('tcp')
    const sidecar = startSidecar({
      dial: dialTcp({ host: '127.0.0.1', port: server.tunnelPort }),
      tunnelId: TUNNEL,
      weight: 1,
      target: { host: '', port: app.port }
    })
    await sidecar.ready
    const to = (host: string): Buffer => encodeRequest(connectRequest({ tunnelId: TUNNEL, destination: { host, port: 80 } }))
    const refused = await speak(server, to('other.local'))
    await eventually(() => expect(refused.received.toString('hex')).toBe('01060000'))
    const connected = await speak(server, to(HOST), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))
    await eventually(() => expect(connected.text).toMatch(/app\n$/))
    await sidecar.close()
    await server.close()
    await app.close()
  })
})

describe('tunnel listener: limits', () => {
  it('closes without a word what is silent, slow, or not a relay request', async () => {
    const server = await start('tcp', { limits: { ...FAST_LIMITS, relayTimeoutMs: 100 } })
    for (const bytes of [[], [bind().subarray(0, 20)], ['02'], [Buffer.from('GET / HTTP/1.1\r\n\r\n')], ['0102000302ffff']]) {
      const visitor = await speak(server, ...bytes)
      await eventually(() => expect(visitor.closed || visitor.ended).toBe(true))
      expect(visitor.received.length).toBe(0)
    }
    await server.close()
  })

  it('takes so many connectors per tunnel, and so many binds in a moment', async () => {
    const server = await start('tcp', { limits: { ...FAST_LIMITS, connectorsPerTunnel: 2, bindsPerSecond: 5 } })
    const first = await Promise.all([speak(server, bind()), speak(server, bind())])
    await eventually(() => expect(server.stats().connectors).toHaveLength(2))
    const third = await speak(server, bind())
    await eventually(() => expect(third.received.toString('hex')).toBe('01050000'))
    for (const { socket } of first) socket.destroy()
    await eventually(() => expect(server.stats().connectors).toHaveLength(0))
    const flood = await Promise.all(Array.from({ length: 8 }, () => speak(server, bind())))
    await eventually(() => expect(flood.every(({ received }) => received.length >= 4)).toBe(true))
    expect(flood.filter(({ received }) => received.toString('hex') === '01050000').length).toBeGreaterThanOrEqual(5)
    for (const { socket } of flood) socket.destroy()
    await server.close()
  })

  it('has room and time for tunnels of the rules, however many strangers bind others', async () => {
    const server = await start('tcp', { limits: { ...FAST_LIMITS, tunnels: 3, bindsPerSecond: 5 } })
    const strangers = await Promise.all(Array.from({ length: 20 }, () => speak(server, bind({ tunnelId: randomUUID() }))))
    await eventually(() => expect(strangers.every(({ received }) => received.length >= 4)).toBe(true))
    expect(server.stats().connectors).toHaveLength(3)
    const known = await speak(server, bind())
    await eventually(() => expect(server.stats().connectors.map(({ tunnelId }) => tunnelId)).toContain(TUNNEL))
    for (const { socket } of [...strangers, known]) socket.destroy()
    await server.close()
  })

  it.each(['tcp', 'tls', 'ws'] as const)('takes a connector by %s while strangers are silent, however many', async carrier => {
    const server = await start(carrier, { limits: { ...FAST_LIMITS, handshakes: 4, relayTimeoutMs: 60_000 } })
    const strangers = await Promise.all(Array.from({ length: 12 }, () => speak(server)))
    await eventually(() => expect(strangers.filter(({ ended, closed }) => ended || closed).length).toBeGreaterThanOrEqual(8))
    const sidecar = startSidecar({ dial: dialOf(carrier, server.tunnelPort), tunnelId: TUNNEL, weight: 1, target: { host: '', port: 1 } })
    await sidecar.ready
    for (const { socket } of strangers) socket.destroy()
    await sidecar.close()
    await server.close()
  })

  it('keeps nobody from binding with the right credentials by guesses, however many', async () => {
    const auth = { user: 'a', password: 'b' }
    const server = await start('tcp', { credentials: [auth], limits: { ...FAST_LIMITS, bindsPerSecond: 2 } })
    const guesses = await Promise.all(
      Array.from({ length: 20 }, (_, at) => speak(server, bind({ auth: { user: 'a', password: String(at) } })))
    )
    await eventually(() => expect(guesses.every(({ received }) => received.toString('hex') === '01020000')).toBe(true))
    const right = await speak(server, bind({ auth }))
    await eventually(() => expect(server.stats().connectors).toHaveLength(1))
    for (const { socket } of [...guesses, right]) socket.destroy()
    await server.close()
  })

  it('drops a connector that breaks the wire contract, and no other', async () => {
    await using world = await startWorld({ server: { tunnel: { host: '127.0.0.1', port: 0, carrier: 'tcp' } }, weights: [] })
    const good = await speak(world.server, bind())
    const bad = await speak(world.server, bind(), Buffer.from('0103000000000000', 'hex'))
    await eventually(() => expect(bad.closed || bad.ended).toBe(true))
    expect(world.server.stats().connectors).toHaveLength(1)
    expect(good.ended).toBe(false)
    good.socket.destroy()
  })
})
