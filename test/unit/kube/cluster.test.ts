import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type LogRecord, logger } from '../../../src/base/log.ts'
import type { Cluster } from '../../../src/kube/types.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { FAKE_TOKEN, type FakeKubernetes, type FakeKubernetesOptions, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

async function start(
  options: FakeKubernetesOptions = {},
  connect: Parameters<typeof connectToFake>[1] = {}
): Promise<[FakeKubernetes, Cluster]> {
  const fake = await startFakeKubernetes(options)
  const cluster = await connectToFake(fake, connect)
  open.push(fake, cluster)
  return [fake, cluster]
}

const pod = (name: string, namespace = 'default', labels: Record<string, string> = {}) => ({
  metadata: { name, namespace, labels },
  status: { startTime: '2026-02-03T04:05:06Z', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-02-03T04:05:07Z' }] }
})
const pods = (count: number) => Array.from({ length: count }, (_, index) => pod(`p${String(index).padStart(4, '0')}`))

describe('list', () => {
  test('reads all pages', async () => {
    const [fake, cluster] = await start({ objects: { pods: pods(1_201) } })
    const items = await cluster.list('pods', { namespace: 'default' })
    expect(items).toHaveLength(1_201)
    expect(fake.requests.map(({ url }) => new URL(url, 'https://x').searchParams.get('limit'))).toEqual(['500', '500', '500'])
  })

  test('starts over without pages when the next page has expired', async () => {
    const [fake, cluster] = await start({ objects: { pods: pods(1_100) } })
    fake.onRequest(({ url }) => url.includes('continue') && fake.compact())
    expect(await cluster.list('pods', {})).toHaveLength(1_100)
    expect(fake.requests.at(-1)?.url).not.toContain('limit')
  })

  test('keeps to the namespace and the selectors', async () => {
    const [, cluster] = await start({
      objects: { pods: [pod('a', 'x', { app: 'web' }), pod('b', 'x', { app: 'db' }), pod('c', 'y', { app: 'web' })] }
    })
    const names = async (options: Parameters<Cluster['list']>[1]) => (await cluster.list('pods', options)).map(item => item.metadata?.name)
    expect(await names({})).toEqual(['a', 'b', 'c'])
    expect(await names({ namespace: 'x' })).toEqual(['a', 'b'])
    expect(await names({ labelSelector: 'app=web' })).toEqual(['a', 'c'])
    expect(await names({ namespace: 'x', fieldSelector: 'metadata.name=b' })).toEqual(['b'])
  })

  test('gives times as Date and leaves managedFields out', async () => {
    const [, cluster] = await start({ objects: { pods: [pod('a')] } })
    const [item] = await cluster.list('pods', {})
    expect(item?.metadata?.creationTimestamp).toEqual(new Date('2026-01-01T00:00:00Z'))
    expect(item?.status?.startTime).toEqual(new Date('2026-02-03T04:05:06Z'))
    expect(item?.status?.conditions?.[0]?.lastTransitionTime).toEqual(new Date('2026-02-03T04:05:07Z'))
    expect(item?.metadata).not.toHaveProperty('managedFields')
  })

  test('fifty lists share one TLS connection', async () => {
    const [fake, cluster] = await start({ objects: { pods: pods(3) } })
    for (let round = 0; round < 50; round += 1) await cluster.list('pods', {})
    expect(fake.tlsHandshakes).toBeLessThanOrEqual(2)
  })

  test('tells the trace log each request, how it ended and after how long', async () => {
    const told: LogRecord[] = []
    const [fake, cluster] = await start({ objects: { pods: pods(1) } }, { log: logger(record => told.push(record), 'trace') })
    await cluster.list('pods', { namespace: 'default', labelSelector: 'app=web' })
    await cluster.get('pods', 'default', 'none')
    await expect(cluster.forwarder('default', 'none').dial(80, new AbortController().signal)).rejects.toThrow(/none/)
    const requests = told.filter(({ message }) => message === 'request').map(({ fields }) => fields)
    expect(requests).toEqual(
      [
        { status: 200, url: '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb&limit=500' },
        { status: 404, url: '/api/v1/namespaces/default/pods/none' },
        { status: 404, url: '/api/v1/namespaces/default/pods/none/portforward' }
      ].map(({ status, url }) => ({ method: 'GET', url: `${fake.url}${url}`, status, ms: expect.any(Number) as unknown }))
    )
    expect(JSON.stringify(told)).not.toContain(FAKE_TOKEN)
  })

  test('goes on when the server has closed the idle connection', async () => {
    const [fake, cluster] = await start({ objects: { pods: pods(3) } })
    for (let round = 0; round < 5; round += 1) {
      expect(await cluster.list('pods', {})).toHaveLength(3)
      fake.resetConnections()
    }
  })
})

describe('get', () => {
  test('gives the object, or undefined when there is none', async () => {
    const [, cluster] = await start({ objects: { services: [{ metadata: { name: 'web' }, spec: { clusterIP: '10.0.0.1' } }] } })
    expect((await cluster.get('services', 'default', 'web'))?.spec?.clusterIP).toBe('10.0.0.1')
    expect(await cluster.get('services', 'default', 'gone')).toBeUndefined()
  })
})

describe('errors', () => {
  test('forbidden names verb, resource and namespace, and how to check', async () => {
    const [fake, cluster] = await start()
    fake.forbid('list', 'deployments', 'shop')
    await expect(cluster.list('deployments', { namespace: 'shop' })).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: 'developer@fake may not list deployments.apps in namespace shop',
      hint: 'kubectl auth can-i list deployments.apps -n shop'
    })
  })

  test('a refused token is unauthorized', async () => {
    const [fake, cluster] = await start()
    fake.tokens.clear()
    await expect(cluster.list('pods', {})).rejects.toMatchObject({ code: 'CLUSTER_UNAUTHORIZED' })
  })

  test('nobody listening is unreachable, with the reason in words', async () => {
    const [fake, cluster] = await start()
    await fake.close()
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: `cannot reach the API server at https://127.0.0.1:${fake.port}: connection refused`
    })
  })

  test('a server of another authority is unreachable, with what to check', async () => {
    const [fake] = await start()
    const cluster = await connectToFake(fake, { certificateAuthority: path.join(import.meta.dirname, '../../fixtures/certs/expired.pem') })
    open.push(cluster)
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('certificate not trusted'),
      hint: expect.stringContaining('certificate-authority')
    })
  })

  test('no answer within the request timeout is unreachable', async () => {
    const [fake, cluster] = await start({}, { requestTimeout: '100ms' })
    fake.freeze(true)
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('did not answer within 0.1 s')
    })
  })

  test('an abort passes its reason through', async () => {
    const [fake, cluster] = await start()
    fake.freeze(true)
    const controller = new AbortController()
    const listing = cluster.list('pods', { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(listing).rejects.toThrow('enough')
  })

  test('an answer of 500 is told in the words of the server', async () => {
    const [fake, cluster] = await start()
    fake.failNext(1, 500)
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('told to fail')
    })
  })
})

describe('who we are', () => {
  test('sends the impersonation headers for requests', async () => {
    const [fake, cluster] = await start({}, { as: 'alice', asGroup: ['dev', 'ops'], asUid: '42' })
    await cluster.list('pods', {})
    expect(fake.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${FAKE_TOKEN}`,
      'impersonate-user': 'alice',
      'impersonate-uid': '42',
      'impersonate-group': 'dev, ops'
    })
  })

  test('presents a client certificate', async () => {
    const certs = path.join(import.meta.dirname, '../../fixtures/certs')
    const [fake, cluster] = await start({ tokens: [''] }, { clientCertificate: `${certs}/server.pem`, clientKey: `${certs}/server.key` })
    expect(await cluster.list('pods', {})).toEqual([])
    expect(fake.requests[0]?.certificate).toBe('tunnel.test')
  })

  test('reads a token file again when the token is refused', async () => {
    const fake = await startFakeKubernetes()
    const tokenFile = path.join(path.dirname(fake.kubeconfigPath), 'token')
    await writeFile(tokenFile, 'first\n')
    await writeFile(
      fake.kubeconfigPath,
      JSON.stringify({ ...fake.kubeconfig, users: [{ name: 'developer', user: { tokenFile: 'token' } }] })
    )
    const cluster = await connectToFake(fake)
    open.push(fake, cluster)
    fake.tokens.add('first')
    await cluster.list('pods', {})
    fake.tokens.delete('first')
    fake.tokens.add('second')
    await writeFile(tokenFile, 'second\n')
    expect(await cluster.list('pods', {})).toEqual([])
  })
})

describe('canI', () => {
  test('tells what is allowed, and undefined when it cannot be asked', async () => {
    const [fake, cluster] = await start()
    fake.forbid('create', 'pods/portforward')
    expect(await cluster.canI('list', 'pods', { namespace: 'default' })).toBe(true)
    expect(await cluster.canI('create', 'pods', { namespace: 'default', subresource: 'portforward' })).toBe(false)
    expect(await cluster.canI('create', 'pods/portforward', { namespace: 'default' })).toBe(false)
    fake.forbid('create', 'selfsubjectaccessreviews')
    expect(await cluster.canI('list', 'pods', { namespace: 'default' })).toBeUndefined()
  })
})
