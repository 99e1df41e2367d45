/** Several replicas of a stock server, which do not share their connectors: each gets one of ours, and they are followed as they come and go. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { arrivals, crowd, tally } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { READER, user } from './user.ts'
import { endAll, intercept, localApp, type Session, type World, who, world } from './world.ts'

const COUNT = process.env['E2E_FULL'] === '1' ? 2_000 : 1_000
let two: World
let app: Awaited<ReturnType<typeof localApp>>
const sessions: Session[] = []
const start = (...args: string[]): Session => {
  const session = intercept(two.namespace, 'svc/nginx', '--port', String(app.port), ...args)
  sessions.push(session)
  return session
}
const scale = (servers: number): string => two.kubectl('scale', 'deployment/proxy', `--replicas=${servers}`)
/** Whether each server pod is Ready. One that is on its way out still counts: it may still get visitors. */
const ready = (): boolean[] => {
  const { items } = JSON.parse(two.kubectl('get', 'pods', '-l', 'app=proxy', '-o', 'json')) as {
    items: { metadata: { deletionTimestamp?: string }; status: { conditions?: { type: string; status: string }[] } }[]
  }
  return items.map(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined && status.conditions?.some(each => each.type === 'Ready' && each.status === 'True') === true
  )
}
const settled = (servers: number): Promise<unknown> =>
  eventually(() => expect(ready()).toEqual(Array.from({ length: servers }, () => true)), { timeoutMs: 60_000, intervalMs: 200 })
/** The ingress controller still sends some to pods that are gone, until it has read the endpoints again. */
const allArrive = (): Promise<unknown> =>
  eventually(async () => expect(tally(await crowd({ ...two.visitor, count: 32, timeoutMs: 1_000 }), who)).toEqual({ laptop: 32 }), {
    timeoutMs: 30_000
  })

beforeAll(async () => {
  two = await world('replicas', article({ servers: 2, pods: 4 }))
  app = await localApp()
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
})
afterAll(async () => {
  endAll()
  two.remove()
})

describe('two stock server replicas and four sidecars', () => {
  it('takes every visitor of every replica, and follows replicas that come and go', async () => {
    const session = start('--require-all')
    await session.state('verified')
    expect(await session.event('route.chosen')).toMatchObject({ kind: 'port-forward', covers: 'all', replicas: 2, total: 2 })
    expect(tally(await crowd({ ...two.visitor, count: COUNT }), who)).toEqual({ laptop: COUNT })

    const load = arrivals({ ...two.visitor, rate: 50 })
    scale(3)
    await settled(3)
    const readyAtMs = load.atMs
    await session.event('route.chosen', each => each.replicas === 3)
    await eventually(() => expect(load.atMs).toBeGreaterThan(readyAtMs + 7_000), { timeoutMs: 10_000, intervalMs: 50 })
    const after = (await load.stop()).filter(({ atMs }) => atMs > readyAtMs + 5_000)
    expect(tally(after, who)).toEqual({ laptop: after.length })
    expect(tally(await crowd({ ...two.visitor, count: COUNT / 2 }), who)).toEqual({ laptop: COUNT / 2 })

    scale(1)
    await settled(1)
    await session.event('route.chosen', each => each.replicas === 1)
    await allArrive()
    expect(tally(await crowd({ ...two.visitor, count: COUNT / 2 }), who)).toEqual({ laptop: COUNT / 2 })
    expect(session.events.at(-1)).not.toMatchObject({ type: 'session.ended' })
  })

  it('tells replicas apart and holds both for a user without port-forward', async () => {
    scale(2)
    await settled(2)
    const { kubeconfig } = user(two, 'reader', READER)
    const session = start('--kubeconfig', kubeconfig)
    await session.state('verified')
    expect(await session.event('route.chosen')).toMatchObject({ kind: 'ingress', covers: 'some', replicas: 1, total: 2 })
    expect((await session.event('route.chosen')).describe).toContain('may not')
    expect(await session.event('route.chosen', each => each.covers === 'all')).toMatchObject({ kind: 'ingress', replicas: 2, total: 2 })
    await session.event('target.state', ({ to, detail }) => to === 'partial' && detail?.startsWith('1/2 replicas') === true)
    expect(tally(await crowd({ ...two.visitor, count: COUNT }), who)).toEqual({ laptop: COUNT })

    scale(3)
    await settled(3)
    await session.event('route.chosen', each => each.covers === 'all' && each.replicas === 3)
    expect(tally(await crowd({ ...two.visitor, count: COUNT / 2 }), who)).toEqual({ laptop: COUNT / 2 })
  })

  it('starts that with --require-all too', async () => {
    scale(2)
    await settled(2)
    const { kubeconfig } = user(two, 'strict', READER)
    const session = start('--require-all', '--kubeconfig', kubeconfig)
    await session.state('verified')
    await allArrive()
    expect(tally(await crowd({ ...two.visitor, count: COUNT / 2 }), who)).toEqual({ laptop: COUNT / 2 })
  })
})
