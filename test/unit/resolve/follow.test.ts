import { describe, expect, it } from 'vitest'
import { type Followed, type Following, followPlan } from '../../../src/resolve/follow.ts'
import { resolveTargets } from '../../../src/resolve/resolve.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import { eventually } from '../../harness/eventually.ts'
import { type ObjectCluster, objectCluster, type PlainObject, readManifests, readyPod } from '../../harness/object-cluster.ts'

async function follow(
  cluster: ObjectCluster,
  target = 'svc/nginx'
): Promise<{ states: Followed[]; last: () => Followed; following: Following }> {
  const [plan] = await resolveTargets(cluster, {
    targets: [parseTarget(target)],
    namespace: cluster.namespace,
    ports: [],
    signal: AbortSignal.timeout(5_000)
  })
  if (plan === undefined) throw new Error('no plan')
  const states: Followed[] = []
  const following = followPlan(cluster, plan, now => states.push(now))
  await following.ready
  return {
    states,
    following,
    last: () => {
      const state = states.at(-1)
      if (state === undefined) throw new Error('no state yet')
      return state
    }
  }
}

const podLike = (
  cluster: ObjectCluster,
  prefix: string,
  change: { name: string; ready?: boolean; terminating?: boolean; args?: string[] }
): PlainObject => {
  const original = cluster.objects.find(object => object.kind === 'Pod' && object.metadata.name.startsWith(prefix))
  if (original === undefined) throw new Error(`no pod ${prefix}`)
  const { containers } = original['spec'] as { containers: { name: string; args?: string[] }[] }
  return readyPod({
    ...change,
    labels: original.metadata.labels ?? {},
    spec: {
      containers: containers.map(container =>
        container.name === 'gost' && change.args !== undefined ? { ...container, args: change.args } : container
      )
    },
    owner: { kind: 'ReplicaSet', name: `${prefix}-7c5ddbdf54` }
  })
}

describe('followPlan', () => {
  it('tells the first state when it is ready', async () => {
    const { states } = await follow(objectCluster(readManifests('manifests/article.yaml')))
    expect(states).toMatchObject([
      {
        sidecars: [{ pod: 'nginx-7c5ddbdf54-x0000', weight: 1, ready: true }],
        serverPods: [{ pod: 'proxy-7c5ddbdf54-x0000', tunnelPort: 8421, entrypointPort: 80 }],
        deleted: false
      }
    ])
  })

  it('follows sidecars: new weights, readiness, the end', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    const { last } = await follow(cluster)
    const args = ['-L', 'rtcp://:0/:80', '-F', 'tunnel+ws://proxy:8421?tunnel.id=10bc451e-59dc-4c70-999e-91a30813ac78&tunnel.weight=9']
    cluster.apply(podLike(cluster, 'nginx', { name: 'nginx-new', args, ready: false }))
    await eventually(() =>
      expect(last().sidecars.map(pod => [pod.pod, pod.weight, pod.ready])).toEqual([
        ['nginx-7c5ddbdf54-x0000', 1, true],
        ['nginx-new', 9, false]
      ])
    )
    cluster.apply(
      podLike(cluster, 'nginx', { name: 'nginx-new', args }),
      podLike(cluster, 'nginx', { name: 'nginx-7c5ddbdf54-x0000', terminating: true })
    )
    await eventually(() =>
      expect(last().sidecars.map(pod => [pod.ready, pod.terminating])).toEqual([
        [true, true],
        [true, false]
      ])
    )
    cluster.remove('Pod', 'nginx-7c5ddbdf54-x0000')
    await eventually(() => expect(last().sidecars.map(pod => pod.pod)).toEqual(['nginx-new']))
  })

  it('drops pods that no longer serve the tunnel', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    const { last } = await follow(cluster)
    cluster.apply(
      podLike(cluster, 'nginx', {
        name: 'other-id',
        args: ['-L', 'rtcp://:0/:80', '-F', 'tunnel+ws://proxy:8421?tunnel.id=4d21094e-b74c-4916-86c1-d9fa36ea677b']
      })
    )
    cluster.apply(podLike(cluster, 'nginx', { name: 'same-id' }))
    await eventually(() => expect(last().sidecars.map(pod => pod.pod)).toEqual(['nginx-7c5ddbdf54-x0000', 'same-id']))
  })

  it('follows server replicas', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    const { last } = await follow(cluster)
    cluster.apply(podLike(cluster, 'proxy', { name: 'proxy-2' }))
    await eventually(() => expect(last().serverPods.map(pod => pod.pod)).toEqual(['proxy-7c5ddbdf54-x0000', 'proxy-2']))
    cluster.remove('Pod', 'proxy-7c5ddbdf54-x0000')
    await eventually(() => expect(last().serverPods.map(pod => pod.pod)).toEqual(['proxy-2']))
  })

  it('tells a deleted workload from one without pods', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    const { last } = await follow(cluster)
    cluster.remove('Pod', 'nginx-7c5ddbdf54-x0000')
    await eventually(() => expect(last()).toMatchObject({ sidecars: [], deleted: false }))
    cluster.remove('Deployment', 'nginx')
    cluster.apply(podLike(cluster, 'proxy', { name: 'proxy-2' }))
    await eventually(() => expect(last().deleted).toBe(true))
  })

  it('is silent when nothing changed, and after close', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    const { states, following, last } = await follow(cluster)
    cluster.apply({ kind: 'ConfigMap', metadata: { name: 'unrelated' } })
    cluster.apply(podLike(cluster, 'proxy', { name: 'proxy-2' }))
    await eventually(() => expect(last().serverPods).toHaveLength(2))
    expect(states).toHaveLength(2)
    await following.close()
    expect(cluster.watching).toBe(0)
    cluster.remove('Pod', 'proxy-2')
    await new Promise(setImmediate)
    expect(states).toHaveLength(2)
  })

  it('reads a Secret once per new pod, not per change', async () => {
    const cluster = objectCluster(readManifests('manifests/two-namespaces.yaml'), { namespace: 'shop' })
    const { last } = await follow(cluster, 'sts/cart')
    const before = cluster.requests.length
    const cart = cluster.objects.find(object => object.metadata.name === 'cart-0')
    if (cart === undefined) throw new Error('no pod')
    cluster.apply({ ...cart, status: { ...(cart['status'] as object), conditions: [{ type: 'Ready', status: 'False' }] } })
    await eventually(() => expect(last().sidecars[0]).toMatchObject({ pod: 'cart-0', ready: false, weight: 3 }))
    expect(cluster.requests.slice(before)).toEqual([])
  })

  it('rejects when watching is forbidden', async () => {
    const cluster = objectCluster(readManifests('manifests/article.yaml'))
    cluster.forbid('watch pods')
    await expect(follow(cluster)).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN' })
  })
})
