/** Two people with a filter each, and visitors without, in front of a stock server: whose request lands where, by the bodies that came back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { COUNT, landed, whom } from './landed.ts'
import { article } from './manifests.ts'
import { endAll, intercept, localApp, type Session, type World, world } from './world.ts'

let shop: World
const apps: Record<string, Awaited<ReturnType<typeof localApp>>> = {}
const sessions: Session[] = []

function start(name: string, user: string): Session {
  const flags = ['--header', `X-User: ${user}`, '--through-laptop', '--return-limit', '5000']
  const session = intercept(shop.namespace, 'svc/nginx', '--port', String(apps[name]?.port), ...flags)
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
    await ada.stop()
    await bob.event('notice', ({ code }) => code === 'HOLDER')
    expect(await landed(shop)).toEqual([{ pod: COUNT }, { bob: COUNT }, { pod: COUNT }])
    await Promise.all([load.b.stop(), load.none.stop()])
    console.log(
      `the holder left: ${failed(load.b.visits).length} of ${load.b.visits.length} of the other session, ${failed(load.none.visits).length} of ${load.none.visits.length} of the rest failed`
    )
    expect([tally(load.b.visits, whom), tally(load.none.visits, whom)]).toEqual([
      { bob: load.b.visits.length },
      { pod: load.none.visits.length }
    ])
  }, 90_000)
})
