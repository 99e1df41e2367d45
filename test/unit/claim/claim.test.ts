import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { filterName, holderName, tunnelHash } from '../../../src/claim/lease.ts'
import { eventually } from '../../harness/eventually.ts'
import { claimWorld, type Person, TIMES, TUNNEL, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await claimWorld()
})
afterEach(() => world.close())

const ALL = { weight: 255 }
const tunnel = tunnelHash(TUNNEL)
const names = (): string[] => world.leases().map(({ metadata }) => metadata.name)
const want = (person: Person, wish: Parameters<Person['claim']['want']>[0], manner: 'refuse' | 'takeover' | 'join' = 'refuse') =>
  person.claim.want(wish, manner, person.stop.signal)
/** As a laptop that sleeps, or after SIGKILL: nothing is renewed. */
const STILL = { renewMs: 1e6, expireMs: 1e6, tickMs: 1e6, pollMs: 1e6, handOverMs: 500 }
/** Its calendar is an hour late. */
const slow = (): Clock => ({ ...systemClock, date: () => new Date(systemClock.date().getTime() - 3_600_000) })

describe('the holder', () => {
  it('has a Lease of its own and one named by a hash, owned by the workload, without the tunnel id', async () => {
    const ada = await world.person('ada@one')
    await want(ada, ALL)
    expect(ada.claim.holding).toBe(true)
    expect(names()).toContain(holderName(tunnel))
    expect(names()).toHaveLength(2)
    for (const { metadata, spec } of world.leases()) {
      expect(metadata).toMatchObject({ namespace: 'shop', labels: { 'intercept/tunnel': tunnel } })
      expect(metadata.ownerReferences).toEqual([{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx', uid: 'u1' }])
      expect(spec).toMatchObject({ holderIdentity: 'ada@one', leaseDurationSeconds: 30 })
    }
    expect(JSON.stringify(world.leases())).not.toContain(TUNNEL.slice(0, 8))
    expect(ada.actions()).toEqual(['acquired'])
  })

  it('is one of ten who start at once, and the others are refused by its name', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, (_, index) => world.person(`user${index}@host${index}`)))
    const results = await Promise.allSettled(people.map(person => want(person, ALL)))
    expect(people.filter(({ claim }) => claim.holding)).toHaveLength(1)
    const winner = results.findIndex(({ status }) => status === 'fulfilled')
    const refusals = results.flatMap(result => (result.status === 'rejected' ? [result.reason as unknown] : []))
    expect(refusals).toHaveLength(9)
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({
        code: 'TAKEN',
        message: expect.stringMatching(`^user${winner}@host${winner} has nginx since .*\\(all visitors\\)$`),
        hint: expect.stringMatching(/add --takeover .* --join .*kubectl intercept list$/),
        details: { holder: `user${winner}@host${winner}`, weight: 255 }
      })
    }
    expect(names()).toHaveLength(2)
  })

  it('renews its Leases, and leaves none at the end', async () => {
    const ada = await world.person('ada@one')
    await want(ada, ALL)
    const before = world.leases().map(({ spec }) => spec.renewTime)
    await eventually(() =>
      expect(
        world
          .leases()
          .map(({ spec }) => spec.renewTime)
          .filter(time => before.includes(time))
      ).toEqual([])
    )
    await ada.claim.close()
    expect(names()).toEqual([])
    expect(ada.actions()).toEqual(['acquired', 'released'])
  })

  it('leaves no visitor to whoever takes less, who is told so', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(bob, { weight: 1 })
    expect(bob.notices()).toEqual([])
    await want(ada, ALL)
    await want(bob, { weight: 2 })
    expect(bob.notices().at(-1)).toBe('EXCLUDED')
  })

  it('is no longer who takes a lower weight, and again who raises it', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, ALL)
    await want(ada, { weight: 100 })
    expect(ada.claim.holding).toBe(false)
    await want(bob, ALL)
    await expect(want(ada, ALL)).rejects.toMatchObject({ code: 'TAKEN', details: { holder: 'bob@two' } })
    const own = world.leases().find(({ spec }) => spec.holderIdentity === 'ada@one')
    expect(own?.metadata.annotations?.['intercept/session']).toContain('"weight":100')
  })

  it('is left nowhere when the start is stopped in the middle of it', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, ALL)
    const asking = want(bob, ALL, 'takeover')
    await eventually(() => expect(bob.notices()).toEqual(['TAKEOVER']))
    bob.stop.abort(new DOMException('stopped', 'AbortError'))
    await expect(asking).rejects.toThrow('stopped')
    await bob.claim.close()
    await ada.claim.close()
    expect(names()).toEqual([])
  })
})

describe('somebody else who wants all', () => {
  it('shares on purpose with --join, and becomes the holder when the first has left', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, ALL)
    await want(bob, ALL, 'join')
    expect(bob.claim.holding).toBe(false)
    expect(bob.notices()).toEqual(['SHARED'])
    // Once each, also when it says again what it wants.
    await want(bob, { ...ALL, privateTunnel: 'p' }, 'join')
    await eventually(() => expect(ada.notices()).toEqual(['SHARED']))
    expect([ada.actions(), bob.notices()]).toEqual([['acquired', 'beside'], ['SHARED']])
    await eventually(() => expect(ada.claim.others).toMatchObject([{ user: 'bob@two', weight: 255 }]))
    await ada.claim.close()
    await eventually(() => expect(bob.claim.holding).toBe(true))
  })

  it.each([
    ['watching', []],
    ['asking again, without the right to watch', ['watch']]
  ] as const)('has it handed over with --takeover: the first is told by %s', async (_how, forbidden) => {
    for (const verb of forbidden) world.fake.forbid(verb, 'leases')
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, ALL)
    const asking = want(bob, ALL, 'takeover')
    await eventually(() => expect(ada.taken).toMatchObject([{ user: 'bob@two', session: bob.session }]))
    expect(bob.claim.holding).toBe(false)
    await ada.claim.close()
    await asking
    expect(bob.claim.holding).toBe(true)
    expect(ada.actions()).toEqual(['acquired', 'taken', 'released'])
    expect(bob.notices()).toEqual(['TAKEOVER'])
  })

  it('takes it from a first session that does not answer, and says that both may share', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two', { times: { ...TIMES, handOverMs: 300 } })]
    await want(ada, ALL)
    await want(bob, ALL, 'takeover')
    expect(bob.claim.holding).toBe(true)
    expect(bob.notices()).toEqual(['TAKEOVER', 'SHARED'])
    await eventually(() => expect(ada.claim.holding).toBe(false))
    expect(ada.taken).toHaveLength(1)
  })

  it('gets it at once from a process of the same host that is gone', async () => {
    const ada = await world.person('ada@one', { pid: 4711, times: STILL })
    await want(ada, ALL)
    const again = await world.person('ada@one', { runs: pid => pid !== 4711 })
    await want(again, ALL)
    expect(again.claim.holding).toBe(true)
    expect(again.actions()).toEqual(['expired', 'acquired'])
    await eventually(() => expect(names()).toHaveLength(2))
  })
})

describe('a Lease that nobody renews', () => {
  it('is ignored and removed by the next session, also without the right to watch', async () => {
    world.fake.forbid('watch', 'leases')
    const ada = await world.person('ada@one', { times: STILL })
    await want(ada, { weight: 30 })
    const bob = await world.person('bob@two')
    await want(bob, { weight: 30 })
    expect(bob.claim.others).toMatchObject([{ user: 'ada@one' }])
    await eventually(() => expect(bob.claim.others).toEqual([]))
    await eventually(() => expect(names()).toHaveLength(1))
    await eventually(() => expect(bob.actions()).toEqual(['beside', 'expired']))
  })

  it('is waited for when it looks old, and then taken', async () => {
    const ada = await world.person('ada@one', { times: STILL })
    await want(ada, ALL)
    for (const lease of world.leases()) {
      const spec = { ...lease.spec, renewTime: '2020-01-01T00:00:00.000000Z' }
      world.fake.set('leases', { ...lease, spec })
    }
    const bob = await world.person('bob@two')
    await want(bob, ALL)
    expect(bob.notices()).toEqual(['CLAIM_OLD'])
    expect(bob.claim.holding).toBe(true)
  })

  it('is not taken when its clock is wrong but its session lives', async () => {
    const ada = await world.person('ada@one', { clock: slow() })
    await want(ada, ALL)
    const bob = await world.person('bob@two')
    await expect(want(bob, ALL)).rejects.toMatchObject({ code: 'TAKEN' })
    expect(bob.notices()).toEqual(['CLAIM_OLD'])
  })

  it('that somebody took meanwhile is not stolen back by a laptop that wakes up', async () => {
    const ada = await world.person('ada@one', { times: { ...STILL, tickMs: 15, renewMs: 1_600 } })
    await want(ada, ALL)
    const bob = await world.person('bob@two')
    await eventually(() => want(bob, ALL))
    await eventually(() => expect(ada.taken).toMatchObject([{ user: 'bob@two' }]))
    expect(ada.claim.holding).toBe(false)
    expect(ada.notices()).toEqual(['CLAIM_TAKEN'])
    expect(bob.claim.holding).toBe(true)
  })
})

describe('filters', () => {
  it('live side by side, with what the holder needs to pass requests on', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, { weight: 255, filter: 'header.x-user:a', privateTunnel: 'aaaa' })
    await want(bob, { weight: 255, filter: 'header.x-user:b', privateTunnel: 'bbbb' })
    await eventually(() => expect(ada.claim.others).toMatchObject([{ user: 'bob@two', filter: 'header.x-user:b', privateTunnel: 'bbbb' }]))
    expect(await ada.claim.tryHold()).toBe(true)
    expect(await bob.claim.tryHold()).toBe(false)
    await eventually(() => expect(bob.claim.holder).toMatchObject({ user: 'ada@one', filter: 'header.x-user:a' }))
  })

  it('tell each of the other, in one line', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, { weight: 255, filter: 'path:/a' })
    await want(bob, { weight: 255, filter: 'path:/b' })
    const said = (person: typeof ada): unknown[] =>
      person.said.filter(({ type }) => type === 'notice').map(({ body }) => String(body['message']).replace(/since [\d:]+/, 'since …'))
    expect(said(bob)).toEqual(['ada@one intercepts nginx too, since … (those with path:/a)'])
    await eventually(() => expect(said(ada)).toEqual(['bob@two intercepts nginx too, since … (those with path:/b)']))
    await want(bob, { weight: 255, filter: 'path:/c' })
    expect([...said(ada), ...said(bob)]).toHaveLength(2)
  })

  it('tell who waits when the holder goes, and one of them becomes the holder', async () => {
    const people = await Promise.all(['a', 'b', 'c'].map(name => world.person(`${name}@${name}`)))
    for (const [index, person] of people.entries()) await want(person, { weight: 255, filter: `header.x-user:${index}` })
    const [first, ...rest] = people
    expect(await first?.claim.tryHold()).toBe(true)
    for (const { claim } of rest) claim.onChange(() => void (claim.holder === undefined && claim.tryHold()))
    await eventually(() => expect(rest.every(({ claim }) => claim.holder !== undefined)).toBe(true))
    await first?.claim.close()
    await eventually(() => expect(rest.filter(({ claim }) => claim.holding)).toHaveLength(1))
  })

  it('that are the same are refused by name, also when both start at once', async () => {
    const people = await Promise.all(['ada@one', 'bob@two'].map(user => world.person(user)))
    const results = await Promise.allSettled(people.map(person => want(person, { weight: 255, filter: 'path:/api/*' })))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused).toMatchObject([{ reason: { code: 'TAKEN', message: expect.stringContaining('(those with path:/api/*)') } }])
    expect(names()).toEqual([filterName(tunnel, 'path:/api/*')])
  })

  it('can be changed, and the one before is free for others', async () => {
    const [ada, bob] = [await world.person('ada@one'), await world.person('bob@two')]
    await want(ada, { weight: 255, filter: 'path:/a' })
    await want(ada, { weight: 255, filter: 'path:/b' })
    expect(names()).toEqual([filterName(tunnel, 'path:/b')])
    await want(bob, { weight: 255, filter: 'path:/a' })
    await expect(want(ada, { weight: 255, filter: 'path:/a' })).rejects.toMatchObject({ code: 'TAKEN' })
    expect(names().sort()).toEqual([filterName(tunnel, 'path:/a'), filterName(tunnel, 'path:/b')].sort())
  })

  it('of somebody who wants all besides do not get in his way', async () => {
    const [ada, bob, eve] = [await world.person('ada@one'), await world.person('bob@two'), await world.person('eve@three')]
    await want(ada, { weight: 255, filter: 'path:/a' })
    expect(await ada.claim.tryHold()).toBe(true)
    await want(bob, ALL)
    expect(bob.claim.holding).toBe(false)
    await eventually(() => expect(eve.claim.others).toHaveLength(2))
    await expect(want(eve, ALL)).rejects.toMatchObject({ code: 'TAKEN', details: { holder: 'bob@two' } })
  })
})

describe('without the rights', () => {
  it.each([
    ['to anything', ['list', 'watch', 'create', 'update', 'delete']],
    ['to write', ['create', 'update', 'delete']],
    ['to renew', ['update']]
  ])('%s it is said once, and all goes on', async (_what, verbs) => {
    for (const verb of verbs) world.fake.forbid(verb, 'leases')
    const ada = await world.person('ada@one')
    await want(ada, ALL)
    await want(ada, { weight: 30 })
    await want(ada, ALL)
    expect(ada.claim).toMatchObject({ told: false, holding: false })
    expect(ada.actions()).toEqual(['unavailable'])
    expect(ada.notices()).toEqual(['CLAIM_UNAVAILABLE'])
    expect(names()).toEqual([])
  })

  it('to write, somebody who can be seen to have it is not asked, but named', async () => {
    const ada = await world.person('ada@one')
    await want(ada, ALL)
    for (const verb of ['create', 'update', 'delete']) world.fake.forbid(verb, 'leases')
    const bob = await world.person('bob@two')
    await expect(want(bob, ALL)).rejects.toMatchObject({ code: 'TAKEN', details: { holder: 'ada@one' } })
    await expect(want(bob, ALL, 'takeover')).rejects.toMatchObject({ message: expect.stringContaining('cannot be asked') })
    await want(bob, ALL, 'join')
  })

  it('goes on when the API server fails', async () => {
    const ada = await world.person('ada@one')
    world.fake.failNext(5, 500)
    await want(ada, ALL)
    expect(ada.actions()).toEqual(['unavailable'])
  })
})
