import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import type { Hello } from '../../../src/tunnel/control-channel.ts'
import { type Link, openLink } from '../../../src/tunnel/link.ts'
import { type Copy, MIRROR_HOST, MirrorDecoder } from '../../../src/tunnel/mirror-channel.ts'
import { eventually } from '../../harness/eventually.ts'
import { GrpcVisitor, startGrpcApp } from '../../harness/grpc.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { HOST, request, startWorld, TUNNEL, type World } from './world.ts'

interface Laptop {
  link: Link
  copies: Copy[]
  dropped: { slow: number; large: number }
  /** Hosts of streams that are no copies. */
  visitors: string[]
}

interface LaptopOptions extends Partial<Hello> {
  /** Opens streams, and reads none. */
  deaf?: boolean
  weight?: number
}

async function mirror(world: World, { deaf = false, weight = 255, ...hello }: LaptopOptions = {}): Promise<Laptop> {
  const copies: Copy[] = []
  const dropped = { slow: 0, large: 0 }
  const visitors: string[] = []
  const link = await openLink(
    {
      dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' }),
      bind: { tunnelId: TUNNEL, weight },
      hello: { kind: 'agent', who: 'ada@mill', mirror: 1, ...hello },
      clock: systemClock,
      log: silent,
      onStream(stream) {
        if (stream.destination.host !== MIRROR_HOST) {
          visitors.push(stream.destination.host)
          stream.decline()
          return
        }
        const decoder = new MirrorDecoder()
        stream.connection.on('error', () => {})
        if (deaf) return
        stream.connection.on('data', (chunk: Buffer) => {
          for (const message of decoder.push(chunk)) {
            if (message.type === 'copy') copies.push(message)
            else {
              dropped.slow += message.slow
              dropped.large += message.large
            }
          }
        })
      }
    },
    new AbortController().signal
  )
  return { link, copies, dropped, visitors }
}

const answers = (world: World, count: number): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { status, headers } = await world.visit(`/echo?${n}`)
      return `${status} ${String(headers['x-app'])}`
    })
  )

describe('a connector that mirrors', () => {
  it('gets a copy of each request and its answer, and no visitor, whatever its weight', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world)
    expect(await answers(world, 20)).toEqual(Array(20).fill('200 app0'))
    await eventually(() => expect(laptop.copies).toHaveLength(20))
    expect(laptop.visitors).toEqual([])
    expect(laptop.dropped).toEqual({ slow: 0, large: 0 })
    for (const copy of laptop.copies) {
      expect(copy.request.toString()).toMatch(/^GET \/echo\?\d+ HTTP\/1\.1\r\n[^]*\r\n\r\n$/)
      expect(copy.response.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(copy).toMatchObject({ source: expect.stringMatching(/^127\.0\.0\.1:\d+$/) })
    }
    await laptop.link.close()
  })

  it('gets bodies as they travelled, and the beginning of a long answer', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world)
    const body = 'x'.repeat(300_000)
    const { body: whole } = await world.visit('/echo', { method: 'POST', body })
    expect(whole.length).toBe(300_000)
    await eventually(() => expect(laptop.copies).toHaveLength(1))
    const [copy] = laptop.copies
    expect(copy?.request.toString().endsWith(body)).toBe(true)
    const head = copy?.response.indexOf('\r\n\r\n') ?? 0
    expect(copy?.response.length).toBe(head + 4 + 65_536)
    expect(copy?.whole).toBeGreaterThanOrEqual(head + 4 + 300_000)
    await laptop.link.close()
  })

  it('gets requests of HTTP/2 as they went to the app, but no gRPC calls', async () => {
    await using app = await startGrpcApp()
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world)
    using session = await openHttp2(world.url)
    const at = { ':authority': HOST, 'x-user': 'ada' }
    await visitHttp2(session, { ...at, ':path': '/prices' })
    const posted = await visitHttp2(session, { ...at, ':method': 'POST', ':path': '/echo' }, { body: 'hello' })
    expect(posted.text).toBe('hello')
    await eventually(() => expect(laptop.copies).toHaveLength(2))
    const [get = '', post = ''] = laptop.copies.map(copy => copy.request.toString())
    expect(get).toMatch(new RegExp(`^GET /prices HTTP/1\\.1\r\nHost: ${HOST}\r\nx-user: ada\r\n`))
    expect(post).toMatch(/^POST \/echo HTTP\/1\.1\r\n[^]*Transfer-Encoding: chunked\r\n[^]*\r\n5\r\nhello\r\n0\r\n\r\n$/)
    expect(laptop.copies.map(copy => copy.response.toString('latin1', 0, 15))).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK'])

    await world.addSidecar(app.port, { weight: 255 })
    using client = new GrpcVisitor(world.server.entrypointPort, HOST)
    await client.say('hello')
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, mirrors: { copies: 2 } }))
    expect(laptop.copies).toHaveLength(2)
    await laptop.link.close()
  })

  it('is told how many requests were too large to be copied, and gets the others', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world)
    expect((await world.visit('/echo', { method: 'POST', body: 'x'.repeat(1_048_577) })).status).toBe(200)
    expect((await world.visit('/')).status).toBe(200)
    await eventually(() => expect(laptop.copies).toHaveLength(1))
    await eventually(() => expect(laptop.dropped).toEqual({ slow: 0, large: 1 }))
    await laptop.link.close()
  })

  it('gets its part of the requests', async () => {
    let draws = 0
    await using world = await startWorld({ weights: [1], server: { random: () => ((draws += 1) % 4) / 4 } })
    const none = await mirror(world, { mirror: 0 })
    const some = await mirror(world, { mirror: 0.5 })
    for (let n = 0; n < 40; n += 1) await world.visit('/')
    await eventually(() => expect(some.copies.length).toBeGreaterThan(5))
    expect(some.copies.length).toBeLessThan(35)
    expect(none.copies).toEqual([])
    await Promise.all([none.link.close(), some.link.close()])
  })

  it('gets only what its filter matches, beside another with the same filter', async () => {
    await using world = await startWorld({ weights: [1] })
    const filter = 'header.x-user:ada'
    const copies = await mirror(world, { filter, session: 'a' })
    const also = await mirror(world, { filter, session: 'b' })
    for (const user of ['ada', 'bob', 'ada']) await world.visit(`/${user}`, { headers: { 'x-user': user } })
    await eventually(() => expect([copies, also].map(({ copies: got }) => got.length)).toEqual([2, 2]))
    expect(copies.copies.every(({ request: bytes }) => bytes.toString().startsWith('GET /ada '))).toBe(true)
    await Promise.all([copies.link.close(), also.link.close()])
  })

  it('stands in for nobody: without another connector visitors are refused', async () => {
    await using world = await startWorld({ weights: [] })
    const laptop = await mirror(world)
    expect((await world.visit('/')).headers['x-intercept-error']).toBe('no-connector')
    expect(laptop.visitors).toEqual([])
    expect(laptop.copies).toEqual([])
    await laptop.link.close()
  })

  it('does not see upgrades, nor requests whose visitor left', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world)
    const upgrade = await world.raw(request('/upgrade', 'Connection: Upgrade\r\nUpgrade: x-echo\r\n'))
    await eventually(() => expect(upgrade.text).toMatch(/^HTTP\/1\.1 /))
    const leaving = await world.raw(request('/slow/5000'))
    await eventually(() => expect(world.server.stats().active).toBeGreaterThan(0))
    leaving.socket.destroy()
    expect((await world.visit('/last')).status).toBe(200)
    await eventually(() => expect(laptop.copies.map(({ request: bytes }) => bytes.toString().split(' ')[1])).toEqual(['/last']))
    await laptop.link.close()
  })

  it('costs visitors nothing when it reads nothing: what does not fit is dropped and counted', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world, { deaf: true })
    const body = 'x'.repeat(900_000)
    for (let n = 0; n < 24; n += 1) expect((await world.visit('/echo', { method: 'POST', body })).status).toBe(200)
    expect(world.server.stats().mirrors).toMatchObject({ dropped: expect.any(Number) })
    expect(world.server.stats().mirrors.dropped).toBeGreaterThan(3)
    expect(world.server.stats().mirrors.heldBytes).toBeLessThan(10_000_000)
    await laptop.link.close()
    await eventually(() => expect(world.server.stats().mirrors.heldBytes).toBe(0))
  })

  it('is forgotten when its line breaks, with all that waited for it', async () => {
    await using world = await startWorld({ weights: [1] })
    const laptop = await mirror(world, { deaf: true })
    await answers(world, 10)
    laptop.link.reset('killed')
    expect(await answers(world, 10)).toEqual(Array(10).fill('200 app0'))
    await eventually(() => expect(world.server.stats().connectors).toHaveLength(1))
    expect(world.server.stats().mirrors.heldBytes).toBe(0)
  })
})
