import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import type { Cluster } from '../../../src/kube/types.ts'
import { WebSocketRefused } from '../../../src/transport/websocket.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

const never = new AbortController().signal
const proxy = { namespace: 'infra', service: 'proxy', port: 'tunnel' }

/** A Service whose pod records the heads it gets and answers with `status`; WebSockets on /echo send every message back. */
async function setup(): Promise<{ fake: FakeKubernetes; cluster: Cluster; heads: http.IncomingMessage[] }> {
  const fake = await startFakeKubernetes()
  const cluster = await connectToFake(fake)
  const heads: http.IncomingMessage[] = []
  const backend = http.createServer((request, response) => {
    heads.push(request)
    const [, status = '404'] = /status=(\d+)/.exec(request.url ?? '') ?? []
    response.writeHead(
      Number(status),
      [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Served-By', 'backend']
      ].flat()
    )
    response.end('the backend')
  })
  const sockets = new WebSocketServer({ server: backend, path: '/echo' })
  sockets.on('connection', (ws, request) => {
    heads.push(request)
    ws.on('message', data => ws.send(data))
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  fake.serviceBackend('proxy', 'tunnel', (backend.address() as AddressInfo).port, 'infra')
  open.push(fake, cluster, {
    close: async () => {
      for (const ws of sockets.clients) ws.terminate()
      backend.closeAllConnections()
      await new Promise(resolve => backend.close(resolve))
    }
  })
  return { fake, cluster, heads }
}

describe('serviceProxyRequest', () => {
  test('passes method, path, query, Host and headers on, and keeps the credentials', async () => {
    const { cluster, heads } = await setup()
    const answer = await cluster.serviceProxyRequest(
      proxy,
      { method: 'HEAD', path: '/.well-known/x?status=200&y=%2F', headers: { Host: 'nginx.local', 'X-Probe': 'n' } },
      never
    )
    expect(answer.status).toBe(200)
    expect(answer.headers).toContainEqual(['X-Served-By', 'backend'])
    expect(answer.headers.filter(([name]) => name === 'Set-Cookie')).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2']
    ])
    expect(heads[0]).toMatchObject({ method: 'HEAD', url: '/.well-known/x?status=200&y=%2F' })
    expect(heads[0]?.headers).toMatchObject({ host: 'nginx.local', 'x-probe': 'n' })
    expect(heads[0]?.headers.authorization).toBeUndefined()
  })

  test('gives the errors of the backend as answers', async () => {
    const { cluster } = await setup()
    for (const status of [404, 502, 503]) {
      const answer = await cluster.serviceProxyRequest(proxy, { method: 'GET', path: `/?status=${status}`, headers: {} }, never)
      expect(answer.status).toBe(status)
    }
  })

  test('throws the errors of the API server', async () => {
    const { fake, cluster } = await setup()
    const request = { method: 'GET', path: '/', headers: {} }
    await expect(cluster.serviceProxyRequest({ ...proxy, service: 'none' }, request, never)).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('no endpoints available')
    })
    fake.forbid('get', 'services/proxy', 'infra')
    await expect(cluster.serviceProxyRequest(proxy, request, never)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      hint: 'kubectl auth can-i get services --subresource=proxy -n infra'
    })
  })
})

describe('serviceProxySocket', () => {
  test('carries the messages of a WebSocket as bytes', async () => {
    const { cluster, heads } = await setup()
    const dial = cluster.serviceProxySocket(proxy, '/echo', { Host: 'tunnel.example', 'X-Id': '1' })
    const connection = await dial(never)
    // Between the API server and the pod the frames travel in clear, so that they have to be masked properly.
    expect(connection.opaque).not.toBe(true)
    const payload = Buffer.alloc(300_000, 'x')
    connection.write(payload)
    let length = 0
    for await (const chunk of connection) {
      length += (chunk as Buffer).length
      if (length === payload.length) break
    }
    expect(heads[0]?.headers).toMatchObject({ host: 'tunnel.example', 'x-id': '1' })
    expect(heads[0]?.headers.authorization).toBeUndefined()
    expect(heads[0]?.headers['sec-websocket-protocol']).toBeUndefined()
  })

  test('tells what the backend answered instead of a WebSocket', async () => {
    const { cluster } = await setup()
    const failure = cluster.serviceProxySocket(proxy, '/other', {})(never)
    await expect(failure).rejects.toBeInstanceOf(WebSocketRefused)
  })

  test('names services/proxy when it is forbidden', async () => {
    const { fake, cluster } = await setup()
    fake.forbid('get', 'services/proxy', 'infra')
    await expect(cluster.serviceProxySocket(proxy, '/echo', {})(never)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: 'developer@fake may not get services/proxy proxy in namespace infra'
    })
  })

  test('rejects with the reason of an abort', async () => {
    const { fake, cluster } = await setup()
    fake.freeze(true)
    const controller = new AbortController()
    const dialling = cluster.serviceProxySocket(proxy, '/echo', {})(controller.signal)
    controller.abort(new Error('enough'))
    await expect(dialling).rejects.toThrow('enough')
  })
})
