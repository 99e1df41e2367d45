/** UDP through our server and sidecar. */
import { describe, expect, it } from 'vitest'
import type { ServerLimits } from '../../../src/server/limits.ts'
import { eventually } from '../../harness/eventually.ts'
import { echo, udpPeer } from '../../harness/udp.ts'
import { startWorld, TUNNEL, type World } from './world.ts'

const udpWorld = (limits: Partial<ServerLimits> = {}): Promise<World> =>
  startWorld({ weights: [], limits, server: { entrypoints: [], udpEntrypoints: [{ host: '127.0.0.1', port: 0, tunnelId: TUNNEL }] } })

const portOf = (world: World): number => world.server.udpPorts[0] ?? 0

describe('UDP entrypoint', () => {
  it('carries datagrams whole, one stream and one address at the app for each source', async () => {
    using app = await udpPeer(echo)
    await using world = await udpWorld()
    await world.addSidecar(app.port, { network: 'udp' })
    using one = await udpPeer()
    using two = await udpPeer()
    for (const text of ['a', '', 'x'.repeat(3_000)]) one.send(text, portOf(world))
    two.send('b', portOf(world))
    await eventually(() => expect([one.heard, two.heard]).toEqual([['re: a', 're: ', `re: ${'x'.repeat(3_000)}`], ['re: b']]))
    expect(app.sources.size).toBe(2)
    expect(world.server.stats().connectors).toMatchObject([{ active: 2 }])
  })

  it('ends the stream of a source that is silent, and opens one for its next datagram', async () => {
    using app = await udpPeer(echo)
    await using world = await udpWorld({ udpIdleMs: 100 })
    await world.addSidecar(app.port, { network: 'udp' })
    using visitor = await udpPeer()
    visitor.send('a', portOf(world))
    await eventually(() => expect(visitor.heard).toHaveLength(1))
    await eventually(() => expect(world.server.stats().connectors).toMatchObject([{ active: 0 }]))
    visitor.send('b', portOf(world))
    await eventually(() => expect(visitor.heard).toEqual(['re: a', 're: b']))
    expect(app.sources.size).toBe(2)
  })

  it('has no more sources than allowed', async () => {
    using app = await udpPeer(echo)
    await using world = await udpWorld({ udpSources: 1 })
    await world.addSidecar(app.port, { network: 'udp' })
    using one = await udpPeer()
    using two = await udpPeer()
    one.send('a', portOf(world))
    await eventually(() => expect(one.heard).toHaveLength(1))
    two.send('b', portOf(world))
    await eventually(() => expect(world.server.stats().refusals).toEqual({ 'too-many-sources': 1 }))
    expect([app.heard, two.heard]).toEqual([['a'], []])
  })

  it('drops what nobody is there for, also when only a TCP connector is', async () => {
    using app = await udpPeer(echo)
    await using world = await udpWorld()
    using visitor = await udpPeer()
    visitor.send('a', portOf(world))
    await eventually(() => expect(world.server.stats().refused).toBe(1))
    const tcp = await world.addSidecar(1)
    visitor.send('b', portOf(world))
    await eventually(() => expect(world.server.stats().refused).toBe(2))
    expect(tcp.streams).toBe(0)
    await world.addSidecar(app.port, { network: 'udp' })
    visitor.send('c', portOf(world))
    await eventually(() => expect(visitor.heard).toEqual(['re: c']))
  })

  it('ends the stream to an app that is not there, and works when it is', async () => {
    const app = await udpPeer()
    const { port } = app
    app[Symbol.dispose]()
    await using world = await udpWorld()
    const sidecar = await world.addSidecar(port, { network: 'udp' })
    using visitor = await udpPeer()
    visitor.send('a', portOf(world))
    await eventually(() => {
      expect(sidecar.streams).toBeGreaterThan(0)
      expect(world.server.stats().connectors).toMatchObject([{ active: 0 }])
    })
  })
})
