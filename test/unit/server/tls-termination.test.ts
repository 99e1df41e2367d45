/** An entrypoint with a certificate: HTTP/1.1 and HTTP/2 by ALPN for its names, the rest passed through by SNI. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { startWorld, TUNNEL, type World } from './world.ts'

const CERTS = new URL('../../fixtures/certs/', import.meta.url)
const [cert, key, ca] = ['server.pem', 'server.key', 'ca.pem'].map(name => readFileSync(new URL(name, CERTS), 'utf8'))
const NAME = 'tunnel.test'

function secureWorld(): Promise<World> {
  if (cert === undefined || key === undefined) throw new Error('no certificate')
  return startWorld({
    server: {
      entrypoints: [{ host: '127.0.0.1', port: 0, tls: { cert, key } }],
      rules: [NAME, 'nginx.local', 'localhost'].map(host => ({ host, tunnelId: TUNNEL }))
    }
  })
}

const secureUrl = (world: World): string => world.url.replace('http:', 'https:')

/** curl's answer: version and status, then the body. */
async function curl(world: World, ...args: string[]): Promise<string> {
  const { port } = new URL(world.url)
  const resolve = [NAME, 'nginx.local'].flatMap(name => ['--resolve', `${name}:${port}:127.0.0.1`])
  const options = ['--silent', '--show-error', '--max-time', '10', '--write-out', '%{http_version} %{http_code}']
  const { stdout } = await promisify(execFile)('curl', [...options, ...resolve, ...args.map(arg => arg.replace('PORT', port))])
  return stdout
}

describe('an entrypoint with a certificate', () => {
  it('speaks HTTP/2 or HTTP/1.1, as the visitor offers', async () => {
    await using world = await secureWorld()
    using session = await openHttp2(secureUrl(world), { ca, servername: NAME })
    expect(session.alpnProtocol).toBe('h2')
    const body = Buffer.alloc(500_000, 'ab')
    const answer = await visitHttp2(session, { ':authority': NAME, ':path': '/echo', ':method': 'POST' }, { body })
    expect([answer.status, answer.body.equals(body)]).toEqual([200, true])
    session.destroy()
    await eventually(() => expect(world.server.stats().visitorsOpen).toBe(0))
    const old = tls.connect({ port: Number(new URL(world.url).port), host: '127.0.0.1', ca, servername: NAME, ALPNProtocols: ['http/1.1'] })
    let text = ''
    old.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    old.end(`GET /size/3 HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`)
    await eventually(() => expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*xxx$/))
    await eventually(() => expect(world.server.stats().visitorsOpen).toBe(0))
  })

  it('passes other names through to their tunnel, and still serves HTTP in clear', async () => {
    await using world = await secureWorld()
    const client = tls.connect({ port: Number(new URL(world.url).port), host: '127.0.0.1', servername: 'nginx.local' })
    client.on('error', () => {}) // the app speaks no TLS
    await eventually(() => expect(world.apps[0]?.counts.connections).toBe(1))
    client.destroy()
    expect((await world.visit('/size/3')).status).toBe(200)
  })

  it('closes a visitor that does not finish its handshake, and one that offers only other protocols', async () => {
    await using world = await secureWorld()
    const half = await world.raw(Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196]))
    await eventually(() => expect(half.ended || half.closed).toBe(true))
    const other = tls.connect({ port: Number(new URL(world.url).port), host: '127.0.0.1', ca, servername: NAME, ALPNProtocols: ['spdy/3'] })
    let failed = false
    other.on('error', () => {
      failed = true
    })
    await eventually(() => expect(failed).toBe(true))
    await eventually(() => expect(world.server.stats().visitorsOpen).toBe(0))
  })

  it('serves curl: HTTP/2 by ALPN, with prior knowledge, and HTTP/1.1', async () => {
    await using world = await secureWorld()
    expect(await curl(world, '--http2', '--insecure', `https://${NAME}:PORT/size/3`)).toBe('xxx2 200')
    expect(await curl(world, '--http1.1', '--insecure', `https://${NAME}:PORT/size/3`)).toBe('xxx1.1 200')
    expect(await curl(world, '--http2-prior-knowledge', 'http://nginx.local:PORT/size/3')).toBe('xxx2 200')
    expect(await curl(world, '--http2-prior-knowledge', '--data-binary', 'abc', 'http://nginx.local:PORT/echo')).toBe('abc2 200')
    expect(await curl(world, '--http2', '--head', '--insecure', `https://${NAME}:PORT/size/3`)).toMatch(/content-length: 3\r\n[^]*2 200$/)
  })
})
