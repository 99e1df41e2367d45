import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { parseFilter } from '../../../src/filter/filter.ts'
import { type Choosable, chooseConnector, shares } from '../../../src/server/choice.ts'
import { type Asked, askedByName, askedByRequest, personalOf } from '../../../src/server/personal.ts'
import { sendProbe } from '../../../src/route/relay-probe.ts'
import { splice } from '../../../src/transport/splice.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { type Connector, startConnector } from '../../../src/tunnel/connector.ts'
import type { Hello } from '../../../src/tunnel/control-channel.ts'
import { nonceFor, PATH_PREFIX, probeHost } from '../../../src/tunnel/probe-names.ts'
import { type App, startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { startFaultProxy } from '../../harness/fault-proxy.ts'
import { startWorld, TUNNEL, type World } from './world.ts'

const one = (weight: number, rest: Partial<Choosable> = {}): Choosable => ({ weight, network: 'tcp', condition: 'live', ...rest })
const personal = (text: string, session = text): Choosable => one(255, { personal: personalOf(parseFilter(text), session) })
const asked = (path: string, headers: [string, string][] = []): (() => Asked) => {
  return () => askedByRequest({ method: 'GET', path, host: 'nginx.local', headers }, '203.0.113.9:1')
}
const choose = (connectors: readonly Choosable[], ask?: () => Asked): Choosable | undefined =>
  chooseConnector(connectors, { network: 'tcp', random: () => 0, ...(ask && { asked: ask }) })

describe('choice among filters', () => {
  it('asks nothing about a request while no connector has a filter', () => {
    const never = (): Asked => {
      throw new Error('asked')
    }
    expect(choose([one(1), one(2)], never)?.weight).toBe(1)
  })

  it('gives the most specific filter what it matches, then the older one, and the rest to the others by weight', () => {
    const [sidecar, ada, both, later] = [
      one(1),
      personal('header.x-user:a'),
      personal('header.x-user:a path:/api/*'),
      personal('path:/cart')
    ]
    const all = [sidecar, ada, both, later]
    expect(choose(all, asked('/', [['X-USER', 'a']]))).toBe(ada)
    expect(choose(all, asked('/api/x', [['x-user', 'a']]))).toBe(both)
    expect(choose(all, asked('/cart', [['x-user', 'a']]))).toBe(ada)
    expect(choose(all, asked('/cart'))).toBe(later)
    expect(choose(all, asked('/', [['x-user', 'b']]))).toBe(sidecar)
    expect(choose(all)).toBe(sidecar)
    expect(shares(all)).toEqual([1, 0, 0, 0])
  })

  it('leaves requests without a home where only filters are, even where only one is', () => {
    expect(choose([personal('path:/a')], asked('/b'))).toBeUndefined()
    expect(choose([personal('path:/a')])).toBeUndefined()
    expect(choose([personal('path:/a'), personal('path:/b')], asked('/c'))).toBeUndefined()
  })

  it.each(['suspect', 'draining', 'closed', 'pending'] as const)('passes over a filter whose connector is %s', condition => {
    const gone = { ...personal('path:/a'), condition }
    const sidecar = one(1)
    expect(choose([gone, sidecar], asked('/a'))).toBe(sidecar)
  })

  it('finds the session that a probe names, whatever its filter and whoever matches', () => {
    const mine = personal('header.x-user:a', 's1')
    const all = [one(1), personal('path:*', 's2'), mine]
    expect(choose(all, () => askedByName(probeHost(nonceFor('n', 's1'))))).toBe(mine)
    expect(choose(all, asked(`${PATH_PREFIX}${nonceFor('n', 's1')}`))).toBe(mine)
    expect(choose(all, () => askedByName(probeHost('n')))).toBe(all[0])
    expect(choose(all, () => askedByName('s1'))).toBe(all[0])
  })
})

/** A connector of ours in front of an app that says its name. */
async function agent(world: World, hello: Partial<Hello>, port = world.server.tunnelPort) {
  const app = await startApp({ name: hello.who ?? 'agent' })
  world.apps.push(app)
  const connector = startConnector({
    dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port }), { path: '/proxy' }),
    bind: { tunnelId: TUNNEL, weight: 255 },
    hello: { kind: 'agent', session: randomUUID(), ...hello },
    clock: systemClock,
    log: silent,
    onStream: ({ connection }) => void serve(connection, app)
  })
  return { connector, app }
}

async function serve(connection: Parameters<typeof splice>[0], app: App): Promise<void> {
  await splice(connection, await dialTcp({ host: '127.0.0.1', port: app.port })())
}

const whoAnswers = async (world: World, headers: Record<string, string> = {}): Promise<unknown> =>
  (await world.visit('/', { headers })).headers['x-app']
const closing = (...connectors: Connector[]): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => void (await Promise.all(connectors.map(each => each.close())))
})

describe('personal intercepts on a server', () => {
  it('lets two sessions and the cluster share a service, request by request on one kept-alive connection', async () => {
    await using world = await startWorld()
    const ada = await agent(world, { who: 'ada', filter: 'header.x-user:a' })
    const bob = await agent(world, { who: 'bob', filter: 'header.x-user:b' })
    await using _ = closing(ada.connector, bob.connector)
    await Promise.all([ada.connector.ready, bob.connector.ready])
    const visitor = await world.raw(
      ['a', 'b', 'c', 'a'].map(user => `GET / HTTP/1.1\r\nHost: nginx.local\r\nX-User: ${user}\r\n\r\n`).join('')
    )
    await eventually(() => expect(visitor.text.match(/x-app: \w+/g)).toEqual(['x-app: ada', 'x-app: bob', 'x-app: app0', 'x-app: ada']))
  })

  it('lets whoever joins share the filter that somebody has', async () => {
    await using world = await startWorld()
    const ada = await agent(world, { who: 'ada', filter: 'header.x-user:a' })
    const bob = await agent(world, { who: 'bob', filter: 'header.X-User:a', join: true })
    await using _ = closing(ada.connector, bob.connector)
    await Promise.all([ada.connector.ready, bob.connector.ready])
    const taken = new Set<unknown>()
    await eventually(async () => expect(taken.add(await whoAnswers(world, { 'X-User': 'a' }))).toEqual(new Set(['ada', 'bob'])))
  })

  it('refuses the filter that somebody has, by name, and takes it once that one is gone', async () => {
    await using world = await startWorld()
    const ada = await agent(world, { who: 'ada@mill', filter: 'header.x-user:a path:/x' })
    await ada.connector.ready
    const bob = await agent(world, { who: 'bob@forge', filter: 'path:/x and header.X-User:a' })
    await expect(bob.connector.ready).rejects.toMatchObject({
      code: 'TAKEN',
      message: 'the tunnel server refuses this connector: ada@mill has this filter',
      hint: expect.stringContaining('--join')
    })
    await ada.connector.close()
    await eventually(() => expect(world.server.stats().connectors).toHaveLength(1))
    const again = await agent(world, { who: 'bob@forge', filter: 'path:/x and header.X-User:a' })
    await using _ = closing(again.connector, bob.connector)
    await again.connector.ready
  })

  it.each([
    ['path:', /cannot be read at character/],
    ['status:5xx', /only the answer tells/],
    [`path:~${'a'.repeat(1_001)}`, /too large/],
    ['path:~(a', /no regular expression/],
    [`(${'path:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa or '.repeat(100)}path:/b)`, /more than 100 terms/]
  ])('refuses a filter that cannot be had: %.30s', async (filter, why) => {
    await using world = await startWorld()
    const stranger = await agent(world, { filter })
    await expect(stranger.connector.ready).rejects.toMatchObject({
      code: 'TUNNEL_REJECTED',
      message: expect.stringMatching(why),
      hint: expect.stringContaining('docs/filter.md')
    })
    await stranger.connector.close()
    expect(await whoAnswers(world)).toBe('app0')
  })

  it('binds one session anew beside itself with its filter', async () => {
    await using world = await startWorld()
    const ada = await agent(world, { who: 'ada', filter: 'header.x-user:a' })
    await using _ = closing(ada.connector)
    await ada.connector.ready
    const retire = await ada.connector.rebind(255, AbortSignal.timeout(5_000))
    await retire(AbortSignal.timeout(5_000))
    expect(await whoAnswers(world, { 'X-User': 'a' })).toBe('ada')
    expect(await whoAnswers(world)).toBe('app0')
  })

  it('gives the requests of a filter to the others while its connector is silent', async () => {
    await using world = await startWorld({ limits: { heartbeatMs: 300 } })
    const line = await startFaultProxy({ to: { host: '127.0.0.1', port: world.server.tunnelPort } })
    const ada = await agent(world, { who: 'ada', filter: 'header.x-user:a' }, line.port)
    await using _ = closing(ada.connector)
    await ada.connector.ready
    expect(await whoAnswers(world, { 'X-User': 'a' })).toBe('ada')
    line.toServer.stall()
    await eventually(() => expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live', 'suspect']))
    expect(await whoAnswers(world, { 'X-User': 'a' })).toBe('app0')
    await line.close()
  })

  it('gives a probe by relay CONNECT to the session it names', async () => {
    await using world = await startWorld()
    const ada = await agent(world, { who: 'ada', filter: 'header.x-user:a', session: 's1' })
    await using _ = closing(ada.connector)
    await ada.connector.ready
    const dial = dialTcp({ host: '127.0.0.1', port: world.server.entrypointPort })
    const probe = (nonce: string): Promise<number> => sendProbe(dial, { tunnelId: TUNNEL, nonce }, AbortSignal.timeout(5_000))
    expect(await probe(nonceFor('n1', 's1'))).toBe(0)
    await eventually(() => expect(ada.app.counts.connections).toBe(1))
    expect(await probe('n2')).toBe(0)
    await eventually(() => expect(world.sidecars[0]?.streams).toBe(1))
  })
})
