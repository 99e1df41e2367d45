import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lookAtClaims } from '../../../src/claim/look.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { claimWorld, TUNNEL, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await claimWorld()
})
afterEach(() => world.close())

describe('a look at the claims', () => {
  it('shows who is there, without what is between the sessions only, and leaves out who is gone', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await ada.claim.want({ weight: 255 }, 'refuse', ada.stop.signal)
    await bob.claim.want({ weight: 255, filter: 'path:/a', privateTunnel: 'secret' }, 'refuse', bob.stop.signal)
    const cluster = await connectToFake(world.fake)
    try {
      const at = (ms: number) => lookAtClaims(cluster, { namespace: 'shop', now: new Date(Date.now() + ms) })
      const now = await at(0)
      expect(now.of(TUNNEL)).toMatchObject([
        { user: 'ada@one', weight: 255 },
        { user: 'bob@two', weight: 255, filter: 'path:/a' }
      ])
      expect([now.of(TUNNEL, 'shop').length, now.of(TUNNEL, 'copy-of-shop').length]).toEqual([2, 0])
      expect(JSON.stringify(now.of(TUNNEL))).not.toContain('secret')
      expect(now.of('00000000-0000-4000-8000-000000000000')).toEqual([])
      expect((await at(60_000)).of(TUNNEL)).toEqual([])
    } finally {
      await cluster.close()
    }
  })
})
