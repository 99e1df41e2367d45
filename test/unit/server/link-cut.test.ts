/** What visitors get while every connector of their tunnel is cut off for a moment: whatever they speak, and however they end the wait. */
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { relayConnect } from '../../conformance/relay-visitor.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../harness/fault-proxy.ts'
import { GrpcVisitor, startGrpcApp } from '../../harness/grpc.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { listening } from '../../harness/listening.ts'
import { HOST, RawVisitor, request, startWorld, TUNNEL, type World, type WorldOptions } from './world.ts'

const CERTS = new URL('../../fixtures/certs/', import.meta.url)
const cert = readFileSync(new URL('server.pem', CERTS))
const key = readFileSync(new URL('server.key', CERTS))
const LONG_MS = 20_000

interface Cut extends AsyncDisposable {
  world: World
  line: FaultProxy
  /** Nobody is left, and nobody gets through until `mend`. */
  cut(): Promise<void>
  mend(): Promise<void>
}

/** One sidecar, behind a line. */
async function behindLine({ port, ...options }: WorldOptions & { port?: number } = {}): Promise<Cut> {
  const world = await startWorld({ weights: [1], ...options, limits: { rebindMs: LONG_MS, ...options.limits } })
  await Promise.all(world.sidecars.map(sidecar => sidecar.stop(AbortSignal.timeout(1_000))))
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port: world.server.tunnelPort } })
  const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: line.port }), { path: '/proxy' })
  await world.addSidecar(port ?? world.apps[0]?.port ?? 0, { dial })
  const connectors = (): string[] => world.server.stats().connectors.map(({ condition }) => condition)
  await eventually(() => expect(connectors()).toEqual(['live']))
  return {
    world,
    line,
    async cut() {
      await line.refuse(true)
      line.reset()
      await eventually(() => expect(connectors()).toEqual([]))
    },
    mend: () => line.refuse(false),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await line.close()
    }
  }
}

const waits = (world: World, count = 1): Promise<void> => eventually(() => expect(world.server.stats().waiting).toBe(count))

describe('a visitor of a tunnel whose connectors were all cut off', () => {
  it.each(['GET', 'POST'])('is served when one is back: %s over HTTP/1.1', async method => {
    await using broken = await behindLine()
    const { world } = broken
    await broken.cut()
    const asked = world.visit('/echo', { method, ...(method === 'POST' && { body: 'x'.repeat(200_000) }) })
    await waits(world)
    await broken.mend()
    expect((await asked).status).toBe(200)
    expect(world.server.stats()).toMatchObject({ waiting: 0, waited: 1, refused: 0, active: 0 })
  })

  it('is served when one is back: HTTP/2', async () => {
    await using broken = await behindLine()
    const { world } = broken
    using session = await openHttp2(world.url)
    await broken.cut()
    const asked = [1, 2, 3].map(() => visitHttp2(session, { ':path': '/', ':authority': HOST }))
    await waits(world, 3)
    await broken.mend()
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200])
  })

  it('is served when one is back: gRPC', async () => {
    await using app = await startGrpcApp()
    await using broken = await behindLine({ port: app.port })
    using client = new GrpcVisitor(broken.world.server.entrypointPort, HOST)
    await broken.cut()
    const asked = client.say('hello')
    await waits(broken.world)
    await broken.mend()
    expect((await asked).message).toBe('hello')
    await eventually(() => expect(broken.world.server.stats()).toMatchObject({ waiting: 0, waited: 1, refused: 0, active: 0 }))
  })

  it('is served when one is back: TLS passed through', async () => {
    const port = await listening(tls.createServer({ cert, key }, socket => socket.end('inside')))
    await using broken = await behindLine({ port })
    await broken.cut()
    const visitor = tls.connect({
      host: '127.0.0.1',
      port: broken.world.server.entrypointPort,
      servername: HOST,
      rejectUnauthorized: false
    })
    let text = ''
    visitor.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => {})
    await waits(broken.world)
    await broken.mend()
    await eventually(() => expect(text).toBe('inside'))
    visitor.destroy()
  })

  it('is served when one is back: raw TCP, and a relay CONNECT', async () => {
    const port = await listening(net.createServer(socket => socket.on('error', () => {}).write('220 hello\r\n')))
    const at = { host: '127.0.0.1', port: 0 }
    await using broken = await behindLine({ port, server: { entrypoints: [{ ...at, tunnelId: TUNNEL }, at] } })
    const { server } = broken.world
    await broken.cut()
    const visitor = await RawVisitor.connect(server.entrypointPort)
    const relayed = relayConnect(dialTcp({ host: '127.0.0.1', port: server.entrypointPorts[1] ?? 0 }), TUNNEL)
    await waits(broken.world, 2)
    await broken.mend()
    await eventually(() => expect(visitor.text).toBe('220 hello\r\n'))
    const connection = await relayed
    connection.destroy()
    visitor.socket.destroy()
    await eventually(() => expect(server.stats()).toMatchObject({ waiting: 0, waited: 2, refused: 0, active: 0 }))
  })

  it('is served when one is back though the cut took its request with it, where that may be repeated', async () => {
    await using broken = await behindLine()
    const { world } = broken
    world.apps[0]?.freeze()
    const asked = ['GET', 'POST'].map(method => world.visit('/', { method }))
    await eventually(() => expect(world.apps[0]?.counts.requests).toBe(2))
    await broken.cut()
    world.apps[0]?.thaw()
    await broken.mend()
    const [get, post] = await Promise.all(asked)
    expect([get?.status, post?.status, post?.headers['x-intercept-error']]).toEqual([200, 503, 'app-closed'])
    expect(world.server.stats()).toMatchObject({ waited: 1, retried: 1 })
  })

  it('is refused when nobody is back in time', async () => {
    await using broken = await behindLine({ limits: { rebindMs: 300 } })
    await broken.cut()
    const refused = await broken.world.visit('/')
    expect([refused.status, refused.headers['x-intercept-error']]).toEqual([503, 'no-connector'])
    expect(broken.world.server.stats().waiting).toBe(0)
  })

  it('is let go of when it leaves, and no app hears of it', async () => {
    const at = { host: '127.0.0.1', port: 0 }
    await using broken = await behindLine({ server: { entrypoints: [at, { ...at, tunnelId: TUNNEL }] } })
    const { world } = broken
    await broken.cut()
    const before = world.apps[0]?.counts.requests
    const visitors = [await world.raw(request('/')), await world.raw(request('/'))]
    using session = await openHttp2(world.url)
    const left = visitHttp2(session, { ':path': '/', ':authority': HOST }).catch(() => undefined)
    using client = new GrpcVisitor(world.server.entrypointPort, HOST)
    const call = client.repeat('hello').on('error', () => {})
    const raw = await RawVisitor.connect(world.server.entrypointPorts[1] ?? 0)
    await waits(world, 5)
    raw.socket.resetAndDestroy()
    call.cancel()
    visitors[0]?.socket.resetAndDestroy()
    visitors[1]?.socket.end()
    session[Symbol.dispose]()
    await left
    await waits(world, 0)
    await broken.mend()
    await eventually(async () => expect((await world.visit('/')).status).toBe(200))
    expect(world.apps[0]?.counts.requests).toBe((before ?? 0) + 1)
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })

  it('is not read from while it waits, beyond what shows that it is still there', async () => {
    await using broken = await behindLine()
    const { world } = broken
    await broken.cut()
    const visitor = await world.raw(`POST /upload HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 30000000\r\n\r\n`)
    await waits(world)
    visitor.send(Buffer.alloc(30_000_000))
    await eventually(() => expect(world.server.stats().bytesIn).toBeGreaterThan(60_000))
    await eventually(() => expect(visitor.socket.writableLength).toBeGreaterThan(0))
    expect(world.server.stats().bytesIn).toBeLessThan(300_000)
    await broken.mend()
    await eventually(() => expect(visitor.text).toMatch(/^HTTP\/1\.1 200 [^]*30000000/), { timeoutMs: 10_000 })
  })
})

describe('a visitor is refused at once', () => {
  it('where nobody was ever there', async () => {
    await using world = await startWorld({ weights: [], limits: { rebindMs: LONG_MS } })
    expect((await world.visit('/')).status).toBe(503)
    expect(world.server.stats().waited).toBe(0)
  })

  it('where the connectors asked for no more before they went', async () => {
    await using world = await startWorld({ limits: { rebindMs: LONG_MS } })
    await world.sidecars[0]?.stop(AbortSignal.timeout(1_000))
    await eventually(() => expect(world.server.stats().connectors).toEqual([]))
    expect((await world.visit('/')).status).toBe(503)
    expect(world.server.stats().waited).toBe(0)
  })

  it('and so are those that wait, when the server shuts down', async () => {
    await using broken = await behindLine()
    const { world } = broken
    await broken.cut()
    const asked = world.visit('/')
    await waits(world)
    const drained = world.server.drain({ delayMs: LONG_MS, signal: AbortSignal.timeout(200) })
    expect((await asked).headers['x-intercept-error']).toBe('no-connector')
    expect(await drained).toBe(0)
  })
})
