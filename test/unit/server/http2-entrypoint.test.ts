/** HTTP/2 with prior knowledge through our server and sidecar to an HTTP/1.1 app. */
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { HOST, request, startWorld } from './world.ts'

const servers: http.Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

async function app(listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  return (server.address() as AddressInfo).port
}

const to = (path: string, more: http2.OutgoingHttpHeaders = {}): http2.OutgoingHttpHeaders => ({
  ':path': path,
  ':authority': HOST,
  ...more
})

describe('HTTP/2 entrypoint', () => {
  it('serves many requests on one connection, each by its own :authority', async () => {
    await using world = await startWorld()
    using session = await openHttp2(world.url)
    const answers = await Promise.all([
      ...Array.from({ length: 40 }, () => visitHttp2(session, to('/size/100'))),
      visitHttp2(session, to('/', { ':authority': 'other.local' }))
    ])
    expect(answers.slice(0, 40).map(({ status, body }) => [status, body.length])).toEqual(Array.from({ length: 40 }, () => [200, 100]))
    expect(answers[40]).toMatchObject({
      status: 502,
      headers: { 'x-intercept-error': 'no-route' },
      text: 'no tunnel is known for this host\n'
    })
    expect(world.server.stats()).toMatchObject({ visitors: 1, requests: 41, refused: 1 })
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })

  it('speaks HTTP/1.1 to the app: Host, one Cookie, nothing of the connection, no Date of its own', async () => {
    await using world = await startWorld({ weights: [] })
    const port = await app((incoming, response) => {
      response.sendDate = false
      response.writeHead(
        200,
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Bin', 'caf\u00e9'],
          ['Connection', 'x-hop'],
          ['X-Hop', '1']
        ].flat()
      )
      response.end(JSON.stringify([incoming.httpVersion, incoming.method, incoming.url, incoming.rawHeaders]))
    })
    await world.addSidecar(port)
    using session = await openHttp2(world.url)
    const { headers, text } = await visitHttp2(
      session,
      to('/a?b=c', { cookie: ['a=1', 'b=2'], te: 'trailers', 'x-bin': 'caf\u00e9', accept: '*/*' })
    )
    const [version, method, url, raw] = JSON.parse(text) as [string, string, string, string[]]
    expect([version, method, url]).toEqual(['1.1', 'GET', '/a?b=c'])
    expect(raw).toEqual(
      expect.arrayContaining(['Host', HOST, 'cookie', 'a=1; b=2', 'te', 'trailers', 'x-bin', 'caf\u00e9', 'accept', '*/*'])
    )
    expect(Object.fromEntries(Object.entries(headers))).toEqual({ ':status': 200, 'set-cookie': ['a=1', 'b=2'], 'x-bin': 'caf\u00e9' })
  })

  it('streams bodies both ways, with and without a length', async () => {
    await using world = await startWorld()
    using session = await openHttp2(world.url)
    const body = Buffer.alloc(3_000_000, 'ab')
    const [long, chunks, empty] = await Promise.all([
      visitHttp2(session, to('/echo', { ':method': 'POST', 'content-length': body.length }), { body }),
      visitHttp2(session, to('/echo', { ':method': 'POST' }), { body }),
      visitHttp2(session, to('/upload', { ':method': 'POST' }), { body: '' })
    ])
    expect([long.body.equals(body), chunks.body.equals(body), empty.text]).toEqual([true, true, '0'])
  })

  it('carries trailers both ways, and interim responses', async () => {
    await using world = await startWorld({ weights: [] })
    const port = await app((incoming, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      incoming.resume().on('end', () => {
        response.writeHead(200, { trailer: 'x-sum' })
        response.write('body')
        response.addTrailers({ 'x-sum': `got ${incoming.trailers['x-check'] ?? 'none'}` })
        response.end()
      })
    })
    await world.addSidecar(port)
    using session = await openHttp2(world.url)
    const answer = await visitHttp2(session, to('/', { ':method': 'POST' }), { body: 'x', trailers: { 'x-check': '7' } })
    expect(answer).toMatchObject({
      status: 200,
      text: 'body',
      trailers: { 'x-sum': 'got 7' },
      interim: [{ ':status': 103, link: '</a.css>; rel=preload' }]
    })
  })

  it('knows answers without a body', async () => {
    await using world = await startWorld()
    using session = await openHttp2(world.url)
    const [head, none] = await Promise.all([
      visitHttp2(session, to('/size/7', { ':method': 'HEAD' })),
      visitHttp2(session, to('/status/204'))
    ])
    expect([head.status, head.headers['content-length'], head.body.length, none.status]).toEqual([200, '7', 0, 204])
  })

  it('carries a WebSocket by extended CONNECT', async () => {
    await using world = await startWorld()
    using session = await openHttp2(world.url)
    await eventually(() => expect(session.remoteSettings.enableConnectProtocol).toBe(true))
    const stream = session.request(
      to('/socket', { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', 'sec-websocket-version': '13' })
    )
    stream.on('error', () => {}) // it leaves first
    let status = 0
    let received = Buffer.alloc(0)
    stream.once('response', headers => {
      status = headers[':status'] ?? 0
    })
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
    })
    stream.write(Buffer.from('828400000000', 'hex'))
    stream.write('ping')
    await eventually(() => expect([status, received.toString('hex')]).toEqual([200, `8204${Buffer.from('ping').toString('hex')}`]))
    expect(world.apps[0]?.counts.upgrades).toBe(1)
    stream.end()
    await eventually(() => expect(world.apps[0]?.counts.open).toBe(0))
  })

  it('tells the app of a visitor that resets its stream, and lets the others be', async () => {
    await using world = await startWorld()
    const [only] = world.apps
    using session = await openHttp2(world.url)
    const slow = visitHttp2(session, to('/slow/300'))
    const stream = session.request(to('/slow/60000'))
    await eventually(() => expect(only?.counts.open).toBe(2))
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await eventually(() => expect(world.server.stats().aborted).toBe(1))
    expect((await slow).status).toBe(200)
    await eventually(() => expect(only?.counts.open).toBe(0))
  })

  it('resets the stream when the app cuts its answer short', async () => {
    await using world = await startWorld({ weights: [] })
    const port = await app((_incoming, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half', () => response.destroy())
    })
    await world.addSidecar(port)
    using session = await openHttp2(world.url)
    await expect(visitHttp2(session, to('/'))).rejects.toMatchObject({ rstCode: http2.constants.NGHTTP2_INTERNAL_ERROR })
  })

  it.each([
    ['without a connector', {}, { ':path': '/' }, 503, 'no-connector'],
    ['with a head too large', { weights: [1] }, { ':path': '/', 'x-large': 'x'.repeat(70_000) }, 431, 'head-too-large'],
    ['with two hosts', { weights: [1] }, { ':path': '/', host: 'b.local' }, 400, 'bad-request'],
    ['with a CONNECT', { weights: [1] }, { ':method': 'CONNECT' }, 405, 'bad-request']
  ])('refuses a request %s', async (_name, options, headers, status, why) => {
    await using world = await startWorld({ weights: [], ...options })
    using session = await openHttp2(world.url, { maxSendHeaderBlockLength: 1_000_000 })
    const answer = await visitHttp2(session, { ':authority': HOST, ...headers })
    expect([answer.status, answer.headers['x-intercept-error']]).toEqual([status, why])
    expect(world.server.stats()).toMatchObject({ requests: status === 431 ? 0 : 1, refused: 1 })
  })

  it('still takes POST, PUT and PATCH of HTTP/1 at every cut of their first bytes', async () => {
    await using world = await startWorld()
    const visitor = await world.raw('P')
    await eventually(() => expect(world.server.stats().visitors).toBe(1))
    visitor.send(request('/echo', 'Content-Length: 2\r\nConnection: close\r\n', 'POST').slice(1))
    visitor.send('ok')
    await eventually(() => expect(visitor.text).toMatch(/\r\n2\r\nok\r\n0/))
  })

  it('asks for no more on drain, and finishes what runs', async () => {
    await using world = await startWorld()
    using session = await openHttp2(world.url)
    const running = visitHttp2(session, to('/slow/200'))
    await eventually(() => expect(world.apps[0]?.counts.open).toBe(1))
    const told = once(session, 'goaway')
    const drained = world.server.drain()
    expect(await told).toEqual(expect.arrayContaining([0]))
    expect((await running).status).toBe(200)
    await drained
    await eventually(() => expect(session.destroyed).toBe(true))
  })
})
