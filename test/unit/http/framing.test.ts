import { describe, expect, it } from 'vitest'
import { certain, keepsAlive, requestFraming, responseFraming } from '../../../src/http/framing.ts'
import { parseRequestHead, parseResponseHead } from '../../../src/http/head.ts'
import type { Framing } from '../../../src/http/message.ts'
import { codeOf } from '../../harness/code-of.ts'

const request = (lines: string, start = 'POST / HTTP/1.1') => parseRequestHead(Buffer.from(`${start}\r\n${lines}\r\n`, 'latin1'))
const response = (lines: string, start = 'HTTP/1.1 200 OK') => parseResponseHead(Buffer.from(`${start}\r\n${lines}\r\n`, 'latin1'))

describe('requestFraming', () => {
  it.each<[string, string, Framing]>([
    ['no length: no body', '', { kind: 'none' }],
    ['Content-Length', 'Content-Length: 12\r\n', { kind: 'length', length: 12 }],
    ['Content-Length 0: no body', 'content-length: 0\r\n', { kind: 'none' }],
    ['leading zeros', 'Content-Length: 0012\r\n', { kind: 'length', length: 12 }],
    ['equal lengths twice', 'Content-Length: 5\r\nContent-Length: 5\r\n', { kind: 'length', length: 5 }],
    ['equal lengths in a list', 'Content-Length: 5, 5\r\n', { kind: 'length', length: 5 }],
    ['chunked', 'Transfer-Encoding: Chunked\r\n', { kind: 'chunked' }]
  ])('%s', (_what, lines, framing) => {
    expect(requestFraming(request(lines))).toEqual(framing)
    expect(certain(request(lines))).toBe(true)
  })

  /** The shapes with which requests are smuggled past a front: each must be in doubt, never guessed. */
  it.each([
    ['both length and chunked', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', 'HTTP_AMBIGUOUS'],
    ['both, the other way round', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', 'HTTP_AMBIGUOUS'],
    ['an unknown coding beside a length', 'Transfer-Encoding: x\r\nContent-Length: 4\r\n', 'HTTP_AMBIGUOUS'],
    ['two different lengths', 'Content-Length: 4\r\nContent-Length: 5\r\n', 'HTTP_LENGTH'],
    ['different lengths in a list', 'Content-Length: 4, 5\r\n', 'HTTP_LENGTH'],
    ['an empty length', 'Content-Length:\r\n', 'HTTP_LENGTH'],
    ['a length with a sign', 'Content-Length: +4\r\n', 'HTTP_LENGTH'],
    ['a negative length', 'Content-Length: -4\r\n', 'HTTP_LENGTH'],
    ['a hexadecimal length', 'Content-Length: 0x4\r\n', 'HTTP_LENGTH'],
    ['a length with text', 'Content-Length: 4 bytes\r\n', 'HTTP_LENGTH'],
    ['a length behind a no-break space', 'Content-Length: \xa04\r\n', 'HTTP_LENGTH'],
    ['a length beyond 2^53', 'Content-Length: 9999999999999999\r\n', 'HTTP_LENGTH'],
    ['a length of many digits', `Content-Length: ${'1'.repeat(400)}\r\n`, 'HTTP_LENGTH'],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n', 'HTTP_TRANSFER_CODING'],
    ['identity', 'Transfer-Encoding: identity\r\n', 'HTTP_TRANSFER_CODING'],
    ['gzip, chunked', 'Transfer-Encoding: gzip, chunked\r\n', 'HTTP_TRANSFER_CODING'],
    ['chunked, identity', 'Transfer-Encoding: chunked, identity\r\n', 'HTTP_TRANSFER_CODING'],
    ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 'HTTP_TRANSFER_CODING'],
    ['chunked and another field', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n', 'HTTP_TRANSFER_CODING'],
    ['chunked with a parameter', 'Transfer-Encoding: chunked;x=1\r\n', 'HTTP_TRANSFER_CODING'],
    ['chunked in quotes', 'Transfer-Encoding: "chunked"\r\n', 'HTTP_TRANSFER_CODING'],
    ['an empty coding', 'Transfer-Encoding:\r\n', 'HTTP_TRANSFER_CODING']
  ])('is in doubt about %s', (_what, lines, code) => {
    expect(codeOf(() => requestFraming(request(lines)))).toBe(code)
    expect(certain(request(lines))).toBe(false)
  })

  it('is in doubt about chunked in HTTP/1.0', () => {
    expect(codeOf(() => requestFraming(request('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0')))).toBe('HTTP_TRANSFER_CODING')
  })
})

describe('certain', () => {
  it('excludes what may stop being HTTP/1', () => {
    expect(certain(request('Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n', 'GET / HTTP/1.1'))).toBe(false)
    expect(certain(request('', 'CONNECT a:443 HTTP/1.1'))).toBe(false)
    expect(certain(request('Upgrade: websocket\r\n', 'GET / HTTP/1.1'))).toBe(true)
  })
})

describe('responseFraming', () => {
  it.each<[string, string, string, string, Framing]>([
    ['a length', 'GET', 'HTTP/1.1 200 OK', 'Content-Length: 7\r\n', { kind: 'length', length: 7 }],
    ['nothing said: until the end', 'GET', 'HTTP/1.1 200 OK', '', { kind: 'close' }],
    ['chunked', 'GET', 'HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked\r\n', { kind: 'chunked' }],
    ['a coding that does not end in chunked: until the end', 'GET', 'HTTP/1.1 200 OK', 'Transfer-Encoding: gzip\r\n', { kind: 'close' }],
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK', 'Content-Length: 7\r\n', { kind: 'none' }],
    ['100', 'POST', 'HTTP/1.1 100 Continue', '', { kind: 'none' }],
    ['103', 'GET', 'HTTP/1.1 103 Early Hints', '', { kind: 'none' }],
    ['101', 'GET', 'HTTP/1.1 101 Switching Protocols', '', { kind: 'tunnel' }],
    ['204', 'GET', 'HTTP/1.1 204 No Content', '', { kind: 'none' }],
    ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified', 'Content-Length: 7\r\n', { kind: 'none' }],
    ['CONNECT accepted', 'CONNECT', 'HTTP/1.1 200 OK', 'Content-Length: 7\r\n', { kind: 'tunnel' }],
    ['CONNECT refused', 'CONNECT', 'HTTP/1.1 403 Forbidden', 'Content-Length: 7\r\n', { kind: 'length', length: 7 }]
  ])('%s', (_what, method, start, lines, framing) => {
    expect(responseFraming(response(lines, start), method)).toEqual(framing)
  })

  it('refuses a response whose length is in doubt', () => {
    expect(codeOf(() => responseFraming(response('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'), 'GET'))).toBe('HTTP_AMBIGUOUS')
    expect(codeOf(() => responseFraming(response('Content-Length: 1\r\nContent-Length: 2\r\n'), 'GET'))).toBe('HTTP_LENGTH')
  })
})

describe('keepsAlive', () => {
  it('follows version and Connection', () => {
    expect(keepsAlive(request(''))).toBe(true)
    expect(keepsAlive(request('Connection: foo, Close\r\n'))).toBe(false)
    expect(keepsAlive(request('', 'GET / HTTP/1.0'))).toBe(false)
    expect(keepsAlive(request('Connection: Keep-Alive\r\n', 'GET / HTTP/1.0'))).toBe(true)
  })
})
