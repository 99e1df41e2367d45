/** What is carried through ingress, stock gost and this laptop arrives as it was sent: bodies of any size and shape, events, WebSockets. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { memoryMiB } from '../bench/process-usage.ts'
import { blocks, digestOf, type Origin, startOrigin } from '../conformance/origin.ts'
import { type App, startApp } from '../harness/app.ts'
import { visit } from '../harness/visit.ts'
import { article } from './manifests.ts'
import { endAll, intercept, type Session, type World, world } from './world.ts'

const BIG = process.env['E2E_FULL'] === '1' ? 1_073_741_824 : 268_435_456
const WARM = 33_554_432
const HOST = 'nginx.local'
let bytes: World
let url: string

beforeAll(async () => {
  bytes = await world('bytes', article())
  url = `http://${bytes.visitor.host}:${bytes.visitor.port}`
})
afterAll(() => {
  endAll()
  bytes.remove()
})

const intercepted = async (port: number): Promise<Session> => {
  const session = intercept(bytes.namespace, 'svc/nginx', '--port', String(port))
  await session.state('verified')
  return session
}
const send = (path: string, method = 'GET', headers: http.OutgoingHttpHeaders = {}): http.ClientRequest =>
  http.request({ host: bytes.visitor.host, port: bytes.visitor.port, path, method, agent: false, headers: { Host: HOST, ...headers } })
const answer = async (request: http.ClientRequest): Promise<http.IncomingMessage> => {
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return response
}

describe('large bodies and streams', () => {
  let origin: Origin
  let session: Session
  let agentPid = 0
  beforeAll(async () => {
    origin = await startOrigin()
    session = await intercepted(origin.port)
    agentPid = (await session.event('session.started')).pid
  })
  afterAll(async () => {
    await session.stop()
    await origin.close()
  })

  it('uploads and downloads a large body unchanged, in bounded memory', async () => {
    const idle = memoryMiB(agentPid).now
    // A first body grows the heap and the windows to their sizes; from then on the size of a body must not matter.
    await visit(`${url}/blocks/${WARM}`, { host: HOST })
    await visit(`${url}/digest`, { host: HOST, method: 'POST', body: Buffer.alloc(WARM) })
    const before = memoryMiB(agentPid).now
    const expected = digestOf(BIG)
    const upload = send('/digest', 'POST', { 'Content-Length': BIG })
    const startedAt = performance.now()
    const [response] = await Promise.all([answer(upload), pipeline(Readable.from(blocks(BIG)), upload)])
    expect(await text(response)).toBe(`${BIG} ${expected}`)
    const uploadedAt = performance.now()

    const download = send(`/blocks/${BIG}`)
    download.end()
    const hash = createHash('sha256')
    let received = 0
    for await (const chunk of await answer(download)) {
      received += (chunk as Buffer).length
      hash.update(chunk as Buffer)
    }
    expect([received, hash.digest('hex')]).toEqual([BIG, expected])
    const grown = memoryMiB(agentPid).peak - before
    const rate = (fromMs: number, toMs: number): string => `${(BIG / 1_048_576 / ((toMs - fromMs) / 1_000)).toFixed(0)} MiB/s`
    console.log(
      `${BIG / 1_048_576} MiB: up ${rate(startedAt, uploadedAt)}, down ${rate(uploadedAt, performance.now())};`,
      `agent: ${idle.toFixed(0)} MiB idle, ${before.toFixed(0)} warm, ${(before + grown).toFixed(0)} at most`
    )
    expect(grown).toBeLessThanOrEqual(64)
  })

  it('passes server-sent events one by one', async () => {
    const request = send('/events')
    request.end()
    const response = await answer(request)
    expect(response.headers['content-type']).toBe('text/event-stream')
    response.setEncoding('utf8')
    for (let number = 1; number <= 5; number += 1) {
      origin.emit(`event ${number}`)
      // The next one is sent only after this one arrived.
      const [chunk] = (await once(response, 'data')) as [string]
      expect(chunk).toBe(`data: event ${number}\n\n`)
    }
    request.destroy()
  })

  it('passes chunked bodies both ways', async () => {
    const request = send('/twist', 'POST', { 'Transfer-Encoding': 'chunked' })
    const parts = Array.from({ length: 40 }, (_, at) => `part ${at} `.repeat(at * 50 + 1))
    const [response] = await Promise.all([answer(request), pipeline(Readable.from(parts), request)])
    expect(response.headers['transfer-encoding']).toBe('chunked')
    expect(await text(response)).toBe(parts.join(''))
  })
})

describe('kinds of answers', () => {
  let app: App
  let session: Session
  beforeAll(async () => {
    app = await startApp({ name: 'laptop' })
    session = await intercepted(app.port)
  })
  afterAll(async () => {
    await session.stop()
    await app.close()
  })

  it('echoes WebSocket messages, text and binary, until either side closes', async () => {
    const socket = new WebSocket(`ws://${bytes.visitor.host}:${bytes.visitor.port}/chat`, { headers: { Host: HOST } })
    await once(socket, 'open')
    for (const message of ['hello', 'x'.repeat(100_000), Buffer.from([0, 255, 1])]) {
      socket.send(message)
      const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean]
      expect(binary).toBe(Buffer.isBuffer(message))
      expect(data.equals(Buffer.from(message))).toBe(true)
    }
    socket.close(4_001, 'bye')
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(4_001)
  })

  it('answers HEAD with the length and without a body', async () => {
    const { status, headers, body } = await visit(`${url}/size/12345`, { host: HOST, method: 'HEAD' })
    expect([status, headers['content-length'], body.length]).toEqual([200, '12345', 0])
  })

  it.each([204, 304])('passes %i without a body, and the connection serves on', async status => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    try {
      const empty = await visit(`${url}/status/${status}`, { host: HOST, agent })
      expect([empty.status, empty.body.length]).toEqual([status, 0])
      expect((await visit(`${url}/size/10`, { host: HOST, agent })).body.length).toBe(10)
    } finally {
      agent.destroy()
    }
  })

  it('serves an HTTP/1.0 visitor, who sees the end', async () => {
    const socket = net.connect(bytes.visitor.port, bytes.visitor.host)
    socket.write(`GET /size/1000 HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`)
    const whole = await text(socket)
    expect(whole).toMatch(/^HTTP\/1\.[01] 200 /)
    expect(whole.slice(whole.indexOf('\r\n\r\n') + 4)).toBe('x'.repeat(1_000))
  })

  it('sends back a posted body of any kind of bytes', async () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, at) => at))
    expect((await visit(`${url}/echo`, { host: HOST, method: 'POST', body })).body).toEqual(body)
  })
})
