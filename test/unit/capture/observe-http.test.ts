import { describe, expect, it } from 'vitest'
import type { Logger } from '../../../src/base/log.ts'
import { silent } from '../../../src/base/log.ts'
import type { ExchangeEventType } from '../../../src/capture/exchange.ts'
import { type ExchangeObserver, observeExchanges, type ObserveOptions } from '../../../src/capture/observe-http.ts'
import { everyWay, feedEveryWay, seeded } from '../../harness/feed.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

type Told = { type: ExchangeEventType } & Record<string, unknown>

interface Watch {
  observer: ExchangeObserver
  told: Told[]
  clock: ReturnType<typeof fakeClock>
  /** `out` = from the visitor. */
  out: (text: string) => void
  in: (text: string) => void
  /** Events of a type, without what never changes. */
  of: (type: ExchangeEventType) => Told[]
}

function watch(options: Partial<ObserveOptions> = {}): Watch {
  const clock = fakeClock()
  const told: Told[] = []
  let count = 0
  const observer = observeExchanges({
    clock,
    emit: (type, body) => told.push({ type, ...body }),
    nextId: () => {
      count += 1
      return `x${count}`
    },
    who: 'laptop',
    source: '203.0.113.9',
    ...options
  })
  return {
    observer,
    told,
    clock,
    out: text => observer.onBytes('out', Buffer.from(text, 'latin1')),
    in: text => observer.onBytes('in', Buffer.from(text, 'latin1')),
    of: type => told.filter(event => event.type === type)
  }
}

const GET = 'GET /a?b HTTP/1.1\r\nHost: shop.test\r\n\r\n'
const POST = 'POST /up HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('observeExchanges', () => {
  it('tells one exchange with its timings and byte counts', async () => {
    const w = watch({ connectMs: 3 })
    w.out(GET)
    await w.clock.advance(20)
    w.in('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\n')
    await w.clock.advance(5)
    w.in('body')
    w.observer.finish()
    expect(w.told).toEqual([
      { type: 'exchange.started', id: 'x1', kind: 'request', protocol: 'http/1.1', who: 'laptop', source: '203.0.113.9' },
      {
        type: 'exchange.request',
        id: 'x1',
        method: 'GET',
        host: 'shop.test',
        path: '/a?b',
        httpVersion: '1.1',
        headers: [['Host', 'shop.test']],
        masked: []
      },
      {
        type: 'exchange.response',
        id: 'x1',
        status: 200,
        headers: [
          ['Content-Length', '4'],
          ['X', 'y']
        ],
        connectMs: 3,
        ttfbMs: 20
      },
      {
        type: 'exchange.completed',
        id: 'x1',
        status: 200,
        bytesIn: GET.length,
        bytesOut: 48,
        timings: { totalMs: 25, connectMs: 3, ttfbMs: 20 }
      }
    ])
  })

  it('tells an exchange as complete with its last byte, not with the end of the connection', () => {
    const w = watch()
    w.out(GET)
    w.in(OK)
    expect(w.of('exchange.completed')).toHaveLength(1)
    w.observer.finish()
    expect(w.of('exchange.completed')).toHaveLength(1)
    expect(w.of('exchange.aborted')).toEqual([])
  })

  it('tells the same however the bytes are cut, over keep-alive, pipelining, chunks, 100-continue, HEAD and 304', () => {
    const chunkedPost =
      'POST /c HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n'
    const visitor = Buffer.from(`${GET}${POST}HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n${chunkedPost}GET /n HTTP/1.0\r\n\r\n`)
    const app = Buffer.from(
      `${OK}HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n1234\r\n0\r\n\r\n` +
        'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n' +
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n' +
        'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n'
    )
    const answers = everyWay(app, 20)
    let round = 0
    feedEveryWay(
      visitor,
      chunks => {
        const w = watch()
        const random = seeded(round)
        const replies = answers[round % answers.length]?.chunks ?? []
        round += 1
        for (const chunk of chunks) w.observer.onBytes('out', chunk)
        for (const chunk of replies) {
          w.observer.onBytes('in', chunk)
          if (random() < 0.01) w.observer.onBytes('in', Buffer.alloc(0))
        }
        w.observer.onEnd('in')
        w.observer.finish()
        expect(w.of('exchange.request').map(({ method, path }) => `${String(method)} ${String(path)}`)).toEqual([
          'GET /a?b',
          'POST /up',
          'HEAD /h',
          'POST /c',
          'GET /n'
        ])
        expect(w.of('exchange.completed').map(({ id, status }) => `${String(id)} ${String(status)}`)).toEqual([
          'x1 200',
          'x2 201',
          'x3 200',
          'x4 204',
          'x5 304'
        ])
        expect(w.of('exchange.aborted')).toEqual([])
        expect(w.of('exchange.completed').reduce((sum, { bytesIn }) => sum + Number(bytesIn), 0)).toBe(visitor.length)
        expect(w.of('exchange.completed').reduce((sum, { bytesOut }) => sum + Number(bytesOut), 0)).toBe(app.length)
        expect(w.of('exchange.completed').some(event => 'unparsed' in event)).toBe(false)
      },
      20
    )
  })

  it('completes a body without length when the app ends, at that time', async () => {
    const w = watch()
    w.out(GET)
    w.in('HTTP/1.0 200 OK\r\n\r\nuntil the end')
    await w.clock.advance(10)
    w.observer.onEnd('in')
    await w.clock.advance(90)
    w.observer.finish()
    expect(w.of('exchange.completed')).toMatchObject([{ status: 200, timings: { totalMs: 10 } }])
  })

  it('keeps an upgraded exchange open and counts both ways until the end', () => {
    const w = watch()
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
    w.out(upgrade)
    w.in(`${switching}\x81\x02hi`)
    w.out('\x81\x80')
    w.in('GET / HTTP/1.1\n\n')
    expect(w.of('exchange.completed')).toEqual([])
    w.observer.finish()
    expect(w.of('exchange.response')).toMatchObject([{ status: 101 }])
    expect(w.of('exchange.completed')).toMatchObject([{ status: 101, bytesIn: upgrade.length + 2, bytesOut: switching.length + 4 + 16 }])
  })

  it('gives the second request of a connection its own start', async () => {
    const w = watch({ startedAt: -7 })
    await w.clock.advance(1)
    w.out(GET)
    w.in(OK)
    await w.clock.advance(1_000)
    w.out(GET)
    await w.clock.advance(4)
    w.in(OK)
    expect(w.of('exchange.completed').map(({ timings }) => timings)).toEqual([
      { totalMs: 8, ttfbMs: 8 },
      { totalMs: 4, ttfbMs: 4 }
    ])
  })

  it('completes an early answer once the request has ended too', () => {
    const w = watch()
    w.out('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123')
    w.in('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')
    expect(w.of('exchange.completed')).toEqual([])
    w.out('4567890')
    expect(w.of('exchange.completed')).toMatchObject([{ status: 413 }])
  })

  it('completes an early answer when the connection ends before the request', () => {
    const w = watch()
    w.out('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n123')
    w.in('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')
    w.observer.finish({ error: { side: 'b', cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }) } })
    expect(w.of('exchange.completed')).toMatchObject([{ status: 413 }])
    expect(w.of('exchange.aborted')).toEqual([])
  })

  it('leaves user and password of an absolute target out of the host', () => {
    const w = watch()
    w.out('GET http://ada:s3cret@other.test:81/x?y HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    expect(w.of('exchange.request')).toMatchObject([{ host: 'other.test:81', path: '/x?y' }])
    expect(JSON.stringify(w.of('exchange.request'))).not.toContain('s3cret')
  })

  it('takes host and path from an absolute target', () => {
    const w = watch()
    w.out('GET http://other.test:81/x?y HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    w.in(OK)
    w.out('OPTIONS http://bare.test HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    expect(w.of('exchange.request')).toMatchObject([
      { host: 'other.test:81', path: '/x?y' },
      { host: 'bare.test', path: '/' }
    ])
  })

  it('masks secrets in requests and responses and names them', () => {
    const w = watch()
    w.out('GET / HTTP/1.1\r\nAUTHORIZATION: Bearer s3cret\r\nCookie: a=s3cret\r\n\r\n')
    w.in('HTTP/1.1 200 OK\r\nSet-Cookie: a=s3cret\r\nContent-Length: 0\r\n\r\n')
    expect(JSON.stringify(w.told)).not.toContain('s3cret')
    expect(w.of('exchange.request')).toMatchObject([{ masked: ['AUTHORIZATION', 'Cookie'] }])
  })
})

describe('an exchange that does not end well', () => {
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' })

  it('is aborted by the side that broke', () => {
    for (const [side, by] of [
      ['a', 'visitor'],
      ['b', 'local']
    ] as const) {
      const w = watch()
      w.out(POST)
      w.in('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
      w.observer.finish({ error: { side, cause: reset } })
      expect(w.of('exchange.aborted')).toMatchObject([{ by, code: 'ECONNRESET', bytesIn: POST.length, bytesOut: 44 }])
      expect(w.of('exchange.completed')).toEqual([])
    }
  })

  it('is aborted by the app when it ends without an answer, or in the middle of one', () => {
    const none = watch()
    none.out(GET)
    none.observer.onEnd('in')
    none.observer.onEnd('out')
    none.observer.finish()
    expect(none.of('exchange.aborted')).toMatchObject([{ by: 'local', code: 'NO_RESPONSE' }])
    const part = watch()
    part.out(GET)
    part.in('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
    part.observer.onEnd('in')
    part.observer.finish()
    expect(part.of('exchange.aborted')).toMatchObject([{ by: 'local', code: 'TRUNCATED' }])
  })

  it('is aborted by the visitor when that left first', () => {
    const w = watch()
    w.out(GET)
    w.observer.onEnd('out')
    w.observer.onEnd('in')
    w.observer.finish()
    expect(w.of('exchange.aborted')).toMatchObject([{ by: 'visitor', code: 'LEFT' }])
  })

  it('is aborted by whom the caller names', () => {
    const w = watch()
    w.out(GET)
    w.observer.finish({ by: 'agent', code: 'DRAINED' })
    expect(w.of('exchange.aborted')).toMatchObject([{ by: 'agent', code: 'DRAINED' }])
  })

  it('is told for every request in the pipe', () => {
    const w = watch()
    w.out(GET + GET + GET)
    w.in(OK)
    w.observer.finish({ error: { side: 'b', cause: reset } })
    expect(w.of('exchange.completed')).toHaveLength(1)
    expect(w.of('exchange.aborted').map(({ id }) => id)).toEqual(['x2', 'x3'])
  })

  it('is told for half a head', () => {
    const w = watch()
    w.out('GET / HTTP/1.1\r\nHost')
    w.observer.onEnd('out')
    w.observer.finish()
    expect(w.of('exchange.started')).toMatchObject([{ kind: 'connection' }])
    expect(w.of('exchange.aborted')).toMatchObject([{ by: 'visitor', bytesIn: 20 }])
  })
})

describe('what is not HTTP/1', () => {
  it('is one connection with byte counts', () => {
    const w = watch()
    w.out('\x00\x01binary')
    w.in('answer')
    w.observer.finish()
    expect(w.told).toMatchObject([
      { type: 'exchange.started', kind: 'connection', protocol: 'tcp' },
      { type: 'exchange.completed', bytesIn: 8, bytesOut: 6 }
    ])
  })

  it('is recognised when the app speaks first', () => {
    const w = watch()
    w.in('220 mail.test ESMTP\r\n')
    w.out('EHLO a\r\n')
    w.observer.finish()
    expect(w.of('exchange.started')).toMatchObject([{ protocol: 'tcp' }])
    expect(w.of('exchange.completed')).toMatchObject([{ bytesIn: 8, bytesOut: 21 }])
  })

  it('is named h2 after its preface, however it is cut', () => {
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1')
    feedEveryWay(preface, chunks => {
      const w = watch()
      for (const chunk of chunks) w.observer.onBytes('out', chunk)
      w.in('frames')
      w.observer.finish()
      expect(w.of('exchange.started')).toMatchObject([{ kind: 'connection', protocol: 'h2' }])
      expect(w.of('exchange.completed')).toMatchObject([{ bytesIn: preface.length, bytesOut: 6 }])
    })
  })

  it('says nothing about a connection without a byte', () => {
    const w = watch()
    w.observer.onEnd('out')
    w.observer.onEnd('in')
    w.observer.finish()
    expect(w.told).toEqual([])
  })

  it('is aborted when it breaks', () => {
    const w = watch()
    w.out('\x00')
    w.observer.finish({ error: { side: 'a', cause: new Error('gone') } })
    expect(w.of('exchange.aborted')).toMatchObject([{ by: 'visitor', code: 'CLOSED' }])
  })
})

describe('giving up', () => {
  it('keeps counting and marks what it could not read, however the bytes are cut', () => {
    const bytes = Buffer.from(`${GET}NOT HTTP AT ALL\r\n\r\n${'x'.repeat(1_000)}`)
    feedEveryWay(bytes, chunks => {
      const w = watch()
      for (const chunk of chunks) w.observer.onBytes('out', chunk)
      w.in(OK)
      w.observer.finish()
      expect(w.of('exchange.completed')).toMatchObject([{ id: 'x1', unparsed: true, bytesOut: OK.length, bytesIn: bytes.length }])
    })
  })

  it('gives up on a length in doubt, a broken chunk, an answer that nobody asked for, a broken answer', () => {
    const cases: [string, string][] = [
      ['POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', OK],
      ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', OK],
      [GET, `${OK}${OK}`],
      [GET, 'nonsense\r\n\r\n'],
      [GET, 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'],
      [GET, 'HTTP/1.1 200 OK\n\n']
    ]
    for (const [request, answer] of cases) {
      const w = watch()
      w.out(request)
      w.in(answer)
      w.in('more')
      w.out('more')
      w.observer.finish()
      const ends = w.of('exchange.completed')
      expect(ends.some(({ unparsed }) => unparsed === true)).toBe(true)
      expect(ends.reduce((sum, { bytesIn }) => sum + Number(bytesIn), 0)).toBe(request.length + 4)
      expect(ends.reduce((sum, { bytesOut }) => sum + Number(bytesOut), 0)).toBe(answer.length + 4)
    }
  })

  it('keeps no head beyond its limit and no endless pipe', () => {
    const head = watch()
    head.out('GET / HTTP/1.1\r\nA: ')
    for (let i = 0; i < 100; i += 1) head.out('x'.repeat(10_000))
    head.observer.finish()
    expect(head.of('exchange.completed')).toMatchObject([{ unparsed: true, bytesIn: 1_000_019 }])
    const pipe = watch()
    for (let i = 0; i < 1_000; i += 1) pipe.out(GET)
    expect(pipe.of('exchange.started')).toHaveLength(64)
    pipe.observer.finish()
    expect(pipe.of('exchange.completed').reduce((sum, { bytesIn }) => sum + Number(bytesIn), 0)).toBe(1_000 * GET.length)
  })

  it('never throws, whatever comes', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seeded(seed)
      const w = watch()
      let sent = 0
      for (let i = 0; i < 30; i += 1) {
        const parts = [
          GET,
          POST,
          OK,
          '\r\n',
          '\n',
          '0\r\n\r\n',
          'HTTP/1.1 101 X\r\n\r\n',
          '\x16\x03\x01\0\x05',
          String.fromCharCode(Math.floor(random() * 256)),
          ''
        ]
        const part = parts[Math.floor(random() * parts.length)] ?? ''
        sent += part.length
        w[random() < 0.5 ? 'out' : 'in'](part)
      }
      w.observer.finish()
      const ends = [...w.of('exchange.completed'), ...w.of('exchange.aborted')]
      expect(ends).toHaveLength(w.of('exchange.started').length)
      const counted = ends.reduce((sum, { bytesIn, bytesOut }) => sum + Number(bytesIn) + Number(bytesOut), 0)
      expect(counted).toBeLessThanOrEqual(sent)
      // Only empty lines between requests and the unread start of another head belong to no exchange.
      expect(sent - counted).toBeLessThanOrEqual(200)
    }
  })

  it('survives a broken listener and says so once', () => {
    const errors: string[] = []
    const log: Logger = { ...silent, error: message => errors.push(message) }
    const w = watch({
      log,
      emit: () => {
        throw new Error('listener')
      }
    })
    w.out(GET)
    w.in(OK)
    w.observer.finish()
    expect(errors).toEqual(['capture failed'])
  })
})
