import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExchangeStore } from '../../../src/capture/exchange-store.ts'
import type { KeptExchange } from '../../../src/capture/kept.ts'
import { type ExchangeObserver, observeExchanges, type ObserveOptions } from '../../../src/capture/observe-http.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { everyWay, feedEveryWay, seeded } from '../../harness/feed.ts'

type Part = readonly ['out' | 'in', Buffer | string]

function observerOf(store: ExchangeStore, options: Partial<ObserveOptions> = {}): ExchangeObserver {
  let count = 0
  return observeExchanges({
    clock: fakeClock(),
    emit: () => {},
    nextId: () => `x${(count += 1)}`,
    who: 'laptop',
    source: '203.0.113.9',
    store,
    ...options
  })
}

/** Feeds whole parts; returns what was kept, first exchange first. */
function keep(parts: readonly Part[], options: Partial<ObserveOptions> = {}, store = new ExchangeStore()): KeptExchange[] {
  const observer = observerOf(store, options)
  for (const [direction, bytes] of parts) observer.onBytes(direction, typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  observer.finish()
  return Array.from({ length: store.size }, (_, index) => store.at(index)).filter(kept => kept !== undefined)
}

const text = (body: { bytes: Buffer } | undefined): string => body?.bytes.toString('latin1') ?? ''
const POST = 'POST /up?x=1 HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer t0p\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nServer-Timing: a\r\n\r\n'

describe('what is kept of an exchange', () => {
  it('has raw heads, bodies without chunk lines, and trailers, however the bytes are cut', () => {
    feedEveryWay(Buffer.from(CHUNKED, 'latin1'), chunks => {
      const [kept] = keep([['out', POST], ...chunks.map(chunk => ['in', chunk] as const)])
      expect(kept).toMatchObject({ id: 'x1', kind: 'request', protocol: 'http/1.1', end: { kind: 'completed' }, unparsed: false })
      expect(kept?.request).toMatchObject({ method: 'POST', path: '/up?x=1', host: 'shop.test', target: '/up?x=1' })
      expect(kept?.request?.headers).toContainEqual(['Authorization', 'Bearer t0p'])
      expect([text(kept?.request?.body), text(kept?.response?.body)]).toEqual(['hello', 'abcde'])
      expect(kept?.response?.trailers).toEqual([
        ['X-Sum', '5'],
        ['Server-Timing', 'a']
      ])
    })
  })

  it('copies: read buffers are used again', () => {
    const store = new ExchangeStore()
    const request = Buffer.from(POST, 'latin1')
    const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const observer = observerOf(store)
    observer.onBytes('out', request)
    request.fill(0)
    observer.onBytes('in', answer)
    answer.fill(0)
    observer.finish()
    expect([text(store.at(0)?.request?.body), text(store.at(0)?.response?.body)]).toEqual(['hello', 'ok'])
  })

  it('stops at the cap of a body and says how much there was', () => {
    const [kept] = keep(
      [
        ['out', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['in', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n' + 'x'.repeat(60)],
        ['in', 'y'.repeat(40)]
      ],
      {},
      new ExchangeStore({ bodyBytes: 70 })
    )
    expect(kept?.response?.body).toMatchObject({ size: 100, truncated: true })
    expect(text(kept?.response?.body)).toBe('x'.repeat(60) + 'y'.repeat(10))
  })

  it('keeps pipelined requests apart', () => {
    const two = POST + POST.replace('hello', 'world')
    const answers = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n2'
    for (const { chunks } of everyWay(Buffer.from(two), 20)) {
      const kept = keep([...chunks.map(chunk => ['out', chunk] as const), ['in', answers]])
      expect(kept.map(({ request, response }) => [text(request?.body), response?.status, text(response?.body)])).toEqual([
        ['hello', 200, '1'],
        ['world', 201, '2']
      ])
    }
  })

  it('has no body for HEAD, 204 and 304, and the whole of one that ends with the connection', () => {
    const ask = (method: string): string => `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`
    const [head] = keep([
      ['out', ask('HEAD')],
      ['in', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n']
    ])
    const [none] = keep([
      ['out', ask('GET')],
      ['in', 'HTTP/1.1 204 No Content\r\n\r\n']
    ])
    const [old] = keep([
      ['out', 'GET / HTTP/1.0\r\n\r\n'],
      ['in', 'HTTP/1.0 200 OK\r\n\r\npart'],
      ['in', ' and rest']
    ])
    expect([text(head?.response?.body), text(none?.response?.body), text(old?.response?.body)]).toEqual(['', '', 'part and rest'])
  })

  it('shows the final answer, not the 1xx before it', () => {
    const [kept] = keep([
      ['out', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n'],
      ['in', 'HTTP/1.1 100 Continue\r\n\r\n'],
      ['out', 'ab'],
      ['in', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nc']
    ])
    expect([kept?.response?.status, text(kept?.request?.body), text(kept?.response?.body)]).toEqual([200, 'ab', 'c'])
  })

  it('keeps the first bytes each way of what is no HTTP', () => {
    const [kept] = keep([
      ['in', 'SSH-2.0-x\r\n'],
      ['out', Buffer.alloc(2_000, 7)]
    ])
    expect(kept).toMatchObject({ kind: 'connection', protocol: 'tcp', bytesIn: 2_000, bytesOut: 11 })
    expect([text(kept?.preview?.out), kept?.preview?.in.bytes.length, kept?.preview?.in.truncated]).toEqual(['SSH-2.0-x\r\n', 1_024, true])
  })

  it.each<[string, string]>([
    ['two lengths that differ', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a length beside chunked', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n'],
    ['a lone LF', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['endless chunk extensions', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(9_000)}`]
  ])('marks as unparsed, and goes on counting: %s', (_what, bytes) => {
    feedEveryWay(
      Buffer.from(bytes, 'latin1'),
      chunks => {
        const kept = keep([...chunks.map(chunk => ['out', chunk] as const), ['in', 'whatever']])
        expect(kept.some(({ unparsed }) => unparsed)).toBe(true)
        expect(kept.reduce((sum, { bytesIn }) => sum + bytesIn, 0)).toBe(bytes.length)
      },
      10
    )
  })

  it('does not grow with a header line of 100 MB', () => {
    const store = new ExchangeStore()
    const megabyte = Buffer.alloc(1_048_576, 'x')
    const parts: Part[] = [['out', 'GET / HTTP/1.1\r\nX: '], ...Array.from({ length: 100 }, () => ['out', megabyte] as const)]
    const [kept] = keep(parts, {}, store)
    expect(kept).toMatchObject({ unparsed: true, bytesIn: 19 + 100 * 1_048_576 })
    expect(store.bytes).toBeLessThan(100_000)
  })
})

describe('server-sent events', () => {
  const STREAM = '\ufeffdata: one\n\nevent: tick\r\ndata:two\r\ndata: lines\r\n\r\n: comment\rid: 7\rdata\r\rdata: cut off'
  const body = Buffer.from(STREAM, 'utf8')
  it('are told one by one, whatever ends their lines and wherever they are cut', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n'
    feedEveryWay(body, chunks => {
      const [kept] = keep([
        ['out', 'GET /events HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['in', head],
        ...chunks.map(chunk => ['in', chunk] as const)
      ])
      expect(kept?.protocol).toBe('sse')
      expect(kept?.messages.map(({ name, size, bytes }) => [name, size, bytes.toString()])).toEqual([
        ['message', 3, 'one'],
        ['tick', 9, 'two\nlines'],
        ['message', 0, '']
      ])
    })
  })
})

describe('WebSocket messages', () => {
  const frame = (first: number, payload: Buffer, mask?: Buffer): Buffer => {
    const { length } = payload
    const long = length > 65_535 ? Buffer.alloc(8) : length > 125 ? Buffer.alloc(2) : Buffer.alloc(0)
    if (long.length === 2) long.writeUInt16BE(length)
    if (long.length === 8) long.writeBigUInt64BE(BigInt(length))
    const short = long.length === 8 ? 127 : long.length === 2 ? 126 : length
    const data = mask === undefined ? payload : Buffer.from(payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)))
    return Buffer.concat([Buffer.from([first, short | (mask === undefined ? 0 : 0x80)]), long, mask ?? Buffer.alloc(0), data])
  }
  const mask = Buffer.from([1, 2, 3, 4])
  const UPGRADE: Part[] = [
    ['out', 'GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['in', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n']
  ]

  it('are told whole, both ways, fragments joined and control frames between them, wherever they are cut', () => {
    const fromVisitor = Buffer.concat([
      frame(0x01, Buffer.from('hel'), mask),
      frame(0x89, Buffer.from('ping'), mask),
      frame(0x80, Buffer.from('lo'), mask),
      frame(0x82, Buffer.alloc(70_000, 9), mask),
      frame(0x88, Buffer.alloc(0), mask)
    ])
    feedEveryWay(
      fromVisitor,
      chunks => {
        const [kept] = keep([...UPGRADE, ...chunks.map(chunk => ['out', chunk] as const), ['in', frame(0xc1, Buffer.from('zip'))]])
        expect(kept).toMatchObject({ protocol: 'websocket', messageCount: { in: 4, out: 1 }, unparsed: false })
        expect(kept?.messages.map(({ direction, name, size, compressed }) => [direction, name, size, compressed])).toEqual([
          ['in', 'ping', 4, false],
          ['in', 'text', 5, false],
          ['in', 'binary', 70_000, false],
          ['in', 'close', 0, false],
          ['out', 'text', 3, true]
        ])
        expect(kept?.messages[1]?.bytes.toString()).toBe('hello')
        expect(kept?.messages[2]?.bytes).toEqual(Buffer.alloc(4_096, 9))
      },
      10
    )
  })

  it('are followed no more when a frame breaks the rules, and the bytes still count', () => {
    const [kept] = keep([...UPGRADE, ['in', frame(0x83, Buffer.from('?'))], ['in', frame(0x81, Buffer.from('x'))]])
    expect(kept).toMatchObject({ unparsed: true, messages: [], end: { kind: 'completed' } })
  })

  it('are remembered up to a number, the last ones', () => {
    const many = Array.from({ length: 500 }, (_, index) => ['in', frame(0x81, Buffer.from(`m${index}`))] as const)
    const [kept] = keep([...UPGRADE, ...many])
    expect([kept?.messages.length, kept?.messages.at(-1)?.bytes.toString(), kept?.messageCount.out]).toEqual([200, 'm499', 500])
  })

  it('become one event per second above twenty', () => {
    const told: { bytes: number; count?: number }[] = []
    const many = Array.from({ length: 100 }, () => ['in', frame(0x81, Buffer.from('abc'))] as const)
    keep([...UPGRADE, ...many], { emit: (type, body) => type === 'exchange.message' && told.push(body as { bytes: number }) })
    expect(told).toHaveLength(21)
    expect(told.at(-1)).toMatchObject({ count: 80, bytes: 240 })
  })
})

describe('the store', () => {
  const start = (id: string) =>
    ({
      id,
      target: undefined,
      kind: 'request',
      protocol: 'http/1.1',
      who: 'laptop',
      source: '',
      of: undefined,
      why: undefined,
      startedAt: 0,
      hello: undefined
    }) as const

  it('forgets the oldest beyond its count, and keeps ids and order', () => {
    const store = new ExchangeStore({ exchanges: 3 })
    for (let id = 1; id <= 10; id += 1) store.begin(start(String(id)))
    expect([store.size, store.started, store.at(0)?.id, store.at(2)?.id, store.at(3), store.at(-1), store.get('7')]).toEqual([
      3,
      10,
      '8',
      '10',
      undefined,
      undefined,
      undefined
    ])
  })

  it('stays below its bytes, also while open exchanges grow after they were forgotten', () => {
    const store = new ExchangeStore({ totalBytes: 100_000, bodyBytes: 50_000 })
    const random = seeded(1)
    const open = Array.from({ length: 20 }, (_, index) => {
      const record = store.begin(start(String(index)))
      record.asked({ method: 'POST', target: '/', host: 'a', path: '/', version: '1.1', headers: [] }, 100)
      return record
    })
    for (let round = 0; round < 500; round += 1) {
      open[Math.floor(random() * open.length)]?.requestBody(Buffer.alloc(1_000))
      expect(store.bytes).toBeLessThanOrEqual(100_000)
    }
  })

  it('counts every change, of itself and of each exchange', () => {
    const store = new ExchangeStore()
    const record = store.begin(start('1'))
    const before = [store.version, record.version]
    record.requestBody(Buffer.from('ignored: no head yet'))
    record.ended({ kind: 'completed' }, 5)
    expect(store.version).toBeGreaterThan(before[0] ?? 0)
    expect(record.version).toBeGreaterThan(before[1] ?? 0)
  })
})

describe("Node's own parser", () => {
  it('sees what is kept: methods, targets, headers, bodies and trailers of arbitrary requests', async () => {
    const seen: { method: string; url: string; headers: string[]; body: string; trailers: string[] }[] = []
    const server = http.createServer({ keepAliveTimeout: 1_000 }, (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', rawHeaders, rawTrailers } = request
        seen.push({ method, url, headers: rawHeaders, body: Buffer.concat(chunks).toString('latin1'), trailers: rawTrailers })
        response.end(`${seen.length}`)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 4 }), fc.integer(), (wanted, seed) => check(wanted, seed)),
        {
          numRuns: 100
        }
      )
    } finally {
      server.close()
      server.closeAllConnections()
    }

    async function check(wanted: readonly Buffer[], seed: number): Promise<void> {
      seen.length = 0
      const store = new ExchangeStore()
      const observer = observerOf(store)
      const socket = net.connect(port, '127.0.0.1')
      const answered = new Promise<void>(resolve => {
        socket.on('data', (chunk: Buffer) => {
          observer.onBytes('in', chunk)
          if (observer.allAnswered) resolve()
        })
        socket.on('close', resolve)
      })
      const bytes = Buffer.concat(wanted)
      const random = seeded(seed)
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 200))
        observer.onBytes('out', bytes.subarray(at, end))
        socket.write(bytes.subarray(at, end))
        at = end
      }
      await answered
      socket.destroy()
      observer.finish()
      const kept = Array.from({ length: store.size }, (_, index) => store.at(index)?.request)
      expect(
        kept.map(request => ({
          method: request?.method,
          url: request?.target,
          headers: request?.headers.flat(),
          body: text(request?.body),
          trailers: request?.trailers.flat()
        }))
      ).toEqual(seen)
      expect(seen).toHaveLength(wanted.length)
    }
  })
})

const tokens = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,10}$/)
const values = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
const contents = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
const requests = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'),
    path: fc.stringMatching(/^\/[!-~]{0,30}$/),
    headers: fc.array(
      fc.tuple(
        tokens.map(name => `X-${name}`),
        values
      ),
      { maxLength: 6 }
    ),
    body: fc.oneof(
      fc.constant(undefined),
      contents.map(bytes => ({ length: bytes })),
      fc.array(contents, { maxLength: 4 }).map(chunks => ({ chunks }))
    ),
    trailers: fc.array(
      fc.tuple(
        tokens.map(name => `X-${name}`),
        values
      ),
      { maxLength: 2 }
    )
  })
  .map(({ method, path, headers, body, trailers }) => {
    const lines = [`${method} ${path} HTTP/1.1`, 'Host: a.test', ...headers.map(([name, value]) => `${name}: ${value}`)]
    const head = (...more: string[]): Buffer => Buffer.from([...lines, ...more, '', ''].join('\r\n'), 'latin1')
    if (body === undefined) return head()
    if ('length' in body) return Buffer.concat([head(`Content-Length: ${body.length.length}`), body.length])
    const chunks = body.chunks.filter(chunk => chunk.length > 0)
    const framed = chunks.flatMap(chunk => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
    const end = Buffer.from(`0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1')
    return Buffer.concat([head('Transfer-Encoding: chunked'), ...framed, end])
  })
