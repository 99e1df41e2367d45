import { describe, expect, it } from 'vitest'
import { startSidecarSet } from '../../../src/server/sidecar-set.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { addressesOf } from '../../../src/transport/addresses.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import type { Dial } from '../../../src/base/connection.ts'
import { eventually } from '../../harness/eventually.ts'
import { startWorld, TUNNEL, type World } from './world.ts'

const dialOf = (world: World): Dial => dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' })
const connectors = (world: World): number => world.server.stats().connectors.length
const settings = (world: World) => ({
  tunnelId: TUNNEL,
  weight: 1,
  target: { host: '127.0.0.1', port: world.apps[0]?.port ?? 0 },
  lookMs: 20
})

describe('a sidecar behind a name with several addresses', () => {
  it('is registered with each, and with each that comes; one that is gone keeps its connector until it ends', async () => {
    await using one = await startWorld()
    await using two = await startWorld({ weights: [] })
    const worlds = new Map([
      ['10.0.0.1', one],
      ['10.0.0.2', two]
    ])
    let addresses = ['10.0.0.1']
    const dialTo = (address: string): Dial => dialOf(worlds.get(address) ?? one)
    const sidecar = startSidecarSet({ ...settings(one), addresses: async () => addresses, dialTo })
    await sidecar.ready
    expect([connectors(one), connectors(two), sidecar.bound]).toEqual([2, 0, 1])
    addresses = ['10.0.0.1', '10.0.0.2']
    await eventually(() => expect([connectors(one), connectors(two), sidecar.bound]).toEqual([2, 1, 2]))
    expect((await two.visit('/')).status).toBe(200)
    addresses = ['10.0.0.1']
    expect((await two.visit('/')).status).toBe(200)
    await two.server.close()
    await eventually(() => expect(sidecar.bound).toBe(1))
    expect(sidecar.streams).toBe(2)
    await sidecar.close()
  })

  it('waits for a name that is not known yet, and keeps what it has while the name is not known', async () => {
    await using world = await startWorld({ weights: [] })
    let known = false
    const addresses = async (): Promise<string[]> => {
      if (!known) throw new Error('getaddrinfo ENOTFOUND proxy')
      return ['10.0.0.1']
    }
    const sidecar = startSidecarSet({ ...settings(world), addresses, dialTo: () => dialOf(world) })
    expect(sidecar.bound).toBe(0)
    known = true
    await sidecar.ready
    known = false
    await eventually(() => expect(sidecar.bound).toBe(1))
    await sidecar.stop(AbortSignal.timeout(1_000))
    await eventually(() => expect(connectors(world)).toBe(0))
  })

  it('has one address for all replicas: is bound to the next before the one that leaves is gone', async () => {
    await using old = await startWorld({ weights: [] })
    await using next = await startWorld()
    let target = old
    const sidecar = startSidecarSet({
      ...settings(next),
      addresses: async () => ['10.96.0.1'],
      dialTo: () => signal => dialOf(target)(signal)
    })
    await sidecar.ready
    target = next
    const drained = old.server.drain({ delayMs: 1_000, graceMs: 100 })
    await eventually(() => expect([connectors(old), connectors(next), sidecar.bound]).toEqual([1, 2, 2]))
    expect((await old.visit('/')).status).toBe(200)
    await drained
    await eventually(() => expect([connectors(next), sidecar.bound]).toEqual([2, 1]))
    await sidecar.close()
  })
})

describe('addresses of a name', () => {
  it('are those of the system', async () => {
    expect(await addressesOf('localhost')).toContain('127.0.0.1')
    await expect(addressesOf('nobody.invalid')).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/)
  })
})
