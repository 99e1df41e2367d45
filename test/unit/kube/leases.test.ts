import { afterEach, describe, expect, it } from 'vitest'
import type { Cluster, Lease } from '../../../src/kube/types.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

async function start(): Promise<{ fake: FakeKubernetes; cluster: Cluster }> {
  const fake = await startFakeKubernetes()
  const cluster = await connectToFake(fake)
  open.push(fake, cluster)
  return { fake, cluster }
}

const TIME = '2026-02-03T04:05:06.000000Z'
const lease = (holderIdentity: string, more: Partial<Lease['metadata']> = {}): Lease => ({
  metadata: { name: 'one', namespace: 'shop', labels: { a: 'b' }, ...more },
  spec: { holderIdentity, leaseDurationSeconds: 30, acquireTime: TIME, renewTime: TIME }
})

describe('a Lease', () => {
  it('is made once: of twenty at the same moment one gets it', async () => {
    const { cluster } = await start()
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => cluster.createLease(lease(`user-${index}`))))
    expect(made.filter(each => each !== undefined)).toHaveLength(1)
  })

  it('keeps its times as text, and is found by get, list and watch', async () => {
    const { cluster } = await start()
    const seen: (string | undefined)[] = []
    const watch = cluster.watch('leases', { namespace: 'shop', labelSelector: 'a=b' }, items => {
      seen.splice(0, Infinity, ...items.map(item => item.spec.holderIdentity))
    })
    await watch.ready
    await cluster.createLease(lease('ada'))
    expect(await cluster.get('leases', 'shop', 'one')).toMatchObject({ spec: { holderIdentity: 'ada', renewTime: TIME } })
    expect(await cluster.list('leases', { namespace: 'shop', labelSelector: 'a=b' })).toHaveLength(1)
    await eventually(() => expect(seen).toEqual(['ada']))
  })

  it('is replaced only by whoever has seen its last version', async () => {
    const { cluster } = await start()
    const first = await cluster.createLease(lease('ada'))
    const { resourceVersion } = first?.metadata ?? {}
    const second = await cluster.replaceLease(lease('bob', resourceVersion === undefined ? {} : { resourceVersion }))
    expect(second?.spec.holderIdentity).toBe('bob')
    expect(await cluster.replaceLease(lease('eve', resourceVersion === undefined ? {} : { resourceVersion }))).toBeUndefined()
    expect(await cluster.replaceLease(lease('eve', { name: 'absent' }))).toBeUndefined()
  })

  it('is removed only by whoever has seen its last version', async () => {
    const { fake, cluster } = await start()
    const first = await cluster.createLease(lease('ada'))
    if (first === undefined) throw new Error('not made')
    const second = await cluster.replaceLease({ ...first, spec: { ...first.spec, holderIdentity: 'bob' } })
    if (second === undefined) throw new Error('not replaced')
    expect(await cluster.deleteLease(first)).toBe(false)
    expect(await cluster.deleteLease(second)).toBe(true)
    expect(fake.list('leases')).toEqual([])
  })

  it.each([
    ['create', (cluster: Cluster) => cluster.createLease(lease('ada'))],
    ['update', (cluster: Cluster) => cluster.replaceLease(lease('ada'))],
    ['delete', (cluster: Cluster) => cluster.deleteLease(lease('ada'))]
  ] as const)('says which right is missing: %s', async (verb, act) => {
    const { fake, cluster } = await start()
    fake.forbid(verb, 'leases')
    await expect(act(cluster)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      hint: `kubectl auth can-i ${verb} leases.coordination.k8s.io -n shop`
    })
  })
})
