import { brotliCompressSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import type { Header } from '../../../src/event/types.ts'
import type { KeptRequest } from '../../../src/capture/kept.ts'
import { MASKED_VALUE, maskHeaders } from '../../../src/capture/mask.ts'
import { requestFromText, textFromRequest } from '../../../src/capture/message-text.ts'

const mask = maskHeaders(['x-secret'])
const wire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

function kept(headers: readonly Header[], body: Buffer | string = '', changes: Partial<KeptRequest> = {}): KeptRequest {
  const bytes = Buffer.from(body)
  return {
    method: 'POST',
    target: '/api/cart?x=1',
    host: '',
    path: '',
    version: '1.1',
    trailers: [],
    headers,
    body: { bytes, size: bytes.length, truncated: false },
    ...changes
  }
}

const textOf = (request: KeptRequest): string => textFromRequest(request, { mask })
const parts = ({ method, target, version, headers, body }: KeptRequest) => ({
  method,
  target,
  version,
  headers: [...headers],
  body: body.bytes
})

function errorOf(text: string, original: KeptRequest): InterceptError {
  try {
    requestFromText(text, original)
  } catch (error) {
    if (error instanceof InterceptError) return error
    throw error
  }
  throw new Error('was read')
}

const plain = kept(
  [
    ['Host', 'shop'],
    ['Content-Type', 'application/json'],
    ['Content-Length', '8']
  ],
  '{"a": 1}'
)
const secret = kept([
  ['Host', 'shop'],
  ['Cookie', 'a=s3cret'],
  ['cookie', 'b=s3cret'],
  ['Authorization', 'Bearer s3cret']
])

describe('a request as text', () => {
  it('is an HTTP message under a few words of help', () => {
    expect(textOf(plain)).toBe(
      [
        '# Edit the request, then save and close. Closed without a change, nothing is sent.',
        '# Lines with # above the request are ignored. The length of the body is counted again.',
        'POST /api/cart?x=1 HTTP/1.1',
        'Host: shop',
        'Content-Type: application/json',
        'Content-Length: 8',
        '',
        '{"a": 1}',
        ''
      ].join('\n')
    )
  })

  it('holds no secret', () => {
    expect(textOf(secret)).not.toContain('s3cret')
    expect(textOf(secret)).toContain(`Cookie: ${MASKED_VALUE}\ncookie: ${MASKED_VALUE} (2)\nAuthorization: ${MASKED_VALUE}\n`)
  })

  it('shows what a text body says, packed or not', () => {
    for (const [coding, body] of [
      ['gzip', gzipSync('naïve 🧀')],
      ['deflate', deflateSync('naïve 🧀')],
      ['br', brotliCompressSync('naïve 🧀')],
      ['identity', Buffer.from('naïve 🧀')]
    ] as const)
      expect(textOf(kept([['Content-Encoding', coding]], body))).toMatch(/\n\nnaïve 🧀\n$/)
  })

  it.each([
    ['binary', kept([], Buffer.from([0, 1, 255]))],
    ['Latin-1', kept([], Buffer.from('na\u00efve', 'latin1'))],
    ['an escape sequence', kept([], '\u001b[31m')],
    ['mixed line ends', kept([], 'a\r\nb\n')],
    ['broken gzip', kept([['Content-Encoding', 'gzip']], 'no gzip')],
    ['a bomb', kept([['Content-Encoding', 'gzip']], gzipSync(Buffer.alloc(8_000_000, 32)))],
    ['an unknown coding', kept([['Content-Encoding', 'zstd']], 'zzz')]
  ])('has one line for a body that no editor gives back as it was: %s', (_what, request) => {
    expect(textOf(request)).toMatch(/\n\n# The body \(\d.*\) is no text and is sent as it was\. .*\n$/)
    expect(requestFromText(textOf(request), request).body).toEqual(request.body.bytes)
  })

  it('shows no bytes that are no text in the head', () => {
    const text = textOf(
      kept(
        [
          ['X-A', '\u009b31m\u00ff'],
          ['X-Tab', 'a\tb'],
          ['X-Bidi', wire('\u202e')]
        ],
        '',
        { target: '/\u0080' }
      )
    )
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })
})

describe('text as a request', () => {
  it.each([
    ['plain', plain],
    ['secrets', secret],
    ['an empty body', kept([['Host', 'h']])],
    ['bodies of line ends', kept([], '\n')],
    ['more of them', kept([], '\n\n\n')],
    ['CRLF', kept([], 'a\r\n\r\nb\r\n')],
    ['gzip', kept([['Content-Encoding', 'gzip']], gzipSync('text', { level: 1 }))],
    ['an empty body in gzip', kept([['Content-Encoding', 'gzip']], gzipSync(''))],
    ['HTTP/1.0', kept([['X-Empty', '']], '', { version: '1.0', method: 'GET' })],
    [
      'values that look hidden',
      kept([
        ['X-A', 'a'],
        ['X-A', wire(MASKED_VALUE)],
        ['Cookie', 's'],
        ['Cookie', wire(MASKED_VALUE)]
      ])
    ],
    [
      'bytes and their escapes',
      kept([
        ['X-A', '\\x80'],
        ['X-A', '\u0080'],
        ['X-B', wire('\u202e')],
        ['X-B', '\u00e2\\x80\u00ae']
      ])
    ]
  ])('gives back what was left alone: %s', (_what, request) => {
    expect(requestFromText(textOf(request), request)).toEqual(parts(request))
  })

  it('gives back whatever was left alone', () => {
    const byte = fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })).map(code => String.fromCharCode(code))
    const value = fc
      .array(
        fc.oneof(byte, fc.constantFrom(' ', '\t', wire('🧀'), wire('•'), wire(MASKED_VALUE), wire('\u00a0'), wire('\u2028'), '\\x80', '#')),
        { maxLength: 10 }
      )
      .map(units => units.join('').replace(/^[\t ]+|[\t ]+$/g, ''))
    const name = fc.oneof(
      fc.constantFrom('Cookie', 'COOKIE', 'X-Secret', 'Authorization', 'X-A', 'x-a'),
      fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/)
    )
    const headers = fc.array(fc.tuple(name, value), { maxLength: 8 })
    const line = fc.constantFrom('\n', '\r\n', '\r', 'a', '# ', ' ', '\t', 'é', '\ufeff', '\0', '{"a":1}')
    const body = fc.oneof(
      fc.array(line, { maxLength: 8 }).map(units => Buffer.from(units.join(''))),
      fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes))
    )
    const request = fc
      .tuple(
        fc.stringMatching(/^[A-Z][!#$%&'*+.^_`|~0-9A-Za-z-]{0,8}$/),
        fc.array(byte, { minLength: 1, maxLength: 8 }),
        headers,
        body,
        fc.boolean()
      )
      .map(([method, target, fields, bytes, packed]) =>
        kept(packed ? [...fields, ['Content-Encoding', 'gzip']] : fields, packed ? gzipSync(bytes) : bytes, {
          method,
          target: target.join('')
        })
      )
    fc.assert(
      fc.property(request, original => {
        expect(requestFromText(textOf(original), original)).toEqual(parts(original))
        // Editors of Windows.
        expect(requestFromText(`\ufeff${textOf(original).replaceAll('\n', '\r\n')}`, original)).toEqual(parts(original))
      }),
      { numRuns: process.env['CI'] === 'true' ? 20_000 : 300 }
    )
  })

  it('takes every change', () => {
    const text = textOf(plain)
      .replace('POST /api/cart?x=1 HTTP/1.1', 'PUT  /käse HTTP/1.0')
      .replace('Host: shop', 'host:  other \nX-New: 🧀')
      .replace('1}', '2}\n')
    expect(requestFromText(text, plain)).toEqual({
      method: 'PUT',
      target: wire('/käse'),
      version: '1.0',
      headers: [
        ['host', 'other'],
        ['X-New', wire('🧀')],
        ['Content-Type', 'application/json'],
        ['Content-Length', '8']
      ],
      body: Buffer.from('{"a": 2}\n')
    })
  })

  it('needs no comments, no version and no last line end', () => {
    expect(requestFromText('GET /x', plain)).toEqual({ method: 'GET', target: '/x', version: '1.1', headers: [], body: Buffer.alloc(0) })
    expect(requestFromText('\n# a\n\nGET /x\nA: b\n \nbody', plain)).toMatchObject({ headers: [['A', 'b']], body: Buffer.from('body') })
  })

  it('knows which of the hidden values was deleted, moved or replaced', () => {
    const text = textOf(secret)
    const without = requestFromText(text.replace(`Cookie: ${MASKED_VALUE}\n`, ''), secret)
    expect(without.headers).toEqual([
      ['Host', 'shop'],
      ['cookie', 'b=s3cret'],
      ['Authorization', 'Bearer s3cret']
    ])
    const replaced = requestFromText(text.replace(`Authorization: ${MASKED_VALUE}`, 'authorization: Basic eDp5'), secret)
    expect(replaced.headers.at(-1)).toEqual(['authorization', 'Basic eDp5'])
    const respelled = requestFromText(text.replace('Authorization:', 'AUTHORIZATION:'), secret)
    expect(respelled.headers.at(-1)).toEqual(['AUTHORIZATION', 'Bearer s3cret'])
  })

  it('packs a changed body as the head says', () => {
    const packed = kept([['Content-Encoding', 'gzip']], gzipSync('one'))
    expect(gunzipSync(requestFromText(textOf(packed).replace('one', 'two'), packed).body).toString()).toBe('two')
    expect(requestFromText(textOf(packed).replace('Content-Encoding: gzip\n', ''), packed).body.toString()).toBe('one')
    expect(requestFromText(textOf(packed).replace('one', ''), packed).body).toEqual(Buffer.alloc(0))
  })

  it('keeps the line ends of a changed body', () => {
    const crlf = kept([], 'a\r\nb\r\n')
    expect(requestFromText(textOf(crlf).replace('\nb', '\nc\nd'), crlf).body.toString()).toBe('a\r\nc\r\nd\r\n')
  })

  it('takes a body in place of one that was not shown, or none', () => {
    const binary = kept([], Buffer.from([0, 255]))
    const line = /# The body.*/
    expect(requestFromText(textOf(binary).replace(line, 'text'), binary).body.toString()).toBe('text')
    expect(requestFromText(textOf(binary).replace(line, ''), binary).body).toEqual(Buffer.alloc(0))
    const cut = kept([], 'part', { body: { bytes: Buffer.from('part'), size: 2_000_000, truncated: true } })
    expect(textOf(cut)).toContain('\n\n# Only 4 B of the 2.0 MB of the body were kept.')
    expect(requestFromText(textOf(cut).replace(/# Only.*/, 'all'), cut).body.toString()).toBe('all')
  })

  it.each<[string, string, KeptRequest, number, string]>([
    ['everything is gone', '# a\n\n', plain, 3, 'nothing is left of the request'],
    ['no request line', '# a\nHost: shop', plain, 2, 'this is no request line'],
    ['a blank in the target', 'GET /a b HTTP/1.1', plain, 1, 'this is no request line'],
    ['a method that is none', 'GE(T /a HTTP/1.1', plain, 1, 'this is no request line'],
    ['another protocol', 'GET /a HTTP/2', plain, 1, '"HTTP/2" cannot be sent'],
    ['a control character in the target', 'GET /a\u0007 HTTP/1.1', plain, 1, 'the target holds a control character'],
    ['no colon', 'GET / HTTP/1.1\nA: b\nHost', plain, 3, '"Host" is no header'],
    ['a folded line', 'GET / HTTP/1.1\nA: b\n  c: d', plain, 3, '"  c: d" is no header'],
    ['a control character in a value', 'GET / HTTP/1.1\nA: \u001b', plain, 2, 'the value holds a control character'],
    ['a hidden value under another name', `GET / HTTP/1.1\nX-B: ${MASKED_VALUE}`, secret, 2, '"X-B" had no value that is hidden'],
    ['a hidden value too many', `GET / HTTP/1.1\nCookie: ${MASKED_VALUE} (3)`, secret, 2, '"Cookie" had no value that is hidden'],
    [
      'a part of a hidden value',
      `GET / HTTP/1.1\nAuthorization: Bearer ${MASKED_VALUE}`,
      secret,
      2,
      `${MASKED_VALUE} is part of the value`
    ],
    ['an unknown coding', 'GET / HTTP/1.1\nContent-Encoding: zstd\n\nx', plain, 4, 'the body cannot be encoded as "zstd"']
  ])('is refused with the number of the line: %s', (_what, text, original, line, reason) => {
    expect(errorOf(text, original)).toMatchObject({
      code: 'BAD_USAGE',
      message: `line ${line} of the edited request: ${reason}`,
      hint: expect.stringMatching(/\S/),
      details: { line }
    })
  })

  it('is refused when the line of a body is left among others, or stands for a body that is not there', () => {
    const binary = kept([], Buffer.from([0, 255]))
    expect(errorOf(`${textOf(binary)}more\n`, binary).message).toBe('line 5 of the edited request: this line stands for the whole body')
    const cut = kept([], 'part', { body: { bytes: Buffer.from('part'), size: 9, truncated: true } })
    expect(errorOf(textOf(cut), cut).message).toBe('line 5 of the edited request: the body was kept in part only and cannot be sent')
  })

  it('is refused with a reason and nothing else, whatever was written', () => {
    const unit = fc.constantFrom(
      'GET / HTTP/1.1\n',
      '\n',
      '\r',
      'A: b\n',
      'Cookie: ',
      MASKED_VALUE,
      ' (2)',
      '#',
      ':',
      ' ',
      'Content-Encoding: gzip\n',
      'é',
      '\0',
      '{}'
    )
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), units => {
        try {
          const { headers, method, target } = requestFromText(units.join(''), secret)
          expect(`${method}${target}${headers.flat().join('')}`).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/)
        } catch (error) {
          if (!(error instanceof InterceptError)) throw error
          expect(error.details['line']).toBeGreaterThan(0)
          expect(error.message).not.toContain('s3cret')
        }
      }),
      { numRuns: process.env['CI'] === 'true' ? 20_000 : 300 }
    )
  })
})
