/** The lines are run by the real sh and the real curl; a server that only listens tells what arrived. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { curlCommand } from '../../../src/capture/curl.ts'
import type { KeptRequest } from '../../../src/capture/kept.ts'
import { MASKED_VALUE, maskHeaders } from '../../../src/capture/mask.ts'

const run = promisify(execFile)
const mask = maskHeaders()
const wire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

interface Arrived {
  line: string
  headers: string[]
  body: string
}

let server: Server
let base = ''
let arrived: Arrived[] = []
let folder = ''

/** The request once it is whole, its body without chunk lines; everything as Latin-1. */
function whole(text: string): Arrived | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [line = '', ...headers] = text.slice(0, end).split('\r\n')
  const rest = text.slice(end + 4)
  const value = (name: string): string | undefined =>
    headers
      .find(field => field.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  if (value('transfer-encoding') === undefined) {
    return rest.length < Number(value('content-length') ?? 0) ? undefined : { line, headers, body: rest }
  }
  let body = ''
  for (let at = 0; ; ) {
    const sizeEnd = rest.indexOf('\r\n', at)
    if (sizeEnd === -1) return undefined
    const size = Number.parseInt(rest.slice(at, sizeEnd), 16)
    if (rest.length < sizeEnd + 2 + size + 2) return undefined
    if (size === 0) return { line, headers, body }
    body += rest.slice(sizeEnd + 2, sizeEnd + 2 + size)
    at = sizeEnd + 2 + size + 2
  }
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'curl-'))
  server = createServer(socket => {
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const request = whole(text)
      if (request === undefined) return
      arrived.push(request)
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})

function request(changes: Partial<Omit<KeptRequest, 'body'>> & { body?: Buffer | string } = {}): KeptRequest {
  const bytes = Buffer.from(changes.body ?? '')
  const length: [string, string][] = bytes.length > 0 ? [['Content-Length', String(bytes.length)]] : []
  return {
    method: 'GET',
    target: '/',
    host: '',
    path: '',
    version: '1.1',
    headers: [['Host', 'shop.example.org'], ...length],
    trailers: [],
    ...changes,
    body: { bytes, size: bytes.length, truncated: false }
  }
}

async function sent(kept: KeptRequest, env: Record<string, string> = {}): Promise<Arrived> {
  arrived = []
  const { text } = curlCommand(kept, { base, mask })
  const script = path.join(folder, 'line.sh')
  await writeFile(script, `${text} \\\n  --silent --show-error --max-time 10\n`)
  await run('sh', [script], { env: { PATH: process.env['PATH'], ...env }, encoding: 'buffer' })
  expect(arrived).toHaveLength(1)
  return arrived[0] as Arrived
}

const asKept = ({ method, target, version, headers, body }: KeptRequest): Arrived => ({
  line: `${method} ${target} HTTP/${version}`,
  headers: headers.map(([name, value]) => (value === '' ? `${name}:` : `${name}: ${value}`)),
  body: body.bytes.toString('latin1')
})

const withLength = (length: number, ...more: [string, string][]): [string, string][] => [
  ['Host', 'h'],
  ...more,
  ['Content-Length', String(length)]
]

describe('a line for curl, run by sh,', () => {
  const cases: [string, KeptRequest][] = [
    ['a plain GET', request()],
    ['HEAD', request({ method: 'HEAD' })],
    ['OPTIONS *', request({ method: 'OPTIONS', target: '*' })],
    ['the absolute form', request({ target: 'http://other.example/x?y=1' })],
    ['a method of its own', request({ method: "-A'b`c$" })],
    ['DELETE without a body', request({ method: 'DELETE' })],
    [
      'POST with an empty body',
      request({
        method: 'POST',
        headers: [
          ['Host', 'h'],
          ['Content-Length', '0']
        ]
      })
    ],
    ['HTTP/1.0 without Host', request({ version: '1.0', headers: [['X-A', 'b']] })],
    ['a path that curl would tidy', request({ target: '/a/../b/./c/%2e%2e/d?x=/../y' })],
    ['globs', request({ target: '/{a,b}/[1-3]?c={d}&e[]=f' })],
    ['a fragment', request({ target: '/a#b' })],
    ['a range', request({ target: '/[1-3]?a[]=b' })],
    ['a fragment, quotes and percents', request({ target: '/a#b\'c"d%25$(e)`f`!g&h;i|j\\k<l>^~' })],
    ['two slashes', request({ target: '//a//b' })],
    ['a target in UTF-8', request({ target: wire('/käse/🧀') })],
    ['a target with bytes that are no text', request({ target: '/\u00ff\u0080\u009b' })],
    [
      'headers in their order and spelling',
      request({
        headers: [
          ['Host', 'h'],
          ['x-b', '1'],
          ['X-A', '2'],
          ['x-b', '3'],
          ['user-agent', 'UA/1'],
          ['ACCEPT', '*/*'],
          ['Referer', 'r'],
          ['Accept-Encoding', 'gzip, br'],
          ['TE', 'trailers'],
          ['Connection', 'keep-alive']
        ]
      })
    ],
    [
      'empty values',
      request({
        headers: [
          ['Host', 'h'],
          ['X-Empty', ''],
          ['X-Semi', ';'],
          ['Accept', ''],
          ['User-Agent', '']
        ]
      })
    ],
    [
      'quotes',
      request({
        headers: [
          ['Host', 'h'],
          ['X-Q', `it's "quoted" \\ \`x\` $HOME !! %s`],
          ['X-Dash', '--x'],
          ['X-At', '@/etc/passwd']
        ]
      })
    ],
    [
      'odd names',
      request({
        headers: [
          ['Host', 'h'],
          ["!#$%&'*+-.^_`|~", 'a'],
          ['-x', 'b']
        ]
      })
    ],
    [
      'bytes of every kind in a header',
      request({
        headers: [
          ['Host', 'h'],
          ['X-Bytes', Array.from({ length: 128 }, (_, i) => String.fromCharCode(i + 128)).join('')]
        ]
      })
    ],
    [
      'tabs and text that runs backwards',
      request({
        headers: [
          ['Host', 'h'],
          ['X-Tab', 'a\tb'],
          ['X-Bidi', wire('a\u202eb')],
          ['X-Emoji', wire('🧀')]
        ]
      })
    ],
    ['a JSON body', request({ method: 'POST', body: '{"a": "it\'s"}\n', headers: withLength(14, ['Content-Type', 'application/json']) })],
    ['a body without a type', request({ method: 'PUT', body: 'a=b' })],
    ['a body that looks like a file', request({ method: 'POST', body: '@/etc/passwd' })],
    ['a body that looks like an option', request({ method: 'POST', body: '--data x' })],
    ['a body of newlines', request({ method: 'POST', body: '\n\n\ta\n\n' })],
    ['a body in UTF-8', request({ method: 'PATCH', body: 'naïve 🧀 %d \\n' })],
    ['a body with carriage returns', request({ method: 'POST', body: 'a\r\nb\r\n' })],
    ['a body that a terminal would obey', request({ method: 'POST', body: '\u001b]0;x\u0007\u009b31m' })],
    ['a body of all bytes', request({ method: 'POST', body: Buffer.from(Array.from({ length: 1024 }, (_, index) => index & 255)) })],
    ['a body larger than an argument may be', request({ method: 'POST', body: 'x'.repeat(200_000) })],
    ['a body larger than curl sends unasked', request({ method: 'POST', body: 'x'.repeat(1_100_000) })],
    ['GET with a body', request({ method: 'GET', body: 'q' })],
    [
      'a body in chunks',
      request({
        method: 'POST',
        body: 'chunked',
        headers: [
          ['Host', 'h'],
          ['Transfer-Encoding', 'chunked']
        ]
      })
    ],
    [
      'an empty body in chunks',
      request({
        method: 'POST',
        headers: [
          ['Host', 'h'],
          ['Transfer-Encoding', 'chunked']
        ]
      })
    ]
  ]

  it.each(cases)('sends what came: %s', async (_what, kept) => {
    expect(await sent(kept)).toEqual(asKept(kept))
  })

  it('sends what came, whatever it was', async () => {
    const token = fc.stringMatching(/^[A-Z][!#$%&'*+.^_`|~0-9A-Za-z-]{0,8}$/)
    const byte = fc.oneof(fc.integer({ min: 0x21, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })).map(code => String.fromCharCode(code))
    const value = fc
      .array(fc.oneof(byte, fc.constantFrom(' ', '\t', wire('🧀'))), { maxLength: 12 })
      .map(parts => parts.join('').replace(/^[ \t]+|[ \t]+$/g, ''))
    const headers = fc.array(
      fc.tuple(
        token.map(name => `X-${name}`),
        value
      ),
      { maxLength: 4 }
    )
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      fc.string({ unit: 'grapheme', maxLength: 20 }).map(text => Buffer.from(text))
    )
    const target = fc.array(byte, { maxLength: 12 }).map(parts => `/${parts.join('')}`)
    await fc.assert(
      fc.asyncProperty(
        token.filter(name => name !== 'HEAD'),
        target,
        headers,
        body,
        async (method, path, fields, bytes) => {
          const kept = request({
            method,
            target: path,
            body: bytes,
            headers: [['Host', 'h'], ...fields, ...(bytes.length > 0 ? [['Content-Length', String(bytes.length)] as const] : [])]
          })
          expect(await sent(kept)).toEqual(asKept(kept))
        }
      ),
      { numRuns: process.env['CI'] === 'true' ? 300 : 40 }
    )
  })

  it('keeps the secret out and asks for it', async () => {
    const kept = request({
      headers: [
        ['Host', 'h'],
        ['Authorization', 'Bearer s3cret'],
        ['Cookie', 'a=s3cret'],
        ['Cookie', 'b=s3cret'],
        ['X-A', 'b']
      ]
    })
    const { text, variables } = curlCommand(kept, { base, mask })
    expect(text).not.toContain('s3cret')
    expect(text).not.toContain(MASKED_VALUE)
    expect(variables).toEqual(['HEADER_AUTHORIZATION', 'HEADER_COOKIE', 'HEADER_COOKIE_2'])
    arrived = []
    const failure = await sent(kept).catch((error: unknown) => error)
    expect(String((failure as { stderr: Buffer }).stderr)).toContain(
      'HEADER_AUTHORIZATION: set it to the value of Authorization, which is hidden here'
    )
    expect(arrived).toEqual([])
    const values = { HEADER_AUTHORIZATION: 'Bearer s3cret', HEADER_COOKIE: 'a=s3cret', HEADER_COOKIE_2: 'b=s3cret' }
    expect(await sent(kept, values)).toEqual(asKept(kept))
  })

  it('asks for a body that was kept in part only', async () => {
    const kept: KeptRequest = {
      ...request({ method: 'POST', headers: withLength(9) }),
      body: { bytes: Buffer.from('part'), size: 9, truncated: true }
    }
    expect(curlCommand(kept, { base, mask }).variables).toEqual(['BODY_FILE'])
    const failure = await sent(kept).catch((error: unknown) => error)
    expect(String((failure as { stderr: Buffer }).stderr)).toContain('BODY_FILE: set it to a file, since only 4 B of 9 B were kept')
    await writeFile(path.join(folder, 'a b'), 'all of it')
    expect(await sent(kept, { BODY_FILE: path.join(folder, 'a b') })).toEqual({ ...asKept(kept), body: 'all of it' })
  })
})

describe('a line for curl', () => {
  it('is as short as the request allows', () => {
    const kept = request({
      target: '/api/cart/42?x=1',
      headers: [
        ['Host', 'shop.local'],
        ['User-Agent', 'UA'],
        ['Accept', '*/*'],
        ['X-User', 'ada']
      ]
    })
    expect(curlCommand(kept, { base: 'http://shop.local', mask }).text).toBe(
      "curl 'http://shop.local/api/cart/42?x=1' \\\n  -H 'User-Agent: UA' \\\n  -H 'Accept: */*' \\\n  -H 'X-User: ada'"
    )
  })

  it('keeps to HTTP/1.1 where TLS would choose another', () => {
    expect(curlCommand(request(), { base: 'https://shop.example.org/ignored', mask }).text).toMatch(
      /^curl --http1\.1 https:\/\/shop\.example\.org\/ \\/
    )
  })

  it('shows a person the answer unpacked when the visitor took it packed', () => {
    const kept = request({
      headers: [
        ['Host', 'h'],
        ['Accept-Encoding', 'gzip']
      ]
    })
    expect(curlCommand(kept, { base, mask }).text).toContain('--compressed')
  })

  it('has no exclamation mark where an interactive shell would look into its history', () => {
    const kept = request({
      headers: [
        ['Host', 'h'],
        ['X-A', 'hi!\u00ff'],
        ['X-B', 'hi!']
      ]
    })
    const { text } = curlCommand(kept, { base, mask })
    expect(text).toContain(`"$(printf 'X-A: hi\\041\\377')"`)
    expect(text).toContain("'X-B: hi!'")
  })

  it('is printable, whatever came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), bytes => {
        const text = Buffer.from(bytes).toString('latin1')
        const value = text.replace(/[\0-\x08\x0a-\x1f\x7f]/g, '')
        const { text: line } = curlCommand(
          request({ method: 'POST', target: `/${value.replace(/[\t ]/g, '')}`, headers: [['X-A', value]], body: text }),
          { base, mask }
        )
        expect(line.replace(/[\t\n]/g, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
      })
    )
  })
})
