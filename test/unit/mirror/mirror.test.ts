import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/ports.ts'
import { copyOf, get, mirrorWorld, ok } from './world.ts'

/** Answers all requests the same way, and keeps what came. */
async function answering(head: http.OutgoingHttpHeaders, body: string | Buffer, status = 200) {
  const seen: { method: string; url: string; headers: http.IncomingHttpHeaders; body: string }[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      response.writeHead(status, head).end(body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, seen, [Symbol.asyncDispose]: () => new Promise<void>(resolve => void server.close(() => resolve())) }
}

describe('a mirror', () => {
  it('sends each copy to the local app, and tells both exchanges and that their answers are equal', async () => {
    await using app = await answering({ 'content-type': 'application/json', date: 'now', 'x-request-id': '2' }, '{"b":2,"a":1}')
    const world = mirrorWorld(app.port)
    world.offer(copyOf(get('/x?y=1', 'X-User: ada\r\n'), ok('{"a": 1, "b": 2}', 'Content-Type: application/json\r\nX-Request-Id: 1\r\n')))
    await eventually(() => expect(world.mirror.counts).toEqual({ compared: 1, different: 0, dropped: 0 }))
    expect(app.seen).toMatchObject([{ method: 'GET', url: '/x?y=1', headers: { host: 'nginx.local', 'x-user': 'ada' } }])
    expect(world.of('exchange.started')).toMatchObject([
      { id: '1', kind: 'request', who: 'cluster', source: '10.1.2.3:4567' },
      { id: '2', kind: 'mirror', who: 'mirror', source: '10.1.2.3:4567', of: '1' }
    ])
    expect(world.of('exchange.compared')).toMatchObject([{ id: '2', of: '1', kind: 'mirror', equal: true, headers: [] }])
    await world.mirror.close()
  })

  it('says what differs: status, headers, body', async () => {
    await using app = await answering({ 'content-type': 'application/json', 'x-mode': 'new', 'set-cookie': 's=2' }, '{"a":2}', 500)
    const world = mirrorWorld(app.port)
    world.offer(copyOf(get('/'), ok('{"a":1}', 'Content-Type: application/json\r\nX-Mode: old\r\nSet-Cookie: s=1\r\n')))
    await eventually(() => expect(world.mirror.counts).toEqual({ compared: 1, different: 1, dropped: 0 }))
    const [compared] = world.of('exchange.compared')
    expect(compared).toMatchObject({ equal: false, status: '200 → 500', headers: ['x-mode: old → new'] })
    expect(compared?.body).toContain('a')
    await world.mirror.close()
  })

  it('leaves out the headers that it is told to ignore', async () => {
    await using app = await answering({ 'x-mode': 'new' }, 'same')
    const world = mirrorWorld(app.port, {}, ['x-mode'])
    world.offer(copyOf(get('/'), ok('same', 'X-Mode: old\r\n')))
    await eventually(() => expect(world.of('exchange.compared')).toMatchObject([{ equal: true }]))
    await world.mirror.close()
  })

  it('sends bodies unchunked or chunked as they came, never Expect, and closes its connection', async () => {
    await using app = await answering({}, 'ok')
    const world = mirrorWorld(app.port)
    const post = (extra: string, body: string): string => `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${extra}\r\n${body}`
    world.offer(copyOf(post('Content-Length: 5\r\n', 'hello'), ok('ok')))
    world.offer(copyOf(post('Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'), ok('ok')))
    await eventually(() => expect(world.mirror.counts.compared).toBe(2))
    for (const { body, headers } of app.seen) {
      expect(body).toBe('hello')
      expect(headers.expect).toBeUndefined()
      expect(headers.connection).toBe('close')
    }
    await world.mirror.close()
  })

  it('compares the beginning of an answer whose rest was not copied', async () => {
    const long = 'x'.repeat(100_000)
    await using app = await answering({}, long)
    const world = mirrorWorld(app.port)
    const whole = ok(long)
    const cut = { whole: whole.length }
    const beginning = whole.slice(0, whole.indexOf('\r\n\r\n') + 4 + 65_536)
    world.offer(copyOf(get('/same'), beginning, cut))
    world.offer(copyOf(get('/other'), beginning.replace(/xxx$/, 'xyx'), cut))
    await eventually(() => expect(world.mirror.counts.compared).toBe(2))
    expect(world.mirror.counts.different).toBe(1)
    expect(world.of('exchange.completed').find(({ id }) => id === '1')?.bytesOut).toBe(whole.length)
    await world.mirror.close()
  })

  it('counts what no app takes, and goes on', async () => {
    const world = mirrorWorld(await freePort())
    for (let n = 0; n < 100; n += 1) world.offer(copyOf(get('/'), ok('x')))
    await eventually(() => expect(world.mirror.counts).toEqual({ compared: 0, different: 0, dropped: 100 }))
    await world.mirror.close()
    expect(world.of('mirror.dropped').reduce((sum, { down }) => sum + down, 0)).toBe(100)
  })

  it('waits for an app that does not answer only so long, and lets only so many wait', async () => {
    await using app = await startApp()
    app.freeze()
    const world = mirrorWorld(app.port, { running: 2, waiting: 3, timeoutMs: 150 })
    for (let n = 0; n < 10; n += 1) world.offer(copyOf(get('/'), ok('x')))
    await eventually(() => expect(world.mirror.counts.dropped).toBe(10))
    await world.mirror.close()
    const told = world.of('mirror.dropped')
    expect(told.reduce((sum, { slow }) => sum + slow, 0)).toBe(5)
    expect(told.reduce((sum, { unanswered }) => sum + unanswered, 0)).toBe(5)
  })

  it('reads an endless answer no further than anybody compares', async () => {
    await using app = await startApp()
    const world = mirrorWorld(app.port, { answerBytes: 200_000 })
    const size = 50_000_000
    const whole = `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${size}\r\n\r\n`
    world.offer(copyOf(get(`/size/${size}`), `${whole}${'x'.repeat(65_536)}`, { whole: whole.length + size }))
    await eventually(() => expect(world.of('exchange.compared')).toHaveLength(1))
    expect(world.of('exchange.aborted')).toMatchObject([{ by: 'agent', code: 'TOO_LARGE' }])
    await world.mirror.close()
  })

  it('ends at once when it is closed, and takes no more', async () => {
    await using app = await startApp()
    app.freeze()
    const world = mirrorWorld(app.port)
    world.offer(copyOf(get('/'), ok('x')))
    await eventually(() => expect(app.counts.requests).toBe(1))
    await world.mirror.close()
    world.offer(copyOf(get('/'), ok('x')))
    await eventually(() => expect(app.counts.open).toBe(0))
    expect(app.counts.requests).toBe(1)
  })
})
