import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import { observeExchanges } from '../../src/capture/observe-http.ts'
import type { InterceptContext } from '../../src/session/request.ts'
import { type CliResult, runCli } from './run-cli.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'recording-'))
})
afterEach(() => rm(folder, { recursive: true }))

const SECRETS = ['Bearer-s3cret', 'c00kie-s3cret', 'set-s3cret', 'api-s3cret', 'proxy-s3cret']
const REQUEST = [
  'POST /api/cart?x=%20 HTTP/1.1',
  'Host: shop.test',
  'Authorization: Bearer-s3cret',
  'Cookie: sid=c00kie-s3cret',
  'x-api-key: api-s3cret',
  'Proxy-Authorization: proxy-s3cret',
  'Content-Length: 8',
  '',
  '{"a": 1}'
].join('\r\n')
const RESPONSE = ['HTTP/1.1 200 OK', 'Content-Type: text/plain', 'Set-Cookie: sid=set-s3cret', 'Content-Length: 3', '', 'yes'].join('\r\n')

/** What passes a session: the real observer between a visitor and an app whose bytes are written here. */
function traffic(
  context: InterceptContext,
  { answer = RESPONSE, requests = [REQUEST] }: { answer?: string; requests?: string[] } = {}
): void {
  const { clock, events, capture } = context
  let count = 0
  for (const request of requests) {
    const watch = observeExchanges({
      clock,
      emit: (type, body) => events.emit(type, body, { target: 'shop' }),
      nextId: () => String((count += 1)),
      who: 'laptop',
      source: '203.0.113.9',
      target: 'shop',
      store: capture?.store,
      ...(capture?.mask && { mask: capture.mask })
    })
    watch.onBytes('out', Buffer.from(request, 'latin1'))
    if (answer !== '') watch.onBytes('in', Buffer.from(answer, 'latin1'))
    watch.finish(answer === '' ? { by: 'local', code: 'RESET' } : undefined)
  }
}

function ended(context: InterceptContext): number {
  context.events.emit('session.ended', {
    reason: 'signal',
    exitCode: 0,
    summary: { requests: 1, errors: 0, returned: 0, p50: 1, p95: 1, bytesIn: 1, bytesOut: 1, durationMs: 1 },
    ...(context.recording === undefined ? {} : { recording: context.recording })
  })
  return 0
}

function recordWith(argv: string[], session: (context: InterceptContext) => void): Promise<CliResult> {
  const runIntercept = async (_request: unknown, context: InterceptContext): Promise<number> => {
    await Promise.resolve()
    session(context)
    return ended(context)
  }
  return runCli(['svc/shop', ...argv], { parts: { runIntercept: () => Promise.resolve(runIntercept) }, cwd: folder, home: folder })
}
const record = (file: string, ...more: string[]): Promise<CliResult> => recordWith(['--record', file, ...more], traffic)
const read = (file: string): Promise<string> => readFile(path.join(folder, file), 'utf8')

describe('--record', () => {
  it.each(['traffic.har', 'traffic.ndjson'])('writes %s that holds no secret and that nobody else reads', async file => {
    const { code, stdout } = await record(file, '-o', 'json')
    expect(code).toBe(0)
    const text = await read(file)
    expect(text).toContain('/api/cart?x=%20')
    expect(SECRETS.filter(secret => text.includes(secret))).toEqual([])
    expect((await stat(path.join(folder, file))).mode & 0o777).toBe(0o600)
    expect(stdout).toContain(`"recording":${JSON.stringify(path.join(folder, file))}`)
  })

  it.each(['traffic.har', 'traffic.ndjson'])('writes %s with the secrets when told to', async file => {
    await record(file, '--show-secrets')
    const text = await read(file)
    expect(SECRETS.filter(secret => !text.includes(secret))).toEqual([])
  })

  it('has bodies in the events, text as text and other bytes as base64', async () => {
    await recordWith(['--record', 'a.ndjson'], context => traffic(context, { requests: [REQUEST.replace('{"a": 1}', '\xff\x00234567')] }))
    const lines = (await read('a.ndjson')).trim().split('\n')
    const events = lines.map(line => JSON.parse(line) as { type: string; bodies?: unknown })
    expect(events.find(({ type }) => type === 'exchange.completed')?.bodies).toEqual({
      request: { size: 8, base64: Buffer.from('\xff\x00234567', 'latin1').toString('base64') },
      response: { size: 3, text: 'yes' }
    })
    expect(events.filter(({ bodies }) => bodies !== undefined)).toHaveLength(1)
  })

  it('keeps bodies of up to 1 MiB', async () => {
    const body = 'x'.repeat(1_000_000)
    const request = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    await recordWith(['--record', 'a.har'], context => traffic(context, { requests: [request] }))
    expect(await read('a.har')).toContain(body)
  })

  it('never replaces a file', async () => {
    await writeFile(path.join(folder, 'a.har'), 'precious')
    const { code, stderr } = await record('a.har')
    expect(code).toBe(2)
    expect(stderr).toMatch(/a\.har exists already, and a recording never replaces a file\n.*rm a\.har/)
    expect(await read('a.har')).toBe('precious')
  })

  it('says at the start what is wrong with a name', async () => {
    expect((await record('traffic.txt')).stderr).toMatch(/must end with \.har or \.ndjson/)
    expect((await record('no/such/folder/a.har')).stderr).toMatch(/a\.har cannot be written: ENOENT/)
    await mkdir(path.join(folder, 'closed'))
    await chmod(path.join(folder, 'closed'), 0o500)
    if (process.getuid?.() !== 0) expect((await record('closed/a.har')).stderr).toMatch(/cannot be written: EACCES/)
  })

  it('leaves no file of a session that never came up, so that the next try can have the name', async () => {
    const fail = (): void => {
      throw new InterceptError('TARGET_NOT_FOUND', 'no such service')
    }
    expect((await recordWith(['--record', 'a.har'], fail)).code).not.toBe(0)
    expect((await readdir(folder)).filter(name => name.endsWith('.har'))).toEqual([])
    expect((await record('a.har')).code).toBe(0)
  })

  it('keeps what had passed when a session fails later', async () => {
    await recordWith(['--record', 'a.har'], context => {
      traffic(context)
      throw new InterceptError('TARGET_NOT_FOUND', 'the service is gone')
    })
    expect(JSON.parse(await read('a.har'))).toMatchObject({ log: { entries: [{ request: { method: 'POST' } }] } })
  })
})

describe('a recording sent again', () => {
  let server: http.Server
  let seen: { method: string; url: string; body: string }[]
  let answer: string
  beforeEach(async () => {
    seen = []
    answer = 'yes'
    server = http.createServer((request, response) => {
      let body = ''
      request.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
      request.on('end', () => {
        seen.push({ method: request.method ?? '', url: request.url ?? '', body })
        response.writeHead(200, { 'content-type': 'text/plain', 'set-cookie': 'sid=another' }).end(answer)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => {
    server.close()
    server.closeAllConnections()
  })
  const replay = (file: string, ...more: string[]): Promise<CliResult> => {
    const without = ['Authorization', 'Cookie', 'X-Api-Key', 'Proxy-Authorization'].flatMap(name => ['--set-header', `${name}:`])
    const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return runCli(['replay', file, '--to', to, '--diff', ...without, ...more], { cwd: folder })
  }

  it.each(['a.har', 'a.ndjson'])('from %s is answered the same, until the app changes', async file => {
    await record(file)
    const same = await replay(file)
    expect(same.stdout).toContain('same\n')
    expect(same.code).toBe(0)
    expect(seen).toEqual([{ method: 'POST', url: '/api/cart?x=%20', body: '{"a": 1}' }])
    answer = 'no'
    expect((await replay(file)).code).toBe(1)
  })

  it.each(['a.har', 'a.ndjson'])('from %s has its body also when it was never answered', async file => {
    await recordWith(['--record', file], context => traffic(context, { answer: '' }))
    expect((await replay(file)).stdout).toContain('nothing to compare with')
    expect(seen.map(({ body }) => body)).toEqual(['{"a": 1}'])
  })

  it('is not taken for empty where a body is missing', async () => {
    await record('a.ndjson')
    const text = (await read('a.ndjson')).replace(/,"bodies":\{.*\}\}(?=\n)/, '}')
    await writeFile(path.join(folder, 'b.ndjson'), text)
    expect((await replay('b.ndjson')).stdout).toMatch(/not sent: .*only 0 B of the 8 B of its body were kept/)
    expect(seen).toEqual([])
  })

  it('is read as far as it goes when the session was killed', async () => {
    await recordWith(['--record', 'a.har'], context => traffic(context, { requests: [REQUEST, REQUEST] }))
    const text = await read('a.har')
    await writeFile(path.join(folder, 'b.har'), text.slice(0, text.lastIndexOf('"response"')))
    expect((await replay('b.har')).stdout).toMatch(/1 request sent, 1 answered the same/)
    await writeFile(path.join(folder, 'c.har'), text.slice(0, text.lastIndexOf('\n]}}')))
    expect((await replay('c.har')).stdout).toMatch(/2 requests sent, 2 answered the same/)
  })
})
