/** `kube/` against a real API server, kubelet and containerd (KUBECONFIG), in a namespace of its own. */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import type { Connection } from '../../src/base/connection.ts'
import { silent } from '../../src/base/log.ts'
import { type ClusterOptions, clusterClient, connectCluster } from '../../src/kube/connect.ts'
import { podForwarder } from '../../src/kube/port-forward.ts'
import type { Cluster, PodForwarder } from '../../src/kube/types.ts'
import { eventually } from '../harness/eventually.ts'

const namespace = `e2e-kube-${process.pid}`
const never = new AbortController().signal

function kubectl(args: string[], input = ''): string {
  const result = spawnSync('kubectl', args, { input, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}

/** nginx on 80; in busybox: 9000 echoes, 9001 sends 30 MB, 9002 tells the checksum of the first 3 MB, and 3 s later `late`. */
const manifest = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: nginx, image: "nginx:alpine"}
    - {name: echo, image: busybox, command: [nc, -ll, -p, "9000", -e, cat]}
    - {name: source, image: busybox, command: [nc, -ll, -p, "9001", -e, sh, -c, "head -c 30000000 /dev/zero"]}
    - {name: sink, image: busybox, command: [nc, -ll, -p, "9002", -e, sh, -c, "head -c 3000000 | sha256sum; sleep 3; echo late"]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
`

const options = (more: Partial<ClusterOptions> = {}): ClusterOptions => ({
  env: process.env,
  home: process.env['HOME'] ?? '/',
  log: silent,
  clock: systemClock,
  warn: () => {},
  namespace,
  ...more
})

let cluster: Cluster
beforeAll(async () => {
  kubectl(['create', 'namespace', namespace])
  kubectl(['apply', '-n', namespace, '-f', '-'], manifest)
  kubectl(['wait', '-n', namespace, 'pod/web', '--for=condition=Ready', '--timeout=120s'])
  cluster = await connectCluster(options())
})
afterAll(async () => {
  await cluster?.close()
  kubectl(['delete', 'namespace', namespace, '--wait=false'])
})

async function get(connection: Connection): Promise<string> {
  connection.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  let answer = ''
  for await (const chunk of connection) {
    answer += String(chunk)
    if (answer.includes('</html>')) break
  }
  return answer.split('\r\n')[0] ?? ''
}

describe('requests', () => {
  test('list, get and the namespace of the context', async () => {
    expect(cluster.namespace).toBe(namespace)
    const [pod] = await cluster.list('pods', { namespace, labelSelector: 'app=web' })
    expect(pod?.metadata?.creationTimestamp).toBeInstanceOf(Date)
    expect((await cluster.get('services', namespace, 'web'))?.spec?.ports?.[0]?.port).toBe(80)
    expect(await cluster.get('services', namespace, 'none')).toBeUndefined()
  })

  test('every kind can be listed in all namespaces', async () => {
    const kinds = [
      'pods',
      'services',
      'endpoints',
      'configmaps',
      'secrets',
      'deployments',
      'statefulsets',
      'daemonsets',
      'replicasets',
      'ingresses'
    ] as const
    for (const kind of kinds) expect(await cluster.list(kind, {})).toBeInstanceOf(Array)
  })

  test('permissions of somebody else', async () => {
    const nobody = await connectCluster(options({ as: `system:serviceaccount:${namespace}:default` }))
    expect(await cluster.canI('create', 'pods', { namespace, subresource: 'portforward' })).toBe(true)
    expect(await nobody.canI('create', 'pods', { namespace, subresource: 'portforward' })).toBe(false)
    await expect(nobody.list('pods', { namespace })).rejects.toMatchObject({ code: 'CLUSTER_FORBIDDEN' })
    await expect(nobody.forwarder(namespace, 'web').dial(80, never)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: expect.stringContaining('pods/portforward web'),
      hint: expect.stringContaining('--subresource=portforward')
    })
    await nobody.close()
  })

  test('a watch follows what kubectl does', async () => {
    const lists: string[][] = []
    const watch = cluster.watch('configmaps', { namespace, labelSelector: 'mine=yes' }, items =>
      lists.push(items.map(item => item.data?.['k'] ?? ''))
    )
    await watch.ready
    kubectl(['create', 'configmap', 'seen', '-n', namespace, '--from-literal=k=1'])
    kubectl(['label', 'configmap', 'seen', '-n', namespace, 'mine=yes'])
    await eventually(() => expect(lists.at(-1)).toEqual(['1']))
    kubectl(['delete', 'configmap', 'seen', '-n', namespace])
    await eventually(() => expect(lists.at(-1)).toEqual([]))
    await watch.close()
  })
})

describe.each([
  ['SPDY', true],
  ['v4', false]
])('port-forward (%s)', (_name, spdy) => {
  let forwarder: PodForwarder
  let close = async (): Promise<void> => {}
  beforeAll(async () => {
    const { client } = await clusterClient(options())
    forwarder = podForwarder({ client, namespace, pod: 'web', clock: systemClock, log: silent, dialect: { spdy } })
    close = async () => {
      await forwarder.close()
      await client.close()
    }
  })
  afterAll(() => close())

  test('carries requests, many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, async () => get(await forwarder.dial(80, never))))
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK']))
  })

  test('delivers 30 MB to the last byte', async () => {
    const connection = await forwarder.dial(9001, never)
    let length = 0
    for await (const chunk of connection) length += (chunk as Buffer).length
    expect(length).toBe(30_000_000)
  })

  test('tells that nobody listens, before any byte', async () => {
    for (let round = 0; round < 5; round += 1) {
      const refusal = await forwarder.dial(81, never).then(
        connection =>
          new Promise<Error>(resolve => {
            connection.once('error', resolve).resume()
          }),
        (error: Error) => error
      )
      expect(refusal).toMatchObject({ code: 'ECONNREFUSED' })
    }
  })

  test('tells that the pod does not exist', async () => {
    await expect(cluster.forwarder(namespace, 'gone').dial(80, never)).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' })
  })
})

describe('port-forward', () => {
  test('an upload arrives whole, and its answer comes seconds after our end', async () => {
    const upload = randomBytes(3_000_000)
    const connection = await cluster.forwarder(namespace, 'web').dial(9002, never)
    connection.end(upload)
    expect(await text(connection)).toBe(`${createHash('sha256').update(upload).digest('hex')}  -\nlate\n`)
  })

  test('a reader that stalls does not hold up others, and loses nothing', async () => {
    const forwarder = cluster.forwarder(namespace, 'web')
    const slow = await forwarder.dial(9001, never)
    slow.read(0)
    await eventually(() => expect(slow.readableLength).toBeGreaterThan(500_000))
    const answers = await Promise.all(Array.from({ length: 20 }, async () => get(await forwarder.dial(80, never))))
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK']))
    let length = 0
    for await (const chunk of slow) length += (chunk as Buffer).length
    expect(length).toBe(30_000_000)
  })

  test('ends its connections when the pod is deleted', async () => {
    kubectl(['run', 'short', '-n', namespace, '--image=busybox', '--restart=Never', '--', 'nc', '-ll', '-p', '9000', '-e', 'cat'])
    kubectl(['wait', '-n', namespace, 'pod/short', '--for=condition=Ready', '--timeout=120s'])
    const connection = await cluster.forwarder(namespace, 'short').dial(9000, never)
    connection.write('hello')
    expect(String((await once(connection, 'data'))[0])).toBe('hello')
    const closed = new Promise<void>(resolve => {
      connection.once('close', resolve)
      connection.once('end', resolve)
    })
    kubectl(['delete', 'pod', 'short', '-n', namespace, '--grace-period=0', '--force'])
    await closed
    await eventually(
      () =>
        expect(cluster.forwarder(namespace, 'short').dial(9000, never)).rejects.toMatchObject({
          code: expect.stringMatching(/TARGET_NOT_FOUND|ECONN/)
        }),
      { timeoutMs: 20_000 }
    )
  })
})

describe('service proxy', () => {
  test('passes a foreign Host on', async () => {
    const answer = await cluster.serviceProxyRequest(
      { namespace, service: 'web', port: 'http' },
      { method: 'HEAD', path: '/', headers: { Host: 'nginx.local' } },
      never
    )
    expect(answer.status).toBe(200)
    expect(answer.headers.find(([name]) => name.toLowerCase() === 'server')?.[1]).toContain('nginx')
  })
})
