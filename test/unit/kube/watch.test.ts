import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster, Watch } from '../../../src/kube/types.ts'
import { WatchStore } from '../../../src/kube/watch-store.ts'
import { eventually } from '../../harness/eventually.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

interface Watching {
  fake: FakeKubernetes
  cluster: Cluster
  watch: Watch
  /** The names of each list handed to `onChange`. */
  lists: string[][]
}

const pod = (name: string, app = 'web') => ({ metadata: { name, labels: { app } } })

async function watching(names: string[], settings: Parameters<typeof connectToFake>[1] = {}): Promise<Watching> {
  const fake = await startFakeKubernetes({ objects: { pods: names.map(name => pod(name)) } })
  const cluster = await connectToFake(fake, { watchSettings: { minDelayMs: 1, maxDelayMs: 20 }, ...settings })
  open.push(fake, cluster)
  const lists: string[][] = []
  const watch = cluster.watch('pods', { namespace: 'default', labelSelector: 'app=web' }, items => {
    lists.push(items.map(item => item.metadata?.name ?? ''))
  })
  await watch.ready
  await eventually(() => expect(fake.openWatches).toBe(1))
  return { fake, cluster, watch, lists }
}

const count = (fake: FakeKubernetes, verb: string): number => fake.requests.filter(request => request.verb === verb).length

describe('a watch', () => {
  test('gives the whole list at first and after every change', async () => {
    const { fake, lists } = await watching(['a', 'b'])
    await eventually(() => expect(lists).toEqual([['a', 'b']]))
    fake.set('pods', pod('c'))
    await eventually(() => expect(lists.at(-1)).toEqual(['a', 'b', 'c']))
    fake.delete('pods', 'a')
    await eventually(() => expect(lists.at(-1)).toEqual(['b', 'c']))
    fake.set('pods', pod('other', 'db'))
    fake.set('pods', pod('d'))
    await eventually(() => expect(lists.at(-1)).toEqual(['b', 'c', 'd']))
  })

  test('tells once for many changes at once', async () => {
    const { fake, lists } = await watching([])
    for (let index = 0; index < 200; index += 1) fake.set('pods', pod(`p${index}`))
    await eventually(() => expect(lists.at(-1)).toHaveLength(200))
    expect(lists.length).toBeLessThan(60)
  })

  test('goes on from the last bookmark when the server ends it', async () => {
    const { fake, lists } = await watching(['a'])
    fake.set('pods', pod('b'))
    await eventually(() => expect(lists.at(-1)).toEqual(['a', 'b']))
    fake.set('services', { metadata: { name: 's' } })
    fake.bookmark()
    fake.endWatches()
    await eventually(() => expect(count(fake, 'watch')).toBe(2))
    fake.set('pods', pod('c'))
    await eventually(() => expect(lists.at(-1)).toEqual(['a', 'b', 'c']))
    expect(count(fake, 'list')).toBe(1)
    expect(fake.requests.at(-1)?.url).toContain('resourceVersion=103')
  })

  test('survives TCP resets and misses nothing that happened meanwhile', async () => {
    const { fake, lists } = await watching(['a'])
    for (let round = 0; round < 5; round += 1) {
      fake.resetConnections()
      fake.set('pods', pod(`r${round}`))
      await eventually(() => expect(lists.at(-1)).toContain(`r${round}`))
      await eventually(() => expect(fake.openWatches).toBe(1))
    }
    expect(count(fake, 'list')).toBe(1)
  })

  test('lists again when its version is too old (410)', async () => {
    const { fake, lists } = await watching(['a', 'b'])
    fake.endWatches()
    fake.delete('pods', 'a')
    fake.compact()
    await eventually(() => expect(lists.at(-1)).toEqual(['b']))
    fake.set('pods', pod('c'))
    await eventually(() => expect(lists.at(-1)).toEqual(['b', 'c']))
    expect(count(fake, 'list')).toBe(2)
  })

  test('survives a restart of the API server', async () => {
    const { fake, lists } = await watching(['a'])
    await fake.close()
    const again = await startFakeKubernetes({ objects: { pods: [pod('z')] }, port: fake.port, compacted: true })
    open.push(again)
    await eventually(() => expect(lists.at(-1)).toEqual(['z']))
  })

  test('notices a link that went silent', async () => {
    const { fake, lists } = await watching(['a'], { watchSettings: { timeoutSeconds: 0.05, graceMs: 50, minDelayMs: 1, maxDelayMs: 10 } })
    fake.freeze(true)
    await eventually(() => expect(count(fake, 'watch')).toBeGreaterThan(3))
    fake.freeze(false)
    fake.set('pods', pod('b'))
    await eventually(() => expect(lists.at(-1)).toEqual(['a', 'b']))
  })

  test('does not ask in a hot loop when the server ends every watch at once', async () => {
    const { fake } = await watching(['a'], { watchSettings: { minDelayMs: 50, maxDelayMs: 5_000 } })
    fake.onRequest(({ verb }) => verb === 'watch' && setImmediate(() => fake.endWatches()))
    const start = performance.now()
    fake.endWatches()
    await eventually(() => expect(count(fake, 'watch')).toBe(5))
    // 50 + 100 + 200 + 400 ms, of which jitter takes half at most.
    expect(performance.now() - start).toBeGreaterThan(370)
  })

  test('rejects when it is forbidden, and stops asking', async () => {
    const fake = await startFakeKubernetes()
    const cluster = await connectToFake(fake)
    open.push(fake, cluster)
    fake.forbid('list', 'secrets')
    const watch = cluster.watch('secrets', { namespace: 'default' }, () => {})
    await expect(watch.ready).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN', hint: 'kubectl auth can-i list secrets -n default' })
    expect(fake.requests).toHaveLength(1)
  })

  test('rejects when the cluster stays unreachable', async () => {
    const fake = await startFakeKubernetes()
    const cluster = await connectToFake(fake, { watchSettings: { minDelayMs: 1 } })
    await fake.close()
    open.push(cluster)
    await expect(cluster.watch('pods', {}, () => {}).ready).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' })
  })

  test('says nothing more after close', async () => {
    const { fake, watch, lists } = await watching(['a'])
    await watch.close()
    const before = lists.length
    fake.set('pods', pod('b'))
    await eventually(() => expect(fake.openWatches).toBe(0))
    expect(lists).toHaveLength(before)
    await watch.close()
  })

  test('ends with its signal', async () => {
    const fake = await startFakeKubernetes()
    const cluster = await connectToFake(fake)
    open.push(fake, cluster)
    const controller = new AbortController()
    const watch = cluster.watch('pods', { signal: controller.signal }, () => {})
    await watch.ready
    controller.abort()
    await eventually(() => expect(fake.openWatches).toBe(0))
  })
})

describe('WatchStore', () => {
  const item = (name: string, resourceVersion: string) => ({ metadata: { name, namespace: 'x', resourceVersion } })

  test('tells whether a new list differs', () => {
    const store = new WatchStore()
    expect(store.replace([item('a', '1')], '5')).toBe(true)
    expect(store.replace([item('a', '1')], '6')).toBe(false)
    expect(store.replace([item('a', '2')], '7')).toBe(true)
    expect(store.replace([], '8')).toBe(true)
    expect(store.resourceVersion).toBe('8')
  })

  test('moves on with bookmarks without a change', () => {
    const store = new WatchStore<ReturnType<typeof item>>()
    store.replace([item('a', '1')], '1')
    expect(store.apply({ type: 'BOOKMARK', object: item('', '9') })).toBe(false)
    expect(store.resourceVersion).toBe('9')
    expect(store.items).toHaveLength(1)
  })
})
