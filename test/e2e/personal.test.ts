/** Two people with a filter each, and visitors without, in front of a stock server: whose request lands where, by the bodies that came back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { COUNT, landed, whom } from './landed.ts'
import { article } from './manifests.ts'
import { READER, user } from './user.ts'
import { endAll, intercept, interceptOn, localApp, type Session, type World, world } from './world.ts'

let shop: World
const apps: Record<string, Awaited<ReturnType<typeof localApp>>> = {}
const sessions: Session[] = []

function start(name: string, user: string, ...more: string[]): Session {
  return startOn(intercept, name, user, ...more)
}

function startOn(begin: typeof intercept, name: string, user: string, ...more: string[]): Session {
  const flags = ['--header', `X-User: ${user}`, '--through-laptop', '--return-limit', '5000', ...more]
  const session = begin(shop.namespace, 'svc/nginx', '--port', String(apps[name]?.port), ...flags)
  sessions.push(session)
  return session
}

beforeAll(async () => {
  shop = await world('personal', article())
  for (const name of ['ada', 'bob']) apps[name] = await localApp(0, name)
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
})
afterAll(() => {
  endAll()
  shop.remove()
})

describe('a personal intercept in front of a stock server', () => {
  it('gets exactly what matches; all others are answered by the pods', async () => {
    const ada = start('ada', 'a')
    await ada.state('verified')
    expect(await landed(shop)).toEqual([{ ada: COUNT }, { pod: COUNT }, { pod: COUNT }])
    const returned = () => ada.events.filter(event => event.type === 'exchange.started' && event.why === 'filter')
    await eventually(() => expect(returned().length).toBeGreaterThanOrEqual(2 * COUNT))
  }, 60_000)

  it('stands beside another one, through the one that came first, and takes its place when that one leaves under load', async () => {
    const ada = start('ada', 'a')
    await ada.state('verified')
    const bob = start('bob', 'b')
    await bob.state('verified')
    expect(await landed(shop)).toEqual([{ ada: COUNT }, { bob: COUNT }, { pod: COUNT }])
    const passed = await ada.event('notice', ({ code }) => code === 'PASSED_ON')
    console.log(passed.message)
    const load = { b: arrivals({ ...shop.visitor, rate: 40, headers: { 'X-User': 'b' } }), none: arrivals({ ...shop.visitor, rate: 40 }) }
    await eventually(() => expect(bob.events.filter(({ type }) => type === 'exchange.completed').length).toBeGreaterThan(COUNT + 20))
    const fromMs = load.b.atMs
    await ada.stop()
    const toMs = load.b.atMs
    await bob.event('notice', ({ code }) => code === 'HOLDER')
    expect(await landed(shop)).toEqual([{ pod: COUNT }, { bob: COUNT }, { pod: COUNT }])
    await Promise.all([load.b.stop(), load.none.stop()])
    console.log(
      `the holder left: ${failed(load.b.visits).length} of ${load.b.visits.length} of the other session, ${failed(load.none.visits).length} of ${load.none.visits.length} of the rest failed`
    )
    // A stock server has no "send no more": what it opens towards the holder within the last round trip may be lost (docs/figures.md).
    const lost = failed([...load.b.visits, ...load.none.visits])
    expect(lost.filter(({ atMs, ms }) => atMs + ms < fromMs || atMs > toMs)).toEqual([])
    expect(lost.length).toBeLessThanOrEqual(5)
    const [b, none] = [load.b, load.none].map(({ visits }) => visits.filter(each => !lost.includes(each)))
    expect([tally(b ?? [], whom), tally(none ?? [], whom)]).toEqual([{ bob: b?.length }, { pod: none?.length }])
  }, 90_000)

  it('is missed by the guests of a killed one for as long as its Lease is young: the pods answer them', async () => {
    const ada = startOn((...args) => interceptOn('mill', ...args), 'ada', 'a')
    await ada.state('verified')
    const bob = start('bob', 'b')
    await bob.state('verified')
    const load = { b: arrivals({ ...shop.visitor, rate: 20, headers: { 'X-User': 'b' } }), none: arrivals({ ...shop.visitor, rate: 20 }) }
    await eventually(() => expect(tally(load.b.visits, whom)).toEqual({ bob: expect.any(Number) }))
    const killedMs = load.b.atMs
    process.kill(ada.pid, 'SIGKILL')
    await bob.event('notice', ({ code }) => code === 'HOLDER', 60_000)
    await eventually(() => expect(load.b.visits.slice(-10).map(whom)).toEqual(Array.from({ length: 10 }, () => 'bob')), {
      timeoutMs: 10_000
    })
    const missed = (await load.b.stop()).filter(visit => visit.atMs > killedMs && whom(visit) !== 'bob')
    const missedMs = Math.max(...missed.map(({ atMs }) => atMs)) - killedMs
    await load.none.stop()
    const lost = failed([...load.b.visits, ...load.none.visits])
    console.log(
      `the holder was killed: its guest missed ${missed.length} requests for ${(missedMs / 1_000).toFixed(1)} s; ${lost.length} of ${load.b.visits.length + load.none.visits.length} failed, those on their way`
    )
    expect(missedMs).toBeGreaterThan(20_000)
    expect(missedMs).toBeLessThan(40_000)
    // A stock server gives nothing to anybody else that a connector has taken.
    expect(lost.every(({ atMs }) => Math.abs(atMs - killedMs) < 1_000)).toBe(true)
    expect(
      tally(
        missed.filter(visit => !lost.includes(visit)),
        whom
      )
    ).toEqual({ pod: expect.any(Number) })
    expect(await landed(shop)).toEqual([{ pod: COUNT }, { bob: COUNT }, { pod: COUNT }])
  }, 120_000)

  it('works without Leases, and then no second one does', async () => {
    const rules = [...READER, { verbs: ['get', 'create'], resources: ['pods/portforward'] }]
    const { kubeconfig } = user(shop, 'leaseless', rules)
    const ada = start('ada', 'a', '--kubeconfig', kubeconfig)
    await ada.state('verified')
    await ada.event('notice', ({ code }) => code === 'CLAIM_UNAVAILABLE')
    expect(await landed(shop, ['a', 'b', undefined], 20)).toEqual([{ ada: 20 }, { pod: 20 }, { pod: 20 }])
    const bob = start('bob', 'b', '--kubeconfig', kubeconfig)
    expect(await bob.exit).toBe(10)
    expect(bob.events.at(-1)).toMatchObject({ type: 'error', code: 'TAKEN', message: expect.stringMatching(/needs Leases/) })
    expect(await landed(shop, ['a', 'b', undefined], 20)).toEqual([{ ada: 20 }, { pod: 20 }, { pod: 20 }])
  }, 60_000)
})
