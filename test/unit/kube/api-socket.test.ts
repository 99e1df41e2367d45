import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(resolve))
    }
  })
  return (server.address() as AddressInfo).port
}

const join = (a: net.Socket, b: net.Socket): void => {
  a.pipe(b).pipe(a)
  a.on('error', () => b.destroy())
  b.on('error', () => a.destroy())
}

/** A CONNECT proxy that leads every name to the fake API server. */
async function connectProxy(fake: FakeKubernetes, seen: http.IncomingMessage[], status = 200): Promise<number> {
  const server = http.createServer()
  server.on('connect', (request, socket) => {
    seen.push(request)
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      return
    }
    const upstream = net.connect(fake.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      join(socket as net.Socket, upstream)
    })
  })
  return listen(server)
}

/** RFC 1928, CONNECT by name or address only; answers with the names asked for. */
async function socksProxy(fake: FakeKubernetes, names: string[]): Promise<number> {
  return listen(
    net.createServer(socket => {
      socket.once('data', () => {
        socket.write(Buffer.from([5, 0]))
        socket.once('data', request => {
          names.push(request[3] === 3 ? request.toString('latin1', 5, 5 + (request[4] ?? 0)) : 'an address')
          const upstream = net.connect(fake.port, '127.0.0.1', () => {
            socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
            join(socket, upstream)
          })
        })
      })
    })
  )
}

describe('through a proxy', () => {
  test('HTTPS_PROXY carries requests and port-forwards by CONNECT, with its password', async () => {
    const fake = await startFakeKubernetes({ objects: { pods: [{ metadata: { name: 'web' } }] } })
    const seen: http.IncomingMessage[] = []
    const port = await connectProxy(fake, seen)
    const cluster = await connectToFake(fake, {
      server: 'https://api.example.com:6443',
      tlsServerName: 'localhost',
      env: { HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${port}` }
    })
    open.push(fake, cluster)
    expect(await cluster.list('pods', {})).toHaveLength(1)
    await cluster
      .forwarder('default', 'web')
      .dial(80, new AbortController().signal)
      .catch(() => {})
    expect(seen.map(({ url }) => url)).toEqual(['api.example.com:6443', 'api.example.com:6443'])
    expect(seen[0]?.headers['proxy-authorization']).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
    expect(fake.requests.at(-1)?.resource).toBe('pods/portforward')
  })

  test('NO_PROXY goes directly', async () => {
    const fake = await startFakeKubernetes()
    const cluster = await connectToFake(fake, { env: { HTTPS_PROXY: 'http://127.0.0.1:1' } })
    open.push(fake, cluster)
    expect(await cluster.list('pods', {})).toEqual([])
  })

  test('a proxy that refuses is named with its status', async () => {
    const fake = await startFakeKubernetes()
    const port = await connectProxy(fake, [], 407)
    const cluster = await connectToFake(fake, { server: 'https://api.example.com', env: { https_proxy: `127.0.0.1:${port}` } })
    open.push(fake, cluster)
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: `cannot reach the API server at https://api.example.com: proxy 127.0.0.1:${port} answered 407 to CONNECT`
    })
  })

  test('a SOCKS5 proxy gets the name to resolve', async () => {
    const fake = await startFakeKubernetes()
    const names: string[] = []
    const port = await socksProxy(fake, names)
    const cluster = await connectToFake(fake, {
      server: 'https://api.internal:6443',
      tlsServerName: 'localhost',
      env: { HTTPS_PROXY: `socks5://127.0.0.1:${port}` }
    })
    open.push(fake, cluster)
    expect(await cluster.list('pods', {})).toEqual([])
    expect(names).toEqual(['api.internal'])
  })
})

describe('without TLS', () => {
  test('asks a plain http server, without credentials, and warns', async () => {
    const heads: http.IncomingMessage[] = []
    const server = http.createServer((request, response) => {
      heads.push(request)
      response.end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: [{ metadata: { name: 'a' } }] }))
    })
    const port = await listen(server)
    const fake = await startFakeKubernetes()
    const warnings: string[] = []
    const cluster = await connectToFake(fake, { server: `http://127.0.0.1:${port}/base/`, as: 'alice', warn: line => warnings.push(line) })
    open.push(fake, cluster)
    expect(await cluster.list('pods', { namespace: 'x' })).toHaveLength(1)
    expect(heads[0]?.url).toBe('/base/api/v1/namespaces/x/pods?limit=500')
    expect(heads[0]?.headers.authorization).toBeUndefined()
    expect(heads[0]?.headers['impersonate-user']).toBeUndefined()
    expect(warnings).toEqual([expect.stringContaining('plain http')])
  })

  test('something that is no API server is told', async () => {
    const port = await listen(http.createServer((_request, response) => response.end('<html>hello</html>')))
    const fake = await startFakeKubernetes()
    const cluster = await connectToFake(fake, { server: `http://127.0.0.1:${port}` })
    open.push(fake, cluster)
    await expect(cluster.list('pods', {})).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      message: expect.stringContaining('is it a Kubernetes API server?')
    })
  })
})

describe('TLS', () => {
  test('the name of the certificate has to fit, unless told otherwise', async () => {
    const fake = await startFakeKubernetes()
    open.push(fake)
    const list = async (options: Parameters<typeof connectToFake>[1]) => {
      const cluster = await connectToFake(fake, options)
      open.push(cluster)
      return cluster.list('pods', {})
    }
    await expect(list({ tlsServerName: 'other.example' })).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
      hint: expect.stringContaining('--tls-server-name')
    })
    expect(await list({ tlsServerName: 'x.tunnel.test' })).toEqual([])
    expect(await list({ tlsServerName: 'other.example', insecureSkipTlsVerify: true })).toEqual([])
  })
})
