/** Two people on a server of ours, and a Kubernetes API between them: what a takeover costs the visitors, and what a change of weight claims. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { standInCluster } from '../../src/demo/stand-in-cluster.ts'
import type { Cluster, Lease } from '../../src/kube/types.ts'
import type { InterceptSettings } from '../../src/session/options.ts'
import { eventually } from '../harness/eventually.ts'
import { connectToFake } from '../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../harness/fake-kubernetes.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { HOST, runningSession, type RunningSession, sessionOf } from './running-session.ts'

const open: { close(): Promise<void> }[] = []
let fake: FakeKubernetes
beforeEach(async () => {
  fake = await startFakeKubernetes()
  open.push(fake)
})
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

/** The Leases of a real API; everything else of a cluster is played. */
async function leasesOnly(): Promise<Cluster> {
  const real = await connectToFake(fake)
  open.push(real)
  const { createLease, replaceLease, deleteLease, canI } = real
  const rest = standInCluster()
  return {
    ...rest,
    createLease,
    replaceLease,
    deleteLease,
    canI,
    list: (kind, options) => (kind === 'leases' ? real.list(kind, options) : rest.list(kind, options)),
    get: (kind, namespace, name) => (kind === 'leases' ? real.get(kind, namespace, name) : rest.get(kind, namespace, name)),
    watch: (kind, options, onChange) => (kind === 'leases' ? real.watch(kind, options, onChange) : rest.watch(kind, options, onChange))
  }
}

const person = async ({ plan, server, laptop }: RunningSession, user: string, settings: Partial<InterceptSettings> = {}) => {
  const ports = { tunnelPort: server.tunnelPort, entrypointPort: server.entrypointPort, appPort: laptop.port }
  const made = sessionOf(plan, { ...ports, user, cluster: await leasesOnly() }, settings)
  open.push(made.session)
  return made
}
const verified = (session: { state: string }): Promise<unknown> => eventually(() => session.state === 'verified', { timeoutMs: 10_000 })
const holders = (): string[] => (fake.list('leases') as unknown as Lease[]).map(({ spec }) => spec.holderIdentity).sort()
const never = new AbortController().signal

describe('two people on a server of ours', () => {
  it('hand all visitors over without a lost request', async () => {
    await using world = await runningSession('ours', {}, { start: false })
    const ada = await person(world, 'ada@one')
    await ada.session.start(never)
    await verified(ada.session)
    const load = arrivals({ host: '127.0.0.1', port: world.server.entrypointPort, name: HOST, rate: 40 })
    await eventually(() => load.visits.length > 40)
    const leaving = ada.session.taken.then(() => ada.session.drain(never)).then(() => ada.session.close())
    const bob = await person(world, 'bob@two', { manner: 'takeover' })
    await bob.session.start(never)
    await verified(bob.session)
    await leaving
    const before = load.visits.length
    await eventually(() => load.visits.length > before + 40)
    const visits = await load.stop()
    expect(failed(visits)).toEqual([])
    expect(Object.keys(tally(visits, ({ body }) => body.trim())).sort()).toEqual(['laptop', 'pod'])
    expect(holders()).toEqual(['bob@two', 'bob@two'])
  })

  it('are refused by name at the start, and when they raise their weight to 255', async () => {
    await using world = await runningSession('ours', {}, { start: false })
    const [ada, bob] = [await person(world, 'ada@one'), await person(world, 'bob@two', { weight: 10 })]
    await ada.session.start(never)
    await bob.session.start(never)
    const raise = { kind: 'weight', weight: 255 } as const
    await expect(bob.session.change(raise, 'control')).rejects.toMatchObject({ code: 'TAKEN', details: { holder: 'ada@one' } })
    expect(bob.events.filter(({ type }) => type === 'intercept.changed')).toHaveLength(1)
    const eve = await person(world, 'eve@three')
    await expect(eve.session.start(never)).rejects.toMatchObject({ code: 'TAKEN' })
    expect(eve.events.some(({ type }) => type === 'connector.state')).toBe(false)
    await ada.session.change({ kind: 'weight', weight: 20 }, 'control')
    expect(await bob.session.change(raise, 'control')).toMatchObject({ changed: true, weight: 255 })
    expect(holders()).toEqual(['ada@one', 'bob@two', 'bob@two'])
  })

  it('leave no Lease behind, whether drained or closed', async () => {
    await using world = await runningSession('ours', {}, { start: false })
    const [ada, bob] = [await person(world, 'ada@one'), await person(world, 'bob@two', { manner: 'join' })]
    await ada.session.start(never)
    await bob.session.start(never)
    expect(holders()).toEqual(['ada@one', 'ada@one', 'bob@two'])
    await ada.session.drain(never)
    await eventually(() => expect(holders().filter(user => user === 'ada@one')).toEqual([]))
    await bob.session.close()
    expect(holders()).toEqual([])
  })
})
