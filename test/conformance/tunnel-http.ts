/** Tunnel cases: HTTP as an app and a visitor see it. */
import http from 'node:http'
import { expect, it } from 'vitest'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { blocks, digestOf, type Held, type Origin, startOrigin } from './origin.ts'
import type { TunnelWorld } from './tunnel-world.ts'

export function httpCases(world: TunnelWorld): void {
  it('passes GET, POST and HEAD, 204 and 304', async () => {
    const tunnel = world.tunnel()
    await using app = await startApp({ name: 'http' })
    await using _connector = await world.connect(tunnel, app.port)
    expect(await world.visit(tunnel, '/hello?a=1')).toMatchObject({ status: 200, text: 'http\n' })
    expect(await world.visit(tunnel, '/echo', { method: 'POST', body: 'posted' })).toMatchObject({ status: 200, text: 'posted' })
    const head = await world.visit(tunnel, '/size/1234', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers['content-length']).toBe('1234')
    expect(await world.visit(tunnel, '/status/204')).toMatchObject({ status: 204, text: '' })
    expect(await world.visit(tunnel, '/status/304')).toMatchObject({ status: 304, text: '' })
    expect(app.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /hello?a=1',
      'POST /echo',
      'HEAD /size/1234',
      'GET /status/204',
      'GET /status/304'
    ])
  })

  it('passes chunked bodies and trailers both ways', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    const answer = await twist(world.server.entrypointPort, tunnel.host, ['one ', 'two ', 'three'])
    expect(answer).toEqual({ body: 'one two three', sum: 'trailing', encoding: 'chunked' })
  })

  it('carries a big upload and a big download without a changed byte', async () => {
    const tunnel = world.tunnel()
    const { bulkBytes } = world.pairing
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    const body = Buffer.concat([...blocks(bulkBytes)])
    const up = await world.visit(tunnel, '/digest', { method: 'POST', body, timeoutMs: 60_000 })
    expect(up.text).toBe(`${bulkBytes} ${digestOf(bulkBytes)}`)
    const down = await world.visit(tunnel, `/blocks/${bulkBytes}`, { timeoutMs: 60_000 })
    expect(down.body.equals(body)).toBe(true)
  })

  it('serves many requests of one visitor connection', async () => {
    const tunnel = world.tunnel()
    await using app = await startApp({ name: 'kept' })
    await using _connector = await world.connect(tunnel, app.port)
    const request = `GET / HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`
    using visitor = await world.raw(request)
    for (let at = 1; at <= 5; at += 1) {
      await eventually(() => expect(visitor.text.match(/kept\n/g)).toHaveLength(at))
      visitor.send(request)
    }
    expect(visitor.ended).toBe(false)
  })

  if (world.pairing.cases === 'all') furtherHttpCases(world)
}

function furtherHttpCases(world: TunnelWorld): void {
  const expecting = (host: string): string => `POST /echo HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`

  world.compare('expect-continue', 'passes 100 Continue from the app to a visitor that expects it', {
    async agrees() {
      const tunnel = world.tunnel()
      await using app = await startApp()
      await using _connector = await world.connect(tunnel, app.port)
      using visitor = await world.raw(expecting(tunnel.host))
      await eventually(() => expect(visitor.text).toContain('HTTP/1.1 100 '))
      visitor.send('later')
      await eventually(() => expect(visitor.text).toMatch(/HTTP\/1\.1 200 [^]*later/))
    },
    async differs() {
      const tunnel = world.tunnel()
      await using app = await startApp()
      await using _connector = await world.connect(tunnel, app.port)
      using visitor = await world.raw(expecting(tunnel.host))
      await eventually(() => expect(app.counts.requests).toBe(1))
      visitor.send('later')
      await eventually(() => expect(visitor.text).toMatch(/HTTP\/1\.1 200 [^]*later/))
      expect(visitor.text).not.toContain('100 Continue')
    }
  })

  it('answers 503 while the local app refuses, and the next request once it listens', async () => {
    const tunnel = world.tunnel()
    const first = await startApp({ name: 'up' })
    await using _connector = await world.connect(tunnel, first.port)
    expect((await world.visit(tunnel, '/')).text).toBe('up\n')
    await first.close()
    expect((await world.visit(tunnel, '/')).status).toBe(503)
    await using again = await startApp({ name: 'up again', port: first.port })
    // A session looks for the port every second and hands requests over from then on.
    await eventually(async () => expect((await world.visit(tunnel, '/')).text).toBe('up again\n'), { timeoutMs: 8_000, intervalMs: 50 })
    expect(again.counts.requests).toBe(1)
  })

  world.compare('leaving-request', 'tells the app at once that a visitor who waited for its answer has left', {
    async agrees() {
      const tunnel = world.tunnel()
      await using origin = await startOrigin()
      await using _connector = await world.connect(tunnel, origin.port)
      using visitor = await world.raw(`GET /hold HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`)
      const held = await firstHeld(origin)
      visitor.socket.destroy()
      await eventually(() => expect(held.gone).toBe(true), { timeoutMs: 3_000 })
      expect((await world.visit(tunnel, '/')).status).toBe(200)
    },
    async differs() {
      const tunnel = world.tunnel()
      await using origin = await startOrigin()
      await using _connector = await world.connect(tunnel, origin.port)
      using visitor = await world.raw(`GET /hold HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`)
      const held = await firstHeld(origin)
      visitor.socket.destroy()
      // Long enough for ten requests of others, and the app still does not know.
      for (let at = 0; at < 10; at += 1) expect((await world.visit(tunnel, '/')).status).toBe(200)
      expect(held.gone).toBe(false)
    }
  })

  it('tells the app that a visitor left in the middle of a response', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    using visitor = await world.raw(`GET /hold HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`)
    const held = await firstHeld(origin)
    held.write('begin')
    await eventually(() => expect(visitor.text).toContain('begin'))
    visitor.socket.resetAndDestroy()
    await eventually(() => {
      held.write('more')
      expect(held.gone).toBe(true)
    })
    expect((await world.visit(tunnel, '/')).status).toBe(200)
  })

  it('flushes server-sent events one by one', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    using visitor = await world.raw(`GET /events HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`)
    await eventually(() => expect(visitor.text).toContain('text/event-stream'))
    for (const event of ['first', 'second', 'third']) {
      origin.emit(event)
      await eventually(() => expect(visitor.text).toContain(`data: ${event}\n\n`))
    }
  })
}

const firstHeld = (origin: Origin): Promise<Held> =>
  eventually(() => {
    const [held] = origin.held
    if (held === undefined) throw new Error('the app has no request yet')
    return held
  })

interface Twisted {
  body: string
  sum: string | undefined
  encoding: string | undefined
}

/** A chunked POST with a trailer; the app sends body and trailer back the same way. */
function twist(port: number, host: string, parts: readonly string[]): Promise<Twisted> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'transfer-encoding': 'chunked', trailer: 'x-sum' }
    const request = http.request({ port, host: '127.0.0.1', path: '/twist', method: 'POST', headers, agent: false }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (body += part))
      response.once('end', () => resolve({ body, sum: response.trailers['x-sum'], encoding: response.headers['transfer-encoding'] }))
      response.once('error', reject)
    })
    request.once('error', reject)
    for (const part of parts) request.write(part)
    request.addTrailers({ 'x-sum': 'trailing' })
    request.end()
  })
}
