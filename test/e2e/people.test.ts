/** Several people on one tunnel of a real cluster: who gets it, how it is handed over, what is left behind, and what each right is good for. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, failed } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { user } from './user.ts'
import { endAll, intercept, localApp, type Session, type World, who, world } from './world.ts'

let people: World
let app: Awaited<ReturnType<typeof localApp>>
let ada: string
let bob: string
const sessions: Session[] = []
const start = (kubeconfig: string, ...args: string[]): Session => {
  const session = intercept(people.namespace, 'svc/nginx', '--port', String(app.port), '--kubeconfig', kubeconfig, ...args)
  sessions.push(session)
  return session
}

interface Lease {
  metadata: { name: string; ownerReferences?: { kind: string; name: string }[] }
}
const leases = (): Lease[] => (JSON.parse(people.kubectl('get', 'leases', '-o', 'json')) as { items: Lease[] }).items
const nobody = (): Promise<void> => eventually(() => expect(leases()).toEqual([]), { intervalMs: 200 })

beforeAll(async () => {
  people = await world('people', article())
  app = await localApp()
  ada = user(people, 'ada', 'edit').kubeconfig
  bob = user(people, 'bob', 'edit').kubeconfig
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
})
afterAll(() => {
  endAll()
  people.remove()
})

describe('two people who may edit', () => {
  it('start within 100 ms of each other, ten times: exactly one has all visitors, and the other is refused by name', async () => {
    for (let round = 0; round < 10; round += 1) {
      const both = [start(ada), start(bob)]
      const first = await Promise.race(both.map(session => session.exit.then(() => session)))
      const other = both.find(session => session !== first)
      await other?.state('verified')
      expect(await first.exit).toBe(10)
      const refusal = first.events.at(-1)
      expect(refusal).toMatchObject({
        type: 'error',
        code: 'TAKEN',
        message: expect.stringMatching(/^\S+@\S+ has nginx since .* \(all visitors\)$/)
      })
      expect(first.events.filter(({ type }) => type === 'connector.state')).toEqual([])
      expect(other?.events).toContainEqual(expect.objectContaining({ type: 'claim', action: 'acquired', target: 'nginx' }))
      await other?.stop()
      await nobody()
      sessions.length = 0
    }
  }, 240_000)

  it('hand it over with --takeover: the first ends by itself within 5 s, with the reason', async () => {
    const first = start(ada)
    await first.state('verified')
    const load = arrivals({ ...people.visitor, rate: 50 })
    const second = start(bob, '--takeover')
    await second.state('verified')
    await eventually(() => expect(second.events.filter(({ type }) => type === 'exchange.completed').length).toBeGreaterThan(20))
    expect(await first.exit).toBe(10)
    await load.stop()
    const { visits } = load
    console.log(`takeover on stock: ${failed(visits).length} of ${visits.length} visits failed`)
    expect(first.events.at(-1)).toMatchObject({ type: 'session.ended', reason: 'takeover', exitCode: 10 })
    expect(leases()).toHaveLength(2)
    expect(visits.slice(-5).map(visit => who(visit))).toEqual(Array.from({ length: 5 }, () => 'laptop'))
  })
})
