import { describe, expect, it } from 'vitest'
import { type ProxyRequest, ProxyRefused, readProxyRequest } from '../../../src/access/proxy-request.ts'
import { ProtocolError } from '../../../src/base/errors.ts'
import { parseRequestHead } from '../../../src/http/head.ts'

const read = (...lines: string[]): ProxyRequest =>
  readProxyRequest(parseRequestHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')))
const sent = (request: ProxyRequest): string[] =>
  request.kind === 'request' ? request.head.toString('latin1').trimEnd().split('\r\n') : ['CONNECT']

describe('a request in absolute form', () => {
  it('is sent in origin form, with the host of its URL and without the headers for a proxy', () => {
    const request = read(
      'GET http://user:pw@db.shop:8080/a?b=http://c#d HTTP/1.1',
      'Host: other',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic eA==',
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Upgrade: h2c',
      'X-Stays: 2'
    )
    expect(request).toMatchObject({ to: { host: 'db.shop', port: 8_080 }, upgrade: false, keepAlive: true, repeatable: true })
    expect(sent(request)).toEqual(['GET /a?b=http://c HTTP/1.1', 'Host: db.shop:8080', 'X-Stays: 2'])
  })

  it.each([
    ['GET http://web HTTP/1.1', 'GET / HTTP/1.1', 'web', 80],
    ['OPTIONS http://web HTTP/1.1', 'OPTIONS * HTTP/1.1', 'web', 80],
    ['OPTIONS http://web/ HTTP/1.1', 'OPTIONS / HTTP/1.1', 'web', 80],
    ['GET http://web?q HTTP/1.1', 'GET /?q HTTP/1.1', 'web', 80],
    ['GET HTTP://[fd00::1]:81/x HTTP/1.1', 'GET /x HTTP/1.1', 'fd00::1', 81],
    ['GET http://web:/x HTTP/1.0', 'GET /x HTTP/1.0', 'web', 80]
  ])('%s becomes %s', (line, start, host, port) => {
    const request = read(line)
    expect([sent(request)[0], request.to]).toEqual([start, { host, port }])
  })

  it('never loses what frames its body, whatever Connection names', () => {
    const request = read('POST http://web/ HTTP/1.1', 'Connection: content-length, host', 'Content-Length: 3')
    expect(request).toMatchObject({ framing: { kind: 'length', length: 3 }, repeatable: false })
    expect(sent(request)).toEqual(['POST / HTTP/1.1', 'Host: web', 'Content-Length: 3'])
  })

  it('keeps an upgrade, and the wish to close', () => {
    expect(sent(read('GET http://web/ HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket'))).toEqual([
      'GET / HTTP/1.1',
      'Host: web',
      'Upgrade: websocket',
      'Connection: Upgrade'
    ])
    expect(sent(read('GET http://web/ HTTP/1.1', 'Connection: close'))).toContain('Connection: close')
    expect(sent(read('GET http://web/ HTTP/1.0', 'Connection: keep-alive'))).toContain('Connection: keep-alive')
  })

  it.each([
    'GET / HTTP/1.1',
    'GET https://web/ HTTP/1.1',
    'GET http:// HTTP/1.1',
    'GET http://web:0/ HTTP/1.1',
    'GET http://web:65536/ HTTP/1.1',
    'GET http://web:999999/ HTTP/1.1',
    'GET http://[::1/ HTTP/1.1',
    'CONNECT web HTTP/1.1',
    'CONNECT :80 HTTP/1.1',
    'CONNECT web:0 HTTP/1.1',
    'CONNECT http://web:80 HTTP/1.1'
  ])('%s is refused', line => {
    expect(() => read(line)).toThrow(ProxyRefused)
  })

  it('whose body has no certain end is refused', () => {
    expect(() => read('POST http://web/ HTTP/1.1', 'Content-Length: 3', 'Transfer-Encoding: chunked')).toThrow(ProtocolError)
  })
})

it.each([
  ['CONNECT db.shop:5432 HTTP/1.1', { host: 'db.shop', port: 5_432 }],
  ['CONNECT [fd00::1]:443 HTTP/1.1', { host: 'fd00::1', port: 443 }]
])('%s names its destination', (line, to) => {
  expect(read(line)).toEqual({ kind: 'connect', to })
})
