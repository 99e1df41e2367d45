import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../harness/fake-clock.ts'
import { rateLimit } from '../../../src/server/rate-limit.ts'
import { type Connector, MemoryRegistry } from '../../../src/server/registry.ts'

const connector = (tunnelId: string, id = crypto.randomUUID()): Connector => ({
  id,
  tunnelId,
  peer: 'ours',
  active: 0,
  hello: undefined,
  weight: 1,
  network: 'tcp',
  condition: 'live',
  open: () => {
    throw new Error('not opened here')
  }
})

describe('registry', () => {
  it('keeps connectors per tunnel in the order of their binding', () => {
    const registry = new MemoryRegistry({ connectorsPerTunnel: 9, tunnels: 9 })
    const [a, b, c, other] = [connector('t'), connector('t'), connector('t'), connector('u')]
    for (const one of [a, b, other, c, a]) registry.add(one)
    expect(registry.connectors('t')).toEqual([a, b, c])
    expect([...registry.all()]).toEqual([a, b, c, other])
    registry.remove(b)
    registry.remove(b)
    expect(registry.connectors('t')).toEqual([a, c])
    expect(registry.connectors('nobody')).toEqual([])
  })

  it('has room for so many connectors of a tunnel, and for so many tunnels', () => {
    const registry = new MemoryRegistry({ connectorsPerTunnel: 2, tunnels: 2 })
    const [a, b] = [connector('t'), connector('t')]
    registry.add(a)
    expect(registry.hasRoom('t')).toBe(true)
    registry.add(b)
    expect(registry.hasRoom('t')).toBe(false)
    registry.add(connector('u'))
    expect([registry.hasRoom('u'), registry.hasRoom('v')]).toEqual([true, false])
    registry.remove(a)
    registry.remove(b)
    expect([registry.hasRoom('t'), registry.hasRoom('v')]).toEqual([true, true])
  })
})

describe('rate limit', () => {
  it('allows a burst of one second’s worth, then so many per second', async () => {
    const clock = fakeClock()
    const take = rateLimit({ perSecond: 4, clock })
    const count = (): number => Array.from({ length: 10 }, take).filter(Boolean).length
    expect(count()).toBe(4)
    expect(count()).toBe(0)
    await clock.advance(500)
    expect(count()).toBe(2)
    await clock.advance(60_000)
    expect(count()).toBe(4)
  })
})
