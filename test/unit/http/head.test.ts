import { describe, expect, it } from 'vitest'
import { HeadReader } from '../../../src/http/head-reader.ts'
import { parseRequestHead, parseResponseHead } from '../../../src/http/head.ts'
import { codeOf } from '../../harness/code-of.ts'
import { feedEveryWay } from '../../harness/feed.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

describe('parseRequestHead', () => {
  it('gives method, target, version and headers as they were sent', () => {
    const raw = bytes('POST /a?b=%20 HTTP/1.1\r\nHost: Example.org:8080\r\nX-Empty:\r\nX-Blank: \t a b \t\r\nx-blank: c\r\n\r\n')
    expect(parseRequestHead(raw)).toEqual({
      method: 'POST',
      target: '/a?b=%20',
      version: '1.1',
      headers: [
        ['Host', 'Example.org:8080'],
        ['X-Empty', ''],
        ['X-Blank', 'a b'],
        ['x-blank', 'c']
      ],
      raw
    })
  })

  it('accepts a head without headers, every token character in a method, and bytes above 127', () => {
    expect(parseRequestHead(bytes('GET / HTTP/1.0\r\n\r\n'))).toMatchObject({ version: '1.0', headers: [] })
    expect(parseRequestHead(bytes("M!#$%&'*+-.^_`|~9 * HTTP/1.1\r\n\r\n")).method).toBe("M!#$%&'*+-.^_`|~9")
    expect(parseRequestHead(bytes('GET /\xe4 HTTP/1.1\r\nX: \xff\r\n\r\n'))).toMatchObject({ target: '/\xe4', headers: [['X', '\xff']] })
  })

  it('ignores empty lines before the request line', () => {
    expect(parseRequestHead(bytes('\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n'))).toMatchObject({ method: 'GET', headers: [['A', 'b']] })
  })

  it.each([
    ['a bare LF as line end', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'HTTP_HEADER'],
    ['a bare CR in a value', 'GET / HTTP/1.1\r\nA: b\rc\r\n\r\n', 'HTTP_HEADER'],
    ['NUL in a value', 'GET / HTTP/1.1\r\nA: b\0c\r\n\r\n', 'HTTP_HEADER'],
    ['DEL in a value', 'GET / HTTP/1.1\r\nA: b\x7fc\r\n\r\n', 'HTTP_HEADER'],
    ['a folded line', 'GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n', 'HTTP_HEADER'],
    ['a line that begins with a tab', 'GET / HTTP/1.1\r\n\tA: b\r\n\r\n', 'HTTP_HEADER'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nContent-Length : 4\r\n\r\n', 'HTTP_HEADER'],
    ['a header without colon', 'GET / HTTP/1.1\r\nHost\r\nA: b\r\n\r\n', 'HTTP_HEADER'],
    ['an empty header name', 'GET / HTTP/1.1\r\n: b\r\n\r\n', 'HTTP_HEADER'],
    ['a header name that is no token', 'GET / HTTP/1.1\r\nA(b: c\r\n\r\n', 'HTTP_HEADER'],
    ['a head without its end', 'GET / HTTP/1.1\r\nA: b\r\n', 'HTTP_HEADER'],
    ['a second head in the same bytes', 'GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n', 'HTTP_HEADER'],
    ['two blanks in the request line', 'GET  / HTTP/1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['a tab in the request line', 'GET\t/ HTTP/1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['a blank before the method', ' GET / HTTP/1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['a blank after the version', 'GET / HTTP/1.1 \r\n\r\n', 'HTTP_START_LINE'],
    ['HTTP/0.9', 'GET /\r\n\r\n', 'HTTP_START_LINE'],
    ['a version in lower case', 'GET / http/1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['a version of three parts', 'GET / HTTP/1.1.1\r\n\r\n', 'HTTP_START_LINE'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\n', 'HTTP_VERSION'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\n\r\n', 'HTTP_VERSION'],
    ['nothing but empty lines', '\r\n\r\n', 'HTTP_START_LINE']
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(() => parseRequestHead(bytes(text)))).toBe(code)
  })
})

describe('parseResponseHead', () => {
  it('gives status, reason and headers', () => {
    expect(parseResponseHead(bytes('HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n'))).toMatchObject({
      status: 404,
      reason: 'Not Found',
      version: '1.1',
      headers: [['A', 'b']]
    })
  })

  it('accepts a missing reason, with and without the blank before it', () => {
    expect(parseResponseHead(bytes('HTTP/1.0 200 \r\n\r\n'))).toMatchObject({ status: 200, reason: '', version: '1.0' })
    expect(parseResponseHead(bytes('HTTP/1.1 200\r\n\r\n'))).toMatchObject({ status: 200, reason: '' })
  })

  it.each([
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'HTTP_START_LINE'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'HTTP_START_LINE'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'HTTP_START_LINE'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', 'HTTP_VERSION'],
    ['a request', 'GET / HTTP/1.1\r\n\r\n', 'HTTP_START_LINE']
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(() => parseResponseHead(bytes(text)))).toBe(code)
  })
})

describe('HeadReader', () => {
  it('finds the same heads however the bytes are cut, and hands on the rest', () => {
    const first = 'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'
    const second = '\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nX: \r\n\r\n'
    feedEveryWay(bytes(`${first}${second}tail`), chunks => {
      const reader = new HeadReader()
      const heads: string[] = []
      let rest = ''
      for (let chunk of chunks) {
        while (chunk.length > 0 && heads.length < 2) {
          const found = reader.push(chunk)
          if (found !== undefined) heads.push(found.raw.toString('latin1'))
          chunk = found?.rest ?? Buffer.alloc(0)
        }
        rest += chunk.toString('latin1')
      }
      expect(heads).toEqual([first, second])
      expect(rest).toBe('tail')
    })
  })

  it('refuses a lone LF as soon as it comes, also at the start of a chunk', () => {
    expect(codeOf(() => new HeadReader().push(bytes('GET / HTTP/1.1\n')))).toBe('HTTP_LINE_END')
    const reader = new HeadReader()
    reader.push(bytes('GET / HTTP/1.1'))
    expect(codeOf(() => reader.push(bytes('\n')))).toBe('HTTP_LINE_END')
  })

  it('accepts a head of exactly the limit and refuses one byte more, however it is cut', () => {
    const fits = bytes(`GET / HTTP/1.1\r\nA: ${'x'.repeat(100 - 14 - 2 - 3 - 4)}\r\n\r\n`)
    expect(fits.length).toBe(100)
    feedEveryWay(fits, chunks => {
      const reader = new HeadReader(100)
      const found = chunks.map(chunk => reader.push(chunk)).filter(head => head !== undefined)
      expect(found[0]?.raw.equals(fits)).toBe(true)
    })
    feedEveryWay(bytes(`GET / HTTP/1.1\r\nA: ${'x'.repeat(78)}\r\n\r\n`), chunks => {
      const reader = new HeadReader(100)
      expect(codeOf(() => chunks.forEach(chunk => reader.push(chunk)))).toBe('HTTP_HEAD_TOO_LARGE')
    })
  })

  it('keeps nothing beyond the limit when a peer never ends its head', () => {
    const reader = new HeadReader(1_000)
    const chunk = bytes('x'.repeat(300))
    for (let i = 0; i < 3; i += 1) reader.push(chunk)
    expect(codeOf(() => reader.push(chunk))).toBe('HTTP_HEAD_TOO_LARGE')
    expect(reader.length).toBe(900)
    expect(reader.taken().length).toBe(900)
  })

  it('gives back what it took when the bytes turn out to be something else', () => {
    const reader = new HeadReader()
    reader.push(bytes('not'))
    reader.push(bytes(' http'))
    expect(reader.taken().toString()).toBe('not http')
  })
})
