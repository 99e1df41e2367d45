import { describe, expect, it } from 'vitest'
import { planRequest, RequestRefused } from '../../../src/server/request-plan.ts'
import { planResponse } from '../../../src/server/response-plan.ts'

const plan = (...lines: string[]): ReturnType<typeof planRequest> => planRequest(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
const forwarded = (...lines: string[]): string[] =>
  plan(...lines)
    .forward(false)
    .toString('latin1')
    .split('\r\n')
    .slice(0, -2)

describe('plan of a request', () => {
  it('adds only Connection: close', () => {
    expect(forwarded('GET /a?b=c HTTP/1.1', 'Host: x', 'X-y:  z ', 'Cookie: a=b', 'cookie: c')).toEqual([
      'GET /a?b=c HTTP/1.1',
      'Host: x',
      'X-y: z',
      'Cookie: a=b',
      'cookie: c',
      'Connection: close'
    ])
  })

  it('ends the connection’s own fields here, but never those that frame or route the message', () => {
    expect(
      forwarded(
        'POST / HTTP/1.1',
        'Host: x',
        'Connection: close, X-A, Content-Length, host, TE',
        'Keep-Alive: 1',
        'Proxy-Connection: a',
        'x-a: 1',
        'TE: trailers',
        'Content-Length: 3'
      )
    ).toEqual(['POST / HTTP/1.1', 'Host: x', 'Content-Length: 3', 'Connection: close'])
  })

  it('keeps an upgrade, drops one that Connection does not name, and h2c', () => {
    expect(forwarded('GET / HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: keep-alive, Upgrade')).toContain('Upgrade: websocket')
    expect(forwarded('GET / HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: keep-alive, Upgrade')).toContain('Connection: Upgrade')
    for (const lines of [
      ['Upgrade: websocket'],
      ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAA'],
      ['Upgrade: websocket, h2c', 'Connection: Upgrade']
    ]) {
      expect(forwarded('GET / HTTP/1.1', 'Host: x', ...lines)).toEqual(['GET / HTTP/1.1', 'Host: x', 'Connection: close'])
    }
  })

  it('turns an absolute target into path and Host', () => {
    expect(forwarded('GET http://a.b:81?q HTTP/1.1', 'Host: other', 'A: b')).toEqual([
      'GET /?q HTTP/1.1',
      'Host: a.b:81',
      'A: b',
      'Connection: close'
    ])
    expect(plan('GET HTTP://a.b/x HTTP/1.1', 'Host: other').host).toBe('a.b')
  })

  it.each([
    ['GET', [], true],
    ['HEAD', [], true],
    ['OPTIONS', [], true],
    ['PUT', ['Content-Length: 1'], true],
    ['TRACE', [], true],
    ['GET', ['Upgrade: x', 'Connection: upgrade'], false],
    ['POST', [], false],
    ['DELETE', [], true],
    ['PATCH', [], false]
  ])('%s with %j may be repeated: %s', (method, headers, repeatable) => {
    expect(plan(`${method} / HTTP/1.1`, 'Host: x', ...headers).repeatable).toBe(repeatable)
  })

  it.each([
    ['1.1', [], true],
    ['1.1', ['Connection: close'], false],
    ['1.1', ['Connection: foo, CLOSE'], false],
    ['1.0', [], false],
    ['1.0', ['Connection: keep-alive'], false]
  ])('HTTP/%s with %j keeps the connection: %s', (version, headers, keepAlive) => {
    expect(plan(`GET / HTTP/${version}`, 'Host: x', ...headers).keepAlive).toBe(keepAlive)
  })

  it.each([
    [405, ['CONNECT a:443 HTTP/1.1', 'Host: a']],
    [400, ['GET / HTTP/1.1']],
    [400, ['GET / HTTP/1.1', 'Host: a', 'Host: a']],
    [400, ['GET / HTTP/1.1', 'Host: a b']],
    [400, ['GET / HTTP/1.1', 'Host: a/b']],
    [400, ['GET / HTTP/1.1', 'Host: a@b']],
    [400, ['GET / HTTP/1.1', 'Host: a:80x']],
    [400, ['GET / HTTP/1.1', 'Host: a:80:80']],
    [400, ['GET / HTTP/1.1', 'Host: [::1']],
    [400, ['GET / HTTP/1.1', 'Host: a]']],
    [400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: \xa03']],
    [400, ['GET ftp://a/ HTTP/1.1', 'Host: a']],
    [400, ['GET http:///x HTTP/1.1', 'Host: a']],
    [400, ['GET http://u:p@a/ HTTP/1.1', 'Host: a']],
    [400, ['GET a HTTP/1.1', 'Host: a']],
    [400, ['GET * HTTP/1.1', 'Host: a']],
    [505, ['GET / HTTP/2.0', 'Host: a']],
    [505, ['PRI * HTTP/2.0']]
  ])('refuses with %i: %j', (status, lines) => {
    expect(() => plan(...lines)).toThrow(RequestRefused)
    expect(() => plan(...lines)).toThrow(expect.objectContaining({ status }))
  })
})

describe('plan of a response', () => {
  const get = plan('GET / HTTP/1.1', 'Host: x')
  const answer = (lines: string[], request = get, mayKeep = true): ReturnType<typeof planResponse> =>
    planResponse(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), request, mayKeep)

  it('keeps the connection when the end is known and everybody wants to', () => {
    const kept = answer([
      'HTTP/1.1 200 Fine',
      'Connection: close, X-A',
      'X-A: 1',
      'Keep-Alive: 5',
      'Content-Length: 2',
      'Set-Cookie: a',
      'Set-Cookie: b'
    ])
    expect(kept.keepAlive).toBe(true)
    expect(kept.forward.toString()).toBe('HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n')
  })

  it.each([
    ['no length', ['HTTP/1.1 200 OK'], get, true],
    ['the visitor closes', ['HTTP/1.1 200 OK', 'Content-Length: 0'], plan('GET / HTTP/1.1', 'Host: x', 'Connection: close'), true],
    ['the upload is not over', ['HTTP/1.1 200 OK', 'Content-Length: 0'], get, false]
  ])('closes when %s', (_why, lines, request, mayKeep) => {
    const closed = answer(lines, request, mayKeep)
    expect(closed.keepAlive).toBe(false)
    expect(closed.forward.toString()).toMatch(/\r\nConnection: close\r\n\r\n$/)
  })

  it('makes equal lengths one, and takes both lengths and codings from a 204', () => {
    const forwarded = (...lines: string[]): string => answer(lines).forward.toString()
    expect(forwarded('HTTP/1.1 200 OK', 'Content-Length: 2', 'content-length: 2')).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
    expect(forwarded('HTTP/1.1 200 OK', 'Content-Length: 2 , 2')).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
    expect(forwarded('HTTP/1.1 204 No', 'Content-Length: 2', 'A: b')).toBe('HTTP/1.1 204 No\r\nA: b\r\n\r\n')
    expect(forwarded('HTTP/1.1 204 No', 'Transfer-Encoding: chunked')).toBe('HTTP/1.1 204 No\r\n\r\n')
  })

  it('refuses 101 unasked, two lengths, and a chunked body for HTTP/1.0', () => {
    expect(() => answer(['HTTP/1.1 101 X'])).toThrow(expect.objectContaining({ code: 'HTTP_UPGRADE' }))
    expect(() => answer(['HTTP/1.1 200 X', 'Content-Length: 1', 'Content-Length: 2'])).toThrow(
      expect.objectContaining({ code: 'HTTP_LENGTH' })
    )
    const old = plan('GET / HTTP/1.0')
    expect(() => answer(['HTTP/1.1 200 X', 'Transfer-Encoding: chunked'], old)).toThrow(
      expect.objectContaining({ code: 'HTTP_TRANSFER_CODING' })
    )
  })
})
