/** Our server with stock connectors: what a stock server gets wrong must not happen here (a reset session, a frozen neighbour, a black hole). */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/server/limits.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { type Gost, type GostVersion, startGostClient } from '../harness/gost.ts'
import { HOST, request, startWorld, TUNNEL, type World } from '../unit/server/world.ts'

const versions: readonly GostVersion[] = ['ga', 'nightly']
const limits = { ...DEFAULT_LIMITS }

describe.each(versions)('our server with stock gost %s connectors', version => {
  const connect = (world: World, target: string, weight = 1): Promise<Gost> =>
    startGostClient({ version, serverPort: world.server.tunnelPort, tunnelId: TUNNEL, target, weight })

  it('carries 200 concurrent bodies of 1 B to 400 kB unchanged, again and again', async () => {
    await using world = await startWorld({ weights: [], limits })
    await using app = await startApp()
    await using _gost = await connect(world, app.address)
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        Array.from({ length: 200 }, async (_, n) => {
          const body = randomBytes(1 + n * 2_000)
          expect((await world.visit('/echo', { method: 'POST', body })).body.equals(body)).toBe(true)
        })
      )
    }
    expect(world.server.stats()).toMatchObject({ binds: 1, active: 0 })
  })

  it('keeps the session through a Host of 300 bytes, a silent TLS app, visitors that leave, and stalled downloads', async () => {
    await using world = await startWorld({
      weights: [],
      limits: { ...limits, headTimeoutMs: 500 },
      server: { rules: [{ host: '*', tunnelId: TUNNEL }] }
    })
    await using app = await startApp()
    await using _gost = await connect(world, app.address)
    expect((await world.visit('/', { host: `${'a'.repeat(300)}.nginx.local` })).status).toBe(502)
    const client = tls.connect({ host: '127.0.0.1', port: world.server.entrypointPort, servername: 'silent.local' })
    client.on('error', () => {})
    const leaving = await world.raw(request('/slow/20000'))
    const stalled = await Promise.all(Array.from({ length: 5 }, () => world.raw(request('/size/60000000'))))
    for (const visitor of stalled) visitor.socket.pause()
    await eventually(() => expect(app.counts.requests).toBe(6))
    const open = app.counts.open
    leaving.socket.destroy()
    await eventually(() => expect(app.counts.open).toBe(open - 1))
    for (let n = 0; n < 5; n += 1) expect((await world.visit('/', { timeoutMs: 2_000 })).status).toBe(200)
    client.destroy()
    expect(world.server.stats().binds).toBe(1)
  })

  it('finds a frozen connector at 255 by its first unanswered stream, within four seconds', async () => {
    await using world = await startWorld({ weights: [], limits })
    await using pod = await startApp({ name: 'pod' })
    await using laptop = await startApp({ name: 'laptop' })
    await using _sidecar = await connect(world, pod.address)
    await using frozen = await connect(world, laptop.address, 255)
    expect((await world.visit('/')).text).toBe('laptop\n')
    frozen.kill('SIGSTOP')
    // The signal takes a moment to reach all threads.
    await eventually(() => expect(readFileSync(`/proc/${frozen.pid}/stat`, 'utf8')).toMatch(/\) T /))
    const first = await world.visit('/')
    expect(first.text).toBe('pod\n')
    expect(first.ms).toBeLessThan(4_000)
    const next = await world.visit('/')
    expect(next.text).toBe('pod\n')
    expect(next.ms).toBeLessThan(1_000)
    frozen.kill('SIGCONT')
    await eventually(async () => expect((await world.visit('/')).text).toBe('laptop\n'), { timeoutMs: 15_000 })
  })

  it('passes TLS through to the app behind it', async () => {
    const certs = new URL('../fixtures/certs/', import.meta.url)
    const [cert, key] = [readFileSync(new URL('server.pem', certs)), readFileSync(new URL('server.key', certs))]
    const app = tls.createServer({ cert, key }, (socket: Socket) => socket.on('error', () => {}).pipe(socket))
    await new Promise<void>(done => app.listen(0, '127.0.0.1', done))
    await using world = await startWorld({ weights: [], limits })
    await using _gost = await connect(world, `127.0.0.1:${(app.address() as AddressInfo).port}`)
    const client = tls.connect({ host: '127.0.0.1', port: world.server.entrypointPort, servername: HOST, rejectUnauthorized: false })
    let echoed = 0
    client.on('data', (chunk: Buffer) => (echoed += chunk.length))
    client.write(Buffer.alloc(300_000))
    await eventually(() => expect(echoed).toBe(300_000))
    client.destroy()
    app.close()
  })
})
