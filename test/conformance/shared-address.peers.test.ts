/** Servers do not share their connectors: several of them behind one address are told apart and held one by one. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { SessionEvent } from '../../src/event/types.ts'
import type { Intercept, InterceptSettings } from '../../src/session/options.ts'
import { parseFilter } from '../../src/filter/filter.ts'
import { type App, startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { serverPlan, serverPod, sidecarPod, tunnelPlan } from '../harness/plans.ts'
import { type SharedAddress, startSharedAddress } from '../harness/shared-address.ts'
import { arrivals, crowd, tally, type Visit } from '../harness/visitors.ts'
import { type ServerKind, startTestConnector, startTestServer, type TestServer } from './peers.ts'
import { HOST, sessionOf } from './running-session.ts'

const who = ({ status, body, error }: Visit): string => (status === 200 ? body.trim() : `${status} ${error ?? ''}`)

interface Replica {
  server: TestServer
  /** What a replica's pods answer. */
  end(): Promise<void>
}

interface Behind extends AsyncDisposable {
  tunnel: SharedAddress
  entrypoint: SharedAddress
  replicas: Replica[]
  session: Intercept
  events: SessionEvent[]
  laptop: App
  add(): Promise<void>
  /** New connections go to these. */
  lead(): void
}

async function behind(
  kind: ServerKind,
  count: number,
  more: Partial<InterceptSettings> = {},
  protocol: 'http' | 'tls' = 'http'
): Promise<Behind> {
  const tunnelId = randomUUID()
  const pod = await startApp({ name: 'pod' })
  const laptop = await startApp({ name: 'laptop' })
  const replicas: Replica[] = []
  const add = async (): Promise<void> => {
    const server = await startTestServer(kind, { carrier: 'ws', hosts: [[HOST, tunnelId]] })
    const sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort: server.tunnelPort, tunnelId, appPort: pod.port })
    replicas.push({
      server,
      end: async () => {
        await server.stop()
        await sidecar.stop()
      }
    })
  }
  for (let each = 0; each < count; each += 1) await add()
  const tunnel = await startSharedAddress(replicas.map(({ server }) => server.tunnelPort))
  const entrypoint = await startSharedAddress(
    replicas.map(({ server }) => server.entrypointPort),
    2
  )
  const { session, events } = sessionOf(
    tunnelPlan({
      tunnelId,
      hosts: [HOST],
      protocol,
      sidecars: [sidecarPod('nginx-1')],
      server: serverPlan({ pods: replicas.map((_, index) => serverPod(`proxy-${index}`)), peer: kind === 'ours' ? 'ours' : 'gost' }),
      ingresses: []
    }),
    { tunnelPort: tunnel.port, entrypointPort: entrypoint.port, appPort: laptop.port },
    more
  )
  return {
    tunnel,
    entrypoint,
    replicas,
    session,
    events,
    laptop,
    add,
    lead() {
      tunnel.lead(replicas.map(({ server }) => server.tunnelPort))
      entrypoint.lead(replicas.map(({ server }) => server.entrypointPort))
    },
    async [Symbol.asyncDispose]() {
      await session.close()
      for (const replica of replicas) await replica.end()
      await tunnel[Symbol.asyncDispose]()
      await entrypoint[Symbol.asyncDispose]()
      await pod.close()
      await laptop.close()
    }
  }
}

const start = (world: Behind): Promise<void> => world.session.start(new AbortController().signal)
const reaches = (world: Behind, state: string): Promise<unknown> =>
  eventually(() => expect(world.session.state).toBe(state), { timeoutMs: 20_000, intervalMs: 20 })
const visits = (world: Behind, count: number): Promise<Visit[]> =>
  crowd({ host: '127.0.0.1', port: world.entrypoint.port, name: HOST, count })

it.each([
  ['ga', 2],
  ['ga', 3],
  ['nightly', 3],
  ['ours', 2],
  ['ours', 3]
] as const)('takes every visitor of servers of kind %s, %i of them behind one address', async (kind, count) => {
  await using world = await behind(kind, count)
  await start(world)
  await reaches(world, 'verified')
  expect(tally(await visits(world, 1_000), who)).toEqual({ laptop: 1_000 })
  const chosen = world.events.filter(event => event.type === 'route.chosen')
  expect(chosen[0]).toMatchObject({ covers: 'some', replicas: 1, total: count })
  expect(chosen.at(-1)).toMatchObject({ covers: 'all', replicas: count, total: count })
  expect(world.events).toContainEqual(
    expect.objectContaining({ type: 'target.state', to: 'partial', detail: expect.stringContaining(`1/${count} replicas`) })
  )
})

it.each(['ga', 'ours'] as const)(
  'takes every visitor again within seconds when one replica of kind %s is killed and another comes',
  async kind => {
    await using world = await behind(kind, 3)
    await start(world)
    await reaches(world, 'verified')
    const gone = world.replicas.shift()
    await world.add()
    world.lead()
    await gone?.end()
    const killed = performance.now()
    await eventually(async () => expect(tally(await visits(world, 60), who)).toEqual({ laptop: 60 }), { timeoutMs: 20_000, intervalMs: 50 })
    await reaches(world, 'verified')
    console.log(`a killed replica: all visitors again after ${Math.round(performance.now() - killed)} ms`)
    expect(tally(await visits(world, 1_000), who)).toEqual({ laptop: 1_000 })
  }
)

it.each(['ga', 'ours'] as const)('loses no visitor while replicas of kind %s are told apart and doubles let go', async kind => {
  await using world = await behind(kind, 3)
  const load = arrivals({ host: '127.0.0.1', port: world.entrypoint.port, name: HOST, rate: 50 })
  await start(world)
  await reaches(world, 'verified')
  const all = await load.stop()
  expect(all.length).toBeGreaterThan(0)
  expect(all.filter(({ status }) => status !== 200)).toEqual([])
})

it.each(['ga', 'ours'] as const)(
  'holds all replicas of kind %s again after another share and back, and after hold and release',
  async kind => {
    await using world = await behind(kind, 2)
    await start(world)
    await reaches(world, 'verified')
    await world.session.change({ kind: 'weight', weight: 3 }, 'control')
    await reaches(world, 'verified')
    const { laptop = 0, pod = 0, ...rest } = tally(await visits(world, 1_000), who)
    expect(rest).toEqual({})
    expect(laptop / (laptop + pod)).toBeGreaterThan(0.65)
    expect(laptop / (laptop + pod)).toBeLessThan(0.85)
    await world.session.change({ kind: 'weight', weight: 255 }, 'control')
    await world.session.change({ kind: 'hold' }, 'control')
    expect(tally(await visits(world, 100), who)).toEqual({ pod: 100 })
    await world.session.change({ kind: 'release' }, 'control')
    await reaches(world, 'verified')
    expect(tally(await visits(world, 1_000), who)).toEqual({ laptop: 1_000 })
  }
)

it.each(['ga', 'ours'] as const)('starts with --require-all once all of kind %s are held', async kind => {
  await using world = await behind(kind, 2, { requireAll: true })
  await start(world)
  expect(tally(await visits(world, 200), who)).toEqual({ laptop: 200 })
})

it('refuses to start with --require-all where replicas cannot be told apart, and says why', async () => {
  await using world = await behind('ga', 2, { requireAll: true }, 'tls')
  const refusal = await start(world).catch((error: unknown) => error)
  expect(refusal).toMatchObject({
    code: 'ROUTE_UNAVAILABLE',
    hint: expect.stringContaining('auth can-i create pods --subresource=portforward')
  })
  expect(String(refusal)).toContain('not every replica')
  expect(String(refusal)).toContain('replicas cannot be told apart')
})

it('says why it stays partial where no visitor can tell replicas apart', async () => {
  await using world = await behind('ga', 2, {}, 'tls')
  await start(world)
  await eventually(() =>
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'target.state', to: 'partial', detail: expect.stringContaining('replicas cannot be told apart') })
    )
  )
  expect(world.session.state).toBe('partial')
})

it('mirrors every request of servers of ours, told apart by what they say of themselves', async () => {
  await using world = await behind('ours', 3, { mirror: { rate: 1, ignored: new Set() } })
  await start(world)
  await reaches(world, 'verified')
  expect(tally(await visits(world, 60), who)).toEqual({ pod: 60 })
  await eventually(() => expect(world.laptop.seen).toHaveLength(60))
  expect(world.events.filter(event => event.type === 'target.state').at(-1)).toMatchObject({ to: 'verified', detail: '– mirroring' })
})

it('gets what matches a filter from each server of ours', async () => {
  await using world = await behind('ours', 3, { filter: parseFilter('header.x-user:ada') })
  await start(world)
  await reaches(world, 'verified')
  const mine = await crowd({ host: '127.0.0.1', port: world.entrypoint.port, name: HOST, count: 100, headers: { 'X-User': 'ada' } })
  expect([tally(mine, who), tally(await visits(world, 100), who)]).toEqual([{ laptop: 100 }, { pod: 100 }])
})

it('is registered with each server of ours where no visitor can be a proof', async () => {
  await using world = await behind('ours', 3, { requireAll: true }, 'tls')
  await start(world)
  await reaches(world, 'registered')
  await eventually(() =>
    expect(world.events.filter(event => event.type === 'target.state').at(-1)).toMatchObject({
      to: 'registered',
      detail: 'unverified: no visitor over HTTP can be sent'
    })
  )
})
