/** What becomes of requests whose connector breaks before a byte of the answer came: each way it may break, for each kind of request. */
import { describe, expect, it } from 'vitest'
import type { Sidecar } from '../../../src/server/sidecar.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../harness/fault-proxy.ts'
import { freePort, releasePorts } from '../../harness/ports.ts'
import { HOST, startWorld, type World } from './world.ts'

const BODY = 'x'.repeat(100_000)

interface Broken extends AsyncDisposable {
  world: World
  line: FaultProxy
  sidecar: Sidecar
}

/** app1 alone gets all visitors, over a line that breaks; app0 is the other one. `port`: of another app than app1. */
async function preferred(limits: Parameters<typeof startWorld>[0] = {}, port?: number): Promise<Broken> {
  const world = await startWorld({ weights: [1, 1], ...limits })
  await world.sidecars[1]?.close()
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port: world.server.tunnelPort } })
  const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: line.port }), { path: '/proxy' })
  const sidecar = await world.addSidecar(port ?? world.apps[1]?.port ?? 0, {
    dial,
    weight: 255,
    connector: { linkCheckMs: 60_000, deadAfterMs: 120_000 }
  })
  await eventually(() => expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live', 'live']))
  return {
    world,
    line,
    sidecar,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await line.close()
    }
  }
}

const answerOf = ({ status, headers }: { status: number; headers: NodeJS.Dict<string | string[]> }): unknown[] => [
  status,
  headers['x-app'] ?? headers['x-intercept-error']
]

describe('a request whose connector is lost', () => {
  it.each([
    ['GET', undefined, [200, 'app0']],
    ['DELETE', undefined, [200, 'app0']],
    ['PUT', BODY, [200, 'app0']],
    ['POST', BODY, [503, 'app-closed']]
  ])('%s is given to another one where it may be repeated', async (method, body, wanted) => {
    await using broken = await preferred({ limits: { firstByteTimeoutMs: 10_000 } })
    const { world, line } = broken
    world.apps[1]?.freeze()
    const asked = world.visit('/', { method, ...(body !== undefined && { body }) })
    await eventually(() => expect(world.apps[1]?.counts.requests).toBe(1))
    line.reset()
    expect(answerOf(await asked)).toEqual(wanted)
  })

  it.each([
    ['GET', undefined, [200, 'app0']],
    ['PUT', BODY, [200, 'app0']],
    ['POST', BODY, [503, 'no-answer']]
  ])('%s goes elsewhere where it may be repeated when the line falls silent', async (method, body, wanted) => {
    await using broken = await preferred({ limits: { heartbeatMs: 60_000, unansweredOpenMs: 200, firstByteTimeoutMs: 1_500 } })
    const { world, line } = broken
    line.toServer.stall()
    expect(answerOf(await world.visit('/', { method, ...(body !== undefined && { body }) }))).toEqual(wanted)
  })

  it('gives the next one a body that is still coming, from its beginning', async () => {
    await using broken = await preferred()
    const { world, line } = broken
    const visitor = await world.raw(`PUT /upload HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 8\r\n\r\n1234`)
    await eventually(() => expect(world.apps[1]?.counts.requests).toBe(1))
    line.reset()
    await eventually(() => expect(world.apps[0]?.counts.requests).toBe(1))
    visitor.send('5678')
    await eventually(() => expect(visitor.text).toMatch(/\r\n\r\n8\b/))
    expect(world.server.stats().retried).toBe(1)
    expect(visitor.text).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('gives the next one what the first one got, whatever was read since', async () => {
    let read = 0
    const silent = await listenTcp({ host: '127.0.0.1', port: 0 }, app => app.on('data', (chunk: Buffer) => (read += chunk.length)))
    await using broken = await preferred({}, silent.port)
    const { world, line } = broken
    const body = Array.from({ length: 80_000 }, (_, n) => `${n}\n`.padStart(10, '.')).join('')
    const asked = world.visit('/echo', { method: 'PUT', body })
    await eventually(() => expect(read).toBeGreaterThan(body.length))
    line.reset()
    const echoed = await asked
    expect([echoed.status, echoed.body.toString() === body]).toEqual([200, true])
    await silent.close()
  })

  it('sends a body larger than what is kept to one connector only', async () => {
    await using broken = await preferred({ limits: { heldBodyBytes: 50_000 } })
    const { world, line } = broken
    world.apps[1]?.freeze()
    const asked = world.visit('/', { method: 'PUT', body: BODY })
    await eventually(() => expect(world.apps[1]?.counts.bytesIn).toBeGreaterThan(60_000))
    line.reset()
    expect(answerOf(await asked)).toEqual([503, 'app-closed'])
  })

  it('keeps no more of all bodies together than allowed, and frees it with each answer', async () => {
    await using broken = await preferred({ limits: { heldBytes: 150_000 } })
    const { world, line } = broken
    for (let n = 0; n < 3; n += 1) expect((await world.visit('/upload', { method: 'PUT', body: BODY })).status).toBe(200)
    world.apps[1]?.freeze()
    const asked = [1, 2].map(() => world.visit('/', { method: 'PUT', body: BODY }))
    await eventually(() => expect(world.apps[1]?.counts.bytesIn).toBeGreaterThan(3 * BODY.length + 180_000))
    line.reset()
    expect((await Promise.all(asked)).map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 503])
  })
})

describe('a request that no app has seen', () => {
  it('goes to another connector whatever its method, with its body', async () => {
    const port = await freePort()
    await using broken = await preferred({}, port)
    const { world } = broken
    const answer = await world.visit('/echo', { method: 'POST', body: BODY })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe(BODY)
    expect(world.server.stats().retried).toBe(1)
    releasePorts([port])
  })

  it('lets the others be asked first until the app is there', async () => {
    const port = await freePort()
    await using broken = await preferred({}, port)
    const { world } = broken
    expect((await world.visit('/', { method: 'POST', body: 'x' })).headers['x-app']).toBe('app0')
    await eventually(() => expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live', 'suspect']))
    expect((await world.visit('/')).headers['x-app']).toBe('app0')
    expect(world.server.stats().retried).toBe(1)
    const { startApp } = await import('../../harness/app.ts')
    await using app = await startApp({ name: 'late', port })
    await eventually(() => expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live', 'live']))
    expect((await world.visit('/')).headers['x-app']).toBe(app.name)
    releasePorts([port])
  })
})
