/**
 * Three servers of ours (plugin/manifests/scaled.yaml) under visitors through the ingress, each on a connection of its own: servers that restart,
 * agents that die or freeze, people with a filter each. E2E_FULL=1: 200 a second instead of 50, and stock gost through the same beside it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { type Gost, startGostClient } from '../harness/gost.ts'
import { arrivals, crowd, failed, tally, type Visit } from '../harness/visitors.ts'
import { COUNT, landed, whom } from './landed.ts'
import { article } from './manifests.ts'
import { loadOurImage, manifest, PUBLISHED } from './our-image.ts'
import { backAfterS, FULL, kinds, type Load, loadOn, RATE, slowest } from './under-load.ts'
import { endAll, intercept, kubectlBeside, localApp, type Session, TUNNEL, type World, who, world } from './world.ts'

type App = Awaited<ReturnType<typeof localApp>>
const sessions: Session[] = []
const loads: Load[] = []
const clients: Gost[] = []
let app: App

beforeAll(async () => {
  loadOurImage(PUBLISHED)
  // So that some are on their way whenever something breaks.
  app = await localApp(0, 'laptop', 100)
})
afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop()
  for (const session of sessions.splice(0)) await session.stop()
  for (const client of clients.splice(0)) await client.stop()
})
afterAll(() => endAll())

const visitorsOf = (to: World): Load => {
  const load = loadOn(to)
  loads.push(load)
  return load
}
const start = (at: World, port: number, ...args: string[]): Session => {
  const session = intercept(at.namespace, 'svc/nginx', '--port', String(port), ...args)
  sessions.push(session)
  return session
}
const startVerified = async (at: World, port = app.port, ...args: string[]): Promise<Session> => {
  const session = start(at, port, ...args)
  await session.state('verified')
  return session
}
const within = (visits: readonly Visit[], fromMs: number, toMs: number): Visit[] =>
  visits.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)

async function rollout({ namespace }: World): Promise<void> {
  const run = (...args: string[]): Promise<string> => kubectlBeside('-n', namespace, ...args)
  const servers = async (): Promise<number> => (await run('get', 'pods', '-l', 'app=proxy', '-o', 'name')).trim().split('\n').length
  const before = await servers()
  await run('rollout', 'restart', 'deployment/proxy')
  await run('rollout', 'status', 'deployment/proxy', '--timeout=120s')
  // The last ones that ended are gone for good only after their drain.
  await eventually(async () => expect(await servers()).toBe(before), { timeoutMs: 60_000, intervalMs: 500 })
}

/** Signals the process that has all visitors; they know nothing of it. */
async function struck(at: World, { name, signal, forMs }: { name: string; signal: () => void; forMs: number }) {
  const load = visitorsOf(at)
  await load.more(1_500)
  const atMs = load.atMs
  signal()
  await load.more(forMs)
  const endMs = load.atMs
  const visits = await load.end(name)
  console.info(`${name}: back in the cluster after ${backAfterS(visits, atMs).toFixed(1)} s`)
  expect(tally(within(visits, 0, atMs - 500), who)).toEqual({ laptop: expect.any(Number) })
  return { visits, atMs, endMs }
}

describe('three servers', () => {
  let scaled: World
  beforeAll(async () => {
    scaled = await world('scaled', manifest('scaled.yaml'))
  })
  afterAll(() => scaled.remove())

  it('have each sidecar registered with every one', async () => {
    await eventually(
      () => {
        const pods = scaled.kubectl('get', 'pods', '-l', 'app=proxy', '-o', 'name').trim().split('\n')
        expect(pods).toHaveLength(3)
        for (const pod of pods) {
          const from = [...scaled.kubectl('logs', pod).matchAll(/"from":"([^"]+)","msg":"connector bound"/g)].map(([, address]) => address)
          expect(new Set(from).size).toBe(2)
        }
      },
      { timeoutMs: 30_000, intervalMs: 500 }
    )
  })

  it(`lose none of ${RATE} visitors a second while they restart one after the other`, async () => {
    const load = visitorsOf(scaled)
    for (let round = 0; round < (FULL ? 3 : 1); round += 1) await rollout(scaled)
    const visits = await load.end('rolling restart of 3 servers')
    expect(kinds(failed(visits))).toEqual({})
    expect(visits.length).toBeGreaterThan(RATE)
  })

  it.each(Array.from({ length: FULL ? 5 : 1 }, (_, at) => at + 1))(
    'lose none when the agent that has all of them is killed (%i)',
    async () => {
      const session = await startVerified(scaled)
      const signal = () => process.kill(session.pid, 'SIGKILL')
      const { visits, atMs, endMs } = await struck(scaled, { name: 'kill -9 of the agent', signal, forMs: 3_000 })
      expect(kinds(failed(visits))).toEqual({})
      expect(tally(within(visits, atMs + 500, endMs), who)).toEqual({ pod: expect.any(Number) })
      expect(slowest(visits)).toBeLessThan(1.5)
    }
  )

  it('lose none when it is frozen, are answered by the pods within 3 s, and by the laptop when it wakes', async () => {
    const session = await startVerified(scaled)
    const signal = () => process.kill(session.pid, 'SIGSTOP')
    try {
      const { visits, atMs } = await struck(scaled, { name: 'SIGSTOP of the agent', signal, forMs: FULL ? 10_000 : 5_000 })
      expect(kinds(failed(visits))).toEqual({})
      expect(backAfterS(visits, atMs)).toBeLessThanOrEqual(3)
    } finally {
      process.kill(session.pid, 'SIGCONT')
    }
    await eventually(async () => expect(tally(await crowd({ ...scaled.visitor, count: 20 }), who)).toEqual({ laptop: 20 }), {
      timeoutMs: 15_000
    })
  })

  it('give each of two people exactly what matches, and the pods the rest, when one leaves and when one is killed too', async () => {
    const apps = { ada: await localApp(0, 'ada'), bob: await localApp(0, 'bob') }
    const ada = await startVerified(scaled, apps.ada.port, '--header', 'X-User: a')
    const bob = await startVerified(scaled, apps.bob.port, '--header', 'X-User: b')
    expect(await landed(scaled)).toEqual([{ ada: COUNT }, { bob: COUNT }, { pod: COUNT }])

    const load = ['a', 'b', undefined].map(user =>
      arrivals({ ...scaled.visitor, rate: 40, ...(user !== undefined && { headers: { 'X-User': user } }) })
    )
    const [a, b, none] = load
    await eventually(() =>
      expect([a, b].map(each => tally(each?.visits ?? [], whom))).toMatchObject([{ ada: expect.any(Number) }, { bob: expect.any(Number) }])
    )
    await ada.stop()
    expect(await landed(scaled)).toEqual([{ pod: COUNT }, { bob: COUNT }, { pod: COUNT }])
    process.kill(bob.pid, 'SIGKILL')
    await bob.exit
    const served = await landed(scaled)
    await Promise.all(load.map(each => each.stop()))
    expect(served).toEqual([{ pod: COUNT }, { pod: COUNT }, { pod: COUNT }])
    expect(load.map(({ visits }) => kinds(failed(visits)))).toEqual([{}, {}, {}])
    expect(Object.keys(tally(a?.visits ?? [], whom)).toSorted()).toEqual(['ada', 'pod'])
    expect(Object.keys(tally(b?.visits ?? [], whom)).toSorted()).toEqual(['bob', 'pod'])
    expect(tally(none?.visits ?? [], whom)).toEqual({ pod: none?.visits.length })
  })
})

/** The figures beside ours: they are printed, and nothing is expected of them. */
if (FULL)
  describe('stock gost', () => {
    let stock: World
    const gostClient = async (): Promise<Gost> => {
      const { port } = stock.visitor
      const options = { version: 'ga', tunnelId: TUNNEL, weight: 255, host: 'nginx.local' } as const
      const client = await startGostClient({ ...options, serverPort: port, target: `127.0.0.1:${app.port}` })
      clients.push(client)
      await eventually(async () => expect(tally(await crowd({ ...stock.visitor, count: 20 }), who)).toEqual({ laptop: 20 }), {
        timeoutMs: 15_000
      })
      return client
    }

    describe('with one server, as in the article', () => {
      beforeAll(async () => {
        stock = await world('stock', article({ pods: 2, minReadySeconds: 10 }))
      })
      afterAll(() => stock.remove())

      it('restarts', async () => {
        const load = visitorsOf(stock)
        await rollout(stock)
        await load.more(20_000)
        expect((await load.end('rollout of one stock server')).length).toBeGreaterThan(RATE)
      })

      it('loses its client at 255 by kill -9', async () => {
        const client = await gostClient()
        const signal = () => client.kill('SIGKILL')
        const { visits } = await struck(stock, { name: 'kill -9 of the gost client', signal, forMs: 5_000 })
        expect(visits.length).toBeGreaterThan(RATE)
      })

      it('has its client at 255 frozen', async () => {
        const client = await gostClient()
        try {
          const signal = () => client.kill('SIGSTOP')
          const { visits } = await struck(stock, { name: 'SIGSTOP of the gost client', signal, forMs: 75_000 })
          expect(visits.length).toBeGreaterThan(RATE)
        } finally {
          client.kill('SIGCONT')
        }
      })
    })

    it('restarts three servers, among which nine sidecars were shared out by chance', async () => {
      stock = await world('stock3', article({ pods: 9 }))
      try {
        stock.kubectl('scale', 'deployment/proxy', '--replicas=3')
        stock.kubectl('rollout', 'status', 'deployment/proxy', '--timeout=60s')
        // A sidecar is registered with one of them only; whoever starts anew finds another one.
        stock.kubectl('delete', 'pods', '-l', 'app=nginx', '--wait=false')
        stock.kubectl('rollout', 'status', 'deployment/nginx', '--timeout=120s')
        await stock.served(30)
        const load = visitorsOf(stock)
        await rollout(stock)
        await load.more(20_000)
        expect((await load.end('rollout of 3 stock servers')).length).toBeGreaterThan(RATE)
      } finally {
        stock.remove()
      }
    })
  })
