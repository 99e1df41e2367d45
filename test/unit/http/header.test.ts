import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { encodeRequest, encodeResponse } from '../../../src/http/encode.ts'
import { parseRequestHead, parseResponseHead } from '../../../src/http/head.ts'
import { hasToken, header } from '../../../src/http/header.ts'

describe('header', () => {
  const head = {
    headers: [
      ['Host', 'a'],
      ['X', '1'],
      ['x', '2'],
      ['Connection', 'keep-alive, Upgrade,\tTE'],
      ['Trailer', '\xa0X']
    ] as const
  }

  it('finds values without case and joins several', () => {
    expect(header(head, 'hOST')).toBe('a')
    expect(header(head, 'X')).toBe('1, 2')
    expect(header(head, 'Y')).toBeUndefined()
  })

  it('finds whole tokens only', () => {
    expect(hasToken(head, 'connection', 'upgrade')).toBe(true)
    expect(hasToken(head, 'connection', 'up')).toBe(false)
    expect(hasToken(head, 'connection', 'te')).toBe(true)
    expect(hasToken(head, 'te', 'trailers')).toBe(false)
    expect(hasToken(head, 'trailer', 'x')).toBe(false)
  })
})

describe('encodeResponse', () => {
  it('writes what the parser reads back, with the length of the body', () => {
    const bytes = encodeResponse({ status: 503, headers: [['Content-Type', 'text/plain']], body: 'größer' })
    const [head = '', body] = bytes.toString('latin1').split(/(?<=\r\n\r\n)/)
    const parsed = parseResponseHead(Buffer.from(head, 'latin1'))
    expect(parsed).toMatchObject({ status: 503, reason: 'Service Unavailable' })
    expect(header(parsed, 'content-length')).toBe('8')
    expect(Buffer.from(body ?? '', 'latin1').toString()).toBe('größer')
  })

  it('writes no length and no body where there may be none', () => {
    expect(encodeResponse({ status: 204, body: 'x' }).toString()).toBe('HTTP/1.1 204 No Content\r\n\r\n')
    expect(encodeResponse({ status: 299 }).toString()).toBe('HTTP/1.1 299 Unknown\r\nContent-Length: 0\r\n\r\n')
  })

  it('keeps a framing that was given', () => {
    expect(encodeResponse({ status: 200, headers: [['transfer-encoding', 'chunked']] }).toString()).not.toContain('Content-Length')
  })

  it('refuses values that would break out of the head', () => {
    expect(() => encodeResponse({ status: 200, headers: [['A', 'b\r\nC: d']] })).toThrow(ProtocolError)
    expect(() => encodeResponse({ status: 200, headers: [['A b', 'c']] })).toThrow(ProtocolError)
    expect(() => encodeRequest({ method: 'GET', target: '/ HTTP/1.1\r\nX: y', headers: [] })).toThrow(ProtocolError)
  })
})

describe('encodeRequest', () => {
  it('writes what the parser reads back', () => {
    const bytes = encodeRequest({ method: 'HEAD', target: '/x', headers: [['Host', 'a']] })
    expect(parseRequestHead(bytes)).toMatchObject({ method: 'HEAD', target: '/x', headers: [['Host', 'a']] })
    expect(encodeRequest({ method: 'POST', target: '/', headers: [], body: 'abc' }).toString()).toBe(
      'POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc'
    )
  })
})
