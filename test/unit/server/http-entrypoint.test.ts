import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '../../harness/eventually.ts'
import { PREFACE } from '../../harness/http2-frames.ts'
import { visit } from '../../harness/visit.ts'
import { HOST, request, startWorld, TUNNEL } from './world.ts'

const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

/** A bare TCP app: answers each connection with what `respond` writes once a head has arrived. */
async function bareApp(
  respond: (socket: net.Socket, head: string) => void
): Promise<{ port: number; heads: string[]; closed: () => number; write: (text: string) => void } & AsyncDisposable> {
  const heads: string[] = []
  const sockets = new Set<net.Socket>()
  let closed = 0
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    let head = ''
    socket.on('error', () => {})
    socket.on('close', () => {
      closed += 1
      sockets.delete(socket)
    })
    socket.on('data', chunk => {
      if (head.includes('\r\n\r\n')) return
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      heads.push(head)
      respond(socket, head)
    })
  })
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    heads,
    closed: () => closed,
    write: text => {
      for (const socket of sockets) socket.write(text)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => {
        server.close(resolve)
      })
    }
  }
}

describe('HTTP entrypoint: routing', () => {
  it('routes by Host without case, with port, and with a trailing dot', async () => {
    await using world = await startWorld()
    for (const host of [HOST, 'NGINX.Local', 'nginx.local:8080', 'nginx.local.']) {
      expect((await world.visit('/', { host })).text).toBe('app0\n')
    }
  })

  it('answers 502 for an unknown host, 503 without a connector, and keeps the connection', async () => {
    await using world = await startWorld({
      server: {
        rules: [
          { host: HOST, tunnelId: TUNNEL },
          { host: 'empty.local', tunnelId: 'aaaaaaaa-0000-4000-8000-000000000001' },
          { host: 'inside.local', tunnelId: TUNNEL, private: true }
        ]
      }
    })
    const visitor = await world.raw('GET / HTTP/1.1\r\nHost: other.local\r\n\r\n')
    await eventually(() => expect(visitor.text).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*X-Intercept-Error: no-route\r\n/))
    visitor.send('GET / HTTP/1.1\r\nHost: inside.local\r\n\r\n')
    await eventually(() => expect(visitor.text.match(/ 502 /g)).toHaveLength(2))
    visitor.send('HEAD / HTTP/1.1\r\nHost: empty.local\r\n\r\n')
    await eventually(() => expect(visitor.text).toMatch(/HTTP\/1\.1 503 [^]*X-Intercept-Error: no-connector\r\n\r\n$/))
    visitor.send(request('/', 'Connection: close\r\n'))
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*app0\n$/)
    expect(world.apps[0]?.counts.requests).toBe(1)
  })

  it('serves 300 bytes of Host with a 502 and leaves the connector alone, also behind a catch-all', async () => {
    await using world = await startWorld({ server: { rules: [{ host: '*', tunnelId: TUNNEL }] } })
    const long = `${'a'.repeat(300)}.nginx.local`
    expect((await world.visit('/', { host: long })).status).toBe(502)
    expect((await world.visit('/', { host: `${'b'.repeat(240)}.nginx.local` })).status).toBe(200)
    expect(world.server.stats().binds).toBe(1)
  })

  it('takes the host of an absolute target and forwards path and Host', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(`GET http://${HOST}/headers?x=1 HTTP/1.1\r\nHost: other.local\r\nConnection: close\r\n\r\n`)
    await eventually(() => expect(visitor.ended).toBe(true))
    const seen: unknown = JSON.parse(/\{.*\}/.exec(visitor.text)?.[0] ?? '{}')
    expect(seen).toMatchObject({ url: '/headers?x=1', rawHeaders: ['Host', HOST] })
  })
})

describe('HTTP entrypoint: forwarding', () => {
  it('forwards names, values and order as sent, and only its own Connection', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(
      request(
        '/headers',
        'x-LOWER: a\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: x-hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nACCEPT:  */*  \r\nx-lower: b\r\nX-Bin: café\r\n'
      )
    )
    await eventually(() => expect(visitor.ended).toBe(true))
    const seen = JSON.parse(/\{.*\}/.exec(visitor.received.toString())?.[0] ?? '{}') as { rawHeaders: string[]; httpVersion: string }
    expect(seen.httpVersion).toBe('1.1')
    const expected = [
      'Host',
      HOST,
      'x-LOWER',
      'a',
      'X-Forwarded-For',
      '1.2.3.4',
      'ACCEPT',
      '*/*',
      'x-lower',
      'b',
      'X-Bin',
      'caf\u00c3\u00a9'
    ]
    expect(seen.rawHeaders).toEqual(expected)
  })

  it('keeps the visitor connection over many requests and answers pipelined ones in order', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(
      request('/echo', 'Content-Length: 3\r\n', 'POST') +
        'one' +
        request('/slow/60') +
        request('/size/5') +
        request('/', 'Connection: close\r\n')
    )
    await eventually(() => expect(visitor.ended).toBe(true))
    const bodies = visitor.text.split(/HTTP\/1\.1 200 OK\r\n/).map(part => part.slice(part.indexOf('\r\n\r\n') + 4))
    expect(bodies[1]).toContain('one')
    expect(bodies[2]).toContain('slow')
    expect(bodies[3]).toBe('xxxxx')
    expect(bodies[4]).toBe('app0\n')
    expect(world.server.stats()).toMatchObject({ visitors: 1, requests: 4 })
    expect(world.sidecars[0]?.streams).toBe(4)
  })

  it.each([
    ['HEAD', '/size/1000', 200, 0],
    ['GET', '/status/204', 204, 0],
    ['GET', '/status/304', 304, 0],
    ['GET', '/size/0', 200, 0],
    ['DELETE', '/status/404', 404, 0],
    ['GET', '/size/1000', 200, 1000]
  ])('frames %s %s (%i) and goes on with the connection', async (method, path, status, length) => {
    await using world = await startWorld()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (let n = 0; n < 3; n += 1) {
      const answer = await world.visit(path, { method, agent })
      expect([answer.status, answer.body.length]).toEqual([status, length])
    }
    agent.destroy()
    expect(world.server.stats().visitors).toBe(1)
  })

  it('passes chunked bodies with trailers both ways', async () => {
    await using world = await startWorld()
    const answer = await world.visit('/chunked/5')
    expect(answer.text).toBe('chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n')
    expect(answer.trailers).toEqual({ 'x-checksum': '5' })
    const visitor = await world.raw(request('/echo', 'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n', 'POST'))
    for (const part of ['4\r\nWi', 'ki\r', '\n5;ext=1\r\npedia\r\n0\r\n', 'X-Sum: 9\r\n\r', '\n']) visitor.send(part)
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text.slice(visitor.text.indexOf('\r\n\r\n'))).toMatch(/Wiki[^]*pedia/)
  })

  it('carries 24 MiB each way unchanged', async () => {
    await using world = await startWorld()
    const body = randomBytes(24 * 1024 * 1024)
    const answer = await world.visit('/echo', { method: 'POST', body })
    expect(answer.body.length).toBe(body.length)
    expect(sha1(answer.body)).toBe(sha1(body))
  })

  it('echoes 100 concurrent bodies of 1 B to 300 kB', async () => {
    await using world = await startWorld()
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const body = randomBytes(1 + n * 3_000)
        expect(sha1((await world.visit('/echo', { method: 'POST', body })).body)).toBe(sha1(body))
      })
    )
  })

  it('serves an HTTP/1.0 visitor that waits for the end', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(`GET /size/10 HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`)
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nx{10}$/)
  })

  it('passes interim responses and the body after Expect: 100-continue', async () => {
    await using app = await bareApp(socket => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n')
      socket.once('data', body => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`))
    })
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    const visitor = await world.raw(request('/', 'Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'))
    await eventually(() => expect(visitor.text).toContain('HTTP/1.1 100 Continue\r\n\r\n'))
    expect(visitor.text).toContain('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n')
    visitor.send('hello')
    await eventually(() => expect(visitor.text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhello$/))
    expect(app.heads[0]).toContain('Expect: 100-continue\r\n')
  })

  it('flushes server-sent events one by one', async () => {
    await using app = await bareApp(socket => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    })
    await using world = await startWorld({ weights: [], limits: { firstByteTimeoutMs: 200 } })
    await world.addSidecar(app.port)
    const visitor = await world.raw(request('/'))
    await eventually(() => expect(visitor.text).toMatch(/Connection: close\r\n\r\ndata: 1\n\n$/))
    expect(visitor.ended).toBe(false)
    visitor.socket.destroy()
    // An app that reads on after the end of its visitor finds out at the next event.
    await eventually(() => {
      app.write('data: 2\n\n')
      expect(app.closed()).toBe(1)
    })
  })

  it('ends a response without length with the connection, and cuts one that is too short', async () => {
    await using app = await bareApp((socket, head) => {
      if (head.startsWith('GET /open')) socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort')
    })
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    const open = await world.raw(request('/open'))
    await eventually(() => expect(open.ended).toBe(true))
    expect(open.text).toMatch(/Connection: close\r\n\r\nuntil the end$/)
    expect(open.error).toBeUndefined()
    const short = await world.raw(request('/short'))
    await eventually(() => expect(short.closed).toBe(true))
    expect(short.text).toMatch(/short$/)
    expect(short.error).toMatchObject({ code: 'ECONNRESET' })
  })

  it('passes an early refusal to a visitor that still uploads', async () => {
    await using app = await bareApp(socket => socket.end('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'))
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    const visitor = await world.raw(request('/', 'Content-Length: 50000000\r\n', 'POST'))
    for (let n = 0; n < 20; n += 1) visitor.send(Buffer.alloc(65_536))
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/^HTTP\/1\.1 413 Content Too Large\r\n[^]*Connection: close\r\n/)
    expect(visitor.error).toBeUndefined()
  })
})

describe('HTTP entrypoint: upgrades', () => {
  it('carries WebSocket messages both ways, and the end to both', async () => {
    const app = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    let closed = 0
    app.on('connection', socket => {
      socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }))
      socket.on('close', () => (closed += 1))
    })
    await new Promise(resolve => app.once('listening', resolve))
    await using world = await startWorld({ weights: [] })
    await world.addSidecar((app.address() as AddressInfo).port)
    const client = new WebSocket(`${world.url.replace('http', 'ws')}/ws`, { headers: { host: HOST } })
    const received: Buffer[] = []
    client.on('message', (data: Buffer) => received.push(data))
    await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
    const sent = [Buffer.from('hello'), randomBytes(200_000), Buffer.alloc(0), randomBytes(70_000)]
    for (const message of sent) client.send(message)
    await eventually(() => expect(received).toHaveLength(4))
    expect(received.map(sha1)).toEqual(sent.map(sha1))
    client.terminate()
    await eventually(() => expect(closed).toBe(1))
    app.close()
  })

  it('splices raw bytes after 101, those right behind the request too', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(`${request('/x', 'Upgrade: raw\r\nConnection: keep-alive, Upgrade\r\n')}early`)
    await eventually(() =>
      expect(visitor.text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\nearly$/)
    )
    const block = randomBytes(3_000_000)
    visitor.received = Buffer.alloc(0)
    visitor.send(block)
    await eventually(() => expect(visitor.received.length).toBe(block.length))
    expect(sha1(visitor.received)).toBe(sha1(block))
  })

  it('does not offer h2c to the app', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(
      request('/headers', 'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n')
    )
    await eventually(() => expect(visitor.text).toContain('HTTP/1.1 200 OK'))
    expect(visitor.text).not.toMatch(/h2c|settings/i)
  })
})

describe('HTTP entrypoint: failures', () => {
  it('answers 503 when the app takes too long, and a slow body is fine', async () => {
    await using world = await startWorld({ limits: { firstByteTimeoutMs: 150, unansweredOpenMs: 5_000 } })
    const late = await world.visit('/slow/2000')
    expect(late.status).toBe(503)
    expect(late.headers['x-intercept-error']).toBe('no-answer')
    const slow = await world.visit('/drip/6/60')
    expect([slow.status, slow.text]).toEqual([200, 'xxxxxx'])
  })

  it('answers 503 when the app closes without an answer, also to a POST, and does not repeat that', async () => {
    await using app = await bareApp(socket => socket.destroy())
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    await world.addSidecar(app.port)
    const answer = await world.visit('/', { method: 'POST', body: 'x' })
    expect([answer.status, answer.headers['x-intercept-error']]).toEqual([503, 'app-closed'])
    expect(app.heads).toHaveLength(1)
  })

  it('gives a GET to another connector when the app of the first refuses, and later ones at once', async () => {
    await using world = await startWorld({ weights: [1] })
    const gone = await bareApp(() => {})
    await gone[Symbol.asyncDispose]()
    await world.addSidecar(gone.port, { weight: 255 })
    for (let n = 0; n < 10; n += 1) expect((await world.visit('/')).text).toBe('app0\n')
    expect(world.server.stats()).toMatchObject({ retried: 1, refused: 0 })
  })

  it('answers 503 to a response that cannot be framed', async () => {
    await using app = await bareApp(socket =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
    )
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    expect((await world.visit('/')).headers['x-intercept-error']).toBe('bad-response')
  })

  it('tells the app at once when the visitor leaves: waiting, uploading, downloading', async () => {
    await using world = await startWorld({ limits: { firstByteTimeoutMs: 20_000 } })
    const [app] = world.apps
    const waiting = await world.raw(request('/slow/20000'))
    const uploading = await world.raw(request('/upload', 'Content-Length: 1000\r\n', 'POST') + 'part')
    const downloading = await world.raw(request('/drip/1000/20'))
    await eventually(() => expect(app?.counts.open).toBe(3))
    await eventually(() => expect(downloading.text).toContain('200 OK'))
    for (const visitor of [waiting, uploading, downloading]) visitor.socket.end()
    await eventually(() => expect(app?.counts.open).toBe(0), { timeoutMs: 1_000 })
    expect(world.server.stats()).toMatchObject({ active: 0, aborted: 3 })
  })

  it('still answers a last request whose visitor closed only its own side', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(request('/slow/50', 'Connection: close\r\n'))
    visitor.socket.end()
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.text).toMatch(/200 OK[^]*slow/)
  })

  it('lets five stalled downloads not freeze a quick request', async () => {
    await using world = await startWorld()
    const stalled = await Promise.all(Array.from({ length: 5 }, () => world.raw(request('/size/60000000'))))
    for (const visitor of stalled) visitor.socket.pause()
    await eventually(() => expect(world.apps[0]?.counts.requests).toBe(5))
    for (let n = 0; n < 5; n += 1) expect((await world.visit('/', { timeoutMs: 2_000 })).status).toBe(200)
    expect(world.server.stats().active).toBe(5)
  })
})

describe('HTTP entrypoint: limits', () => {
  it('closes a silent visitor, and tells one that stops within a head', async () => {
    await using world = await startWorld({ limits: { headTimeoutMs: 100, idleTimeoutMs: 150 } })
    const silent = await world.raw('')
    const half = await world.raw('GET / HTTP/1.1\r\nHo')
    const idle = await world.raw(request('/'))
    await eventually(() => expect([silent.closed || silent.ended, half.ended, idle.ended]).toEqual([true, true, true]))
    expect(silent.text).toBe('')
    expect(half.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(idle.text).toMatch(/app0\n$/)
  })

  it('answers 431 above 64 KiB of head and accepts what fits', async () => {
    await using world = await startWorld()
    const big = await world.raw(request('/', `X-Big: ${'a'.repeat(70_000)}\r\n`))
    await eventually(() => expect(big.text).toMatch(/^HTTP\/1\.1 431 /))
    const endless = await world.raw(`GET / HTTP/1.1\r\nX: ${'a'.repeat(70_000)}`)
    await eventually(() => expect(endless.ended).toBe(true))
    expect(endless.text).toMatch(/^HTTP\/1\.1 431 /)
    const fits = await world.raw(request('/status/200', `X-A: ${'a'.repeat(8_000)}\r\n`))
    await eventually(() => expect(fits.text).toMatch(/^HTTP\/1\.1 200 /))
  })

  it.each([
    ['silent', ''],
    ['slow within a head', 'GET / HTTP/1.1\r\n'],
    ['slow within a ClientHello', '\x16\x03\x01'],
    ['slow within a relay request', '\x01\x01'],
    ['idle in HTTP/2', PREFACE]
  ])('drops the visitor that was %s longest above the limit, and nobody else', async (_what, bytes) => {
    await using world = await startWorld({ limits: { visitors: 3, headTimeoutMs: 60_000, relayTimeoutMs: 60_000 } })
    const busy = await world.raw(request('/drip/3/100'))
    const silent = await world.raw(Buffer.from(bytes, 'latin1'))
    await world.raw('')
    await eventually(() => expect(world.server.stats()).toMatchObject({ visitorsOpen: 3, active: 1 }))
    expect((await world.visit('/')).status).toBe(200)
    await eventually(() => expect(silent.closed || silent.ended).toBe(true))
    await eventually(() => expect(busy.text).toMatch(/xxx$/))
  })

  it('drops a new visitor where all are busy', async () => {
    await using world = await startWorld({ limits: { visitors: 1, firstByteTimeoutMs: 5_000 } })
    await world.raw(request('/slow/3000'))
    await eventually(() => expect(world.server.stats().active).toBe(1))
    const second = await world.raw('')
    await eventually(() => expect(second.closed || second.ended).toBe(true))
  })

  it('gives the visitor a 503 when the connector has no room for a stream', async () => {
    await using world = await startWorld({ limits: { streamsPerConnector: 1, firstByteTimeoutMs: 5_000 } })
    await world.raw(request('/slow/3000'))
    await eventually(() => expect(world.server.stats().active).toBe(1))
    expect((await visit(`${world.url}/`, { host: HOST })).status).toBe(503)
  })
})
