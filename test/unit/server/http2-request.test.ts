import { describe, expect, it } from 'vitest'
import { isPreface, mayBePreface } from '../../../src/server/http2-preface.ts'
import { planHttp2Request } from '../../../src/server/http2-request.ts'

const START = [':method', 'POST', ':scheme', 'https', ':authority', 'a.local', ':path', '/x?y']
const plan = (raw: readonly string[], ended = false) => planHttp2Request({ raw, ended })
const head = (raw: readonly string[], ended = false) => plan(raw, ended).head.toString('latin1').split('\r\n').slice(0, -2)

describe('a request in HTTP/2', () => {
  it('becomes a head of HTTP/1.1 in its order, in chunks without a length', () => {
    expect(head([...START, 'x-b', '1', 'cookie', 'a=1', 'x-a', '2', 'cookie', 'b=2', 'te', 'trailers'])).toEqual([
      'POST /x?y HTTP/1.1',
      'Host: a.local',
      'x-b: 1',
      'cookie: a=1; b=2',
      'x-a: 2',
      'te: trailers',
      'Transfer-Encoding: chunked'
    ])
    expect(plan(START)).toMatchObject({ chunked: true, webSocket: false, grpc: false, authority: 'a.local' })
  })

  it('keeps its length, has no body when it ends with the head, and chunks when trailers are announced', () => {
    expect(head([...START, 'content-length', '3'])).toEqual(['POST /x?y HTTP/1.1', 'Host: a.local', 'content-length: 3'])
    expect(head(START, true)).toEqual(['POST /x?y HTTP/1.1', 'Host: a.local'])
    expect(head([...START, 'content-length', '3', 'trailer', 'x-sum'])).toEqual([
      'POST /x?y HTTP/1.1',
      'Host: a.local',
      'trailer: x-sum',
      'Transfer-Encoding: chunked'
    ])
  })

  it('takes Host where :authority is missing', () => {
    expect(plan([':method', 'GET', ':path', '/', 'host', 'b.local'], true).authority).toBe('b.local')
    expect(plan([...START, 'host', 'A.local'], true).authority).toBe('a.local')
  })

  it('is an upgrade when it is a WebSocket', () => {
    const raw = [':method', 'CONNECT', ':protocol', 'websocket', ':scheme', 'http', ':authority', 'a.local', ':path', '/ws']
    expect(plan(raw)).toMatchObject({ webSocket: true, chunked: false })
    expect(head(raw)).toEqual([
      'GET /ws HTTP/1.1',
      'Host: a.local',
      'Connection: Upgrade',
      'Upgrade: websocket',
      expect.stringMatching(/^Sec-WebSocket-Key: [A-Za-z0-9+/]{22}==$/),
      'Sec-WebSocket-Version: 13'
    ])
  })

  it.each([
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc;x=y', true],
    ['application/grpc-web', false],
    ['text/plain', false]
  ])('of type %s needs HTTP/2 at the app: %s', (type, grpc) => expect(plan([...START, 'content-type', type]).grpc).toBe(grpc))

  it.each([
    ['connection', [...START, 'connection', 'close']],
    ['transfer-encoding', [...START, 'transfer-encoding', 'chunked']],
    ['another te', [...START, 'te', 'gzip']],
    ['a line break in a value', [...START, 'x', 'a\r\nHost: b']],
    ['a colon in a name', [...START, 'x: y', '']],
    ['a blank in the path', [':method', 'GET', ':authority', 'a', ':path', '/ HTTP/1.1\r\nx: y']],
    ['a relative path', [':method', 'GET', ':authority', 'a', ':path', 'x']],
    ['a method that is none', [':method', 'GET /', ':authority', 'a', ':path', '/']],
    ['no host', [':method', 'GET', ':path', '/']],
    ['a host of a blank', [':method', 'GET', ':authority', ' ', ':path', '/']],
    ['two hosts', [...START, 'host', 'b.local']],
    ['a pseudo field twice', [...START, ':path', '/']],
    ['a pseudo field behind others', ['x', 'y', ...START]],
    ['an unknown pseudo field', [':x', 'y', ...START]],
    ['another extended CONNECT', [':method', 'CONNECT', ':protocol', 'connect-udp', ':authority', 'a', ':path', '/']]
  ])('is refused with %s', (_name, raw) => expect(() => plan(raw)).toThrow(expect.objectContaining({ name: 'RequestRefused' })))
})

describe('the preface of HTTP/2', () => {
  it('is told from the methods of HTTP/1 by four bytes', () => {
    expect(['P', 'PR', 'PRI', 'PRI ', 'PRI * HTTP/2.0'].map(text => isPreface(Buffer.from(text)))).toEqual([
      undefined,
      undefined,
      undefined,
      true,
      true
    ])
    expect(['POST', 'PU', 'PRIX', 'G'].map(text => isPreface(Buffer.from(text)))).toEqual([false, false, false, false])
    expect([mayBePreface(0x50), mayBePreface(0x47)]).toEqual([true, false])
  })
})
