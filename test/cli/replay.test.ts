import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { harText } from '../../src/capture/har.ts'
import { maskHeaders } from '../../src/capture/mask.ts'
import { body, kept, keptRequest, keptResponse } from '../harness/kept.ts'
import { runCli } from './run-cli.ts'

interface Seen {
  method: string
  url: string
  headers: string[]
  body: Buffer
}

let folder: string
let server: http.Server
let seen: Seen[]
let answer: (request: Seen) => { status?: number; headers?: Record<string, string>; body: string | Buffer }
let to: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'replay-'))
  seen = []
  answer = () => ({ headers: { 'content-type': 'application/json' }, body: '{"total": 42, "items": ["mug"]}' })
  server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.rawHeaders, body: Buffer.concat(chunks) }
      seen.push(one)
      const { status = 200, headers = {}, body: content } = answer(one)
      response.writeHead(status, headers).end(content)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true })
})

const BINARY = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))
const JSON_ANSWER = keptResponse({
  headers: [
    ['Content-Type', 'application/json'],
    ['Date', 'then']
  ],
  body: body('{"items":["mug"],"total":42}')
})
const GET = kept({ id: '1', request: keptRequest({ path: '/api/cart?x=%20' }), response: JSON_ANSWER })
const POST = kept({
  id: '2',
  request: keptRequest({
    method: 'POST',
    path: '/upload',
    headers: [
      ['Host', 'shop.test'],
      ['Content-Type', 'application/octet-stream'],
      ['Content-Length', '512'],
      ['Expect', '100-continue']
    ],
    body: body(BINARY)
  }),
  response: JSON_ANSWER
})

async function record(...exchanges: Parameters<typeof harText>[0] extends Iterable<infer E> ? E[] : never): Promise<string> {
  const file = path.join(folder, 'traffic.har')
  await writeFile(file, harText(exchanges, { mask: maskHeaders() }))
  return file
}
const replay = (...argv: string[]) => runCli(['replay', ...argv], { cwd: folder })

describe('kubectl intercept replay', () => {
  it('sends what was recorded, byte for byte, in order, and ends with 0 when the app answers the same', async () => {
    const { code, stdout } = await replay(await record(GET, POST), '--to', to, '--diff')
    expect(stdout).toMatch(/#1 +GET +shop\.test\/api\/cart\?x=%20 .* 200 .* same\n/)
    expect(stdout).toMatch(/2 requests sent, 2 answered the same, 0 different\n$/)
    expect(code).toBe(0)
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /api/cart?x=%20', 'POST /upload'])
    expect(seen[1]?.body).toEqual(BINARY)
    expect(seen[1]?.headers).toEqual([
      'Host',
      'shop.test',
      'Content-Type',
      'application/octet-stream',
      'Content-Length',
      '512',
      'Connection',
      'close'
    ])
  })

  it('ends with 1 and a readable difference when it does not', async () => {
    answer = () => ({
      status: 500,
      headers: { 'content-type': 'application/json', 'x-new': 'yes' },
      body: '{"total": 41, "items": ["mug"]}'
    })
    const { code, stdout } = await replay(await record(GET), '--to', to, '--diff')
    expect(code).toBe(1)
    expect(stdout).toContain('DIFFERENT')
    expect(stdout).toContain('status 200 → 500')
    expect(stdout).toContain('header x-new: new, yes')
    expect(stdout).toContain('body $.total: 42 → 41')
    expect(stdout).toMatch(/- {3}"total": 42\n +\+ {3}"total": 41\n/)
  })

  it('does not make a difference of an answer without --diff, but shows another status', async () => {
    answer = () => ({ status: 404, body: 'gone' })
    const { code, stdout } = await replay(await record(GET), '--to', to)
    expect([code, stdout.includes('was 200')]).toEqual([0, true])
  })

  it('chooses by filter, and says when nothing is left', async () => {
    const file = await record(GET, POST)
    expect((await replay(file, '--to', to, '--filter', 'method:POST')).code).toBe(0)
    expect(seen.map(({ method }) => method)).toEqual(['POST'])
    const { code, stderr } = await replay(file, '--to', to, '--filter', 'status:5xx')
    expect([code, stderr]).toEqual([2, expect.stringContaining('no request of the recording was chosen')])
  })

  it('never sends a masked value: it names the header, and takes one by --set-header', async () => {
    const file = await record(
      kept({
        request: keptRequest({
          headers: [
            ['Host', 'a'],
            ['Authorization', 'Bearer s3cret'],
            ['Cookie', 'a=b']
          ]
        }),
        response: JSON_ANSWER
      })
    )
    expect(await readFile(file, 'utf8')).not.toContain('s3cret')
    const refused = await replay(file, '--to', to)
    expect(refused.stdout).toContain('hides the value of Authorization')
    expect(refused.stdout).toContain("hint: the recording hides values: give them with --set-header 'Authorization: VALUE'")
    expect((await replay(file, '--to', to, '--diff')).code).toBe(1)
    expect(seen).toHaveLength(0)
    const given = await replay(file, '--to', to, '--set-header', 'authorization: Bearer new', '--set-header', 'Cookie:')
    expect(given.code).toBe(0)
    expect(seen[0]?.headers).toEqual(['Host', 'a', 'Authorization', 'Bearer new', 'Connection', 'close'])
  })

  it.each([
    [
      'a WebSocket',
      kept({
        protocol: 'websocket',
        response: keptResponse({ status: 101 }),
        messages: [{ atMs: 0, direction: 'in', kind: 'ws', name: 'text', size: 0, bytes: Buffer.alloc(0), compressed: false }]
      }),
      /a conversation, not a request/
    ],
    [
      'a body that was not kept whole',
      kept({ request: keptRequest({ method: 'POST', body: body('part', { size: 9_000, truncated: true }) }) }),
      /only 4 B of the/
    ],
    ['what could not be followed', kept({ unparsed: true }), /could not be followed/]
  ])('does not send %s, and says why', async (_what, exchange, why) => {
    const { code, stdout } = await replay(await record(exchange), '--to', to)
    expect([code, seen.length]).toEqual([0, 0])
    expect(stdout).toMatch(why)
  })

  it('sends what offered HTTP/2 without the offer, as it was declined', async () => {
    const headers: [string, string][] = [
      ['Host', 'a'],
      ['Connection', 'Upgrade, HTTP2-Settings'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'AAMAAABkAAQAoAAAAAIAAAAA']
    ]
    const { code } = await replay(await record(kept({ request: keptRequest({ headers }), response: JSON_ANSWER })), '--to', to, '--diff')
    expect(code).toBe(0)
    expect(seen.map(({ headers: sent }) => sent)).toEqual([['Host', 'a', 'Connection', 'close']])
  })

  it('says in one sentence that nothing listens, with exit code 8', async () => {
    const { code, stderr } = await replay(await record(GET), '--to', 'http://127.0.0.1:1')
    expect(code).toBe(8)
    expect(stderr).toMatch(/^error: nothing answers at 127\.0\.0\.1:1/)
    expect(stderr).toMatch(/hint: .*--to http:\/\/localhost:PORT/)
  })

  it('tells the same as events with -o json', async () => {
    const { stdout } = await replay(await record(GET), '--to', to, '--diff', '-o', 'json')
    const events = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { type: string })
    expect(events.map(({ type }) => type)).toEqual([
      'exchange.started',
      'exchange.request',
      'exchange.response',
      'exchange.completed',
      'exchange.compared'
    ])
    expect(events.at(-1)).toMatchObject({ kind: 'replay', of: '1', equal: true })
    expect(events[0]).toMatchObject({ kind: 'replay', who: 'replay', of: '1' })
  })

  it('says of a large answer that it is the same as far as it was recorded, and sees where it is not', async () => {
    const whole = 'All work and no play\n'.repeat(9_000)
    answer = () => ({ headers: { 'content-type': 'text/plain', 'set-cookie': 'sid=2; Path=/' }, body: whole })
    const large = keptResponse({
      headers: [
        ['Content-Type', 'text/plain'],
        ['Set-Cookie', 'sid=1; Path=/']
      ],
      body: body(whole.slice(0, 65_536), { size: whole.length, truncated: true })
    })
    const file = await record(kept({ response: large }))
    const same = await replay(file, '--to', to, '--diff')
    expect(same.stdout).toContain('same as far as it was recorded')
    expect(same.code).toBe(0)
    answer = () => ({ headers: { 'content-type': 'text/plain', 'set-cookie': 'sid=2; Path=/' }, body: whole.replace('All', 'No') })
    const other = await replay(file, '--to', to, '--diff')
    expect(other.stdout).toContain('DIFFERENT')
    expect(other.code).toBe(1)
  })

  it('does not pass a check that could send nothing', async () => {
    const { code, stdout } = await replay(await record(kept({ unparsed: true })), '--to', to, '--diff')
    expect([code, stdout]).toEqual([1, expect.stringContaining('0 requests sent, 0 answered the same, 0 different, 1 not sent')])
  })

  it('never lets a file of others break the head of a request, or the terminal', async () => {
    const entry = (headers: { name: string; value: string }[], method = 'GET', url = 'http://shop.test/x') => ({
      _id: '\u001b]0;owned\u0007',
      request: { method, url, headers },
      response: { status: 200, headers: [], content: { size: 0 } }
    })
    const entries = [
      entry([{ name: 'X-A', value: 'a\r\nX-Injected: yes' }]),
      entry([{ name: 'X-\u001b[31m', value: 'a' }]),
      entry([], 'GET /other HTTP/1.1\r\nA:'),
      entry([], 'GET', 'http://shop.test/a b'),
      entry([{ name: 'X-Wide', value: '🎈' }]),
      entry([{ name: 'X-\u001b[31m', value: '••••••' }]),
      entry([{ name: 'X-Fine', value: 'yes' }])
    ]
    await writeFile(path.join(folder, 'other.har'), JSON.stringify({ log: { entries } }))
    const { code, stdout } = await replay('other.har', '--to', to)
    expect(code).toBe(0)
    expect(stdout).toMatch(/1 request sent, 6 not sent\n/)
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
    expect(seen.map(({ headers }) => headers)).toEqual([['Host', 'shop.test', 'X-Fine', 'yes', 'Connection', 'close']])
  })

  it('survives answers of hostile apps: endless, broken, silent', async () => {
    server.removeAllListeners('request')
    server.on('request', (_request, response) => response.socket?.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'))
    const { code, stdout } = await replay(await record(GET), '--to', to, '--diff')
    expect([code, stdout.includes('DIFFERENT')]).toEqual([1, true])
  })
})
