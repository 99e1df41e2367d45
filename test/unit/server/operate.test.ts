import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { Metrics } from '../../../src/server/metrics.ts'
import { startHealth } from '../../../src/server/health.ts'
import { readiness } from '../../../src/server/readiness.ts'
import { Latency, Tallies } from '../../../src/server/tally.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { visit } from '../../harness/visit.ts'
import { startWorld, TUNNEL } from './world.ts'

describe('tallies', () => {
  it('puts each duration into the first bucket that holds it', () => {
    const latency = new Latency()
    for (const ms of [0, 1, 1.5, 10_000, 10_001]) latency.observe(ms)
    expect([latency.counts[0], latency.counts[1], latency.counts.at(-2), latency.counts.at(-1)]).toEqual([2, 1, 1, 1])
    expect(latency.sumMs).toBe(20_003.5)
  })

  it('tells of a connector that is gone once more, and keeps nothing of it after that', () => {
    const tallies = new Tallies()
    const one = tallies.open('a', 't')
    const two = tallies.open('b', 't')
    one.answered(200, 3)
    tallies.close(one)
    expect(tallies.read()).toEqual([two, one])
    expect(two.latency.counts[2]).toBe(1)
    expect(tallies.read()).toEqual([two])
  })

  it('bounds what a flood of binds leaves behind', () => {
    const tallies = new Tallies()
    for (let n = 0; n < 2_000; n += 1) tallies.close(tallies.open(`c${n}`, `t${n}`))
    expect(tallies.read()).toHaveLength(1_024)
  })
})

describe('readiness', () => {
  it('waits for every tunnel, at most 10 s, and ends with the first sign of the end', () => {
    const clock = fakeClock()
    let missing = ['tunnel 1', 'tunnel 2']
    const ready = readiness(() => missing, clock)
    expect(ready.unready()).toBe('waiting for tunnel 1, tunnel 2')
    missing = []
    expect(ready.unready()).toBeUndefined()
    missing = ['tunnel 1']
    expect(ready.unready()).toBeUndefined()
    ready.end()
    expect(ready.unready()).toBe('shutting down')
  })

  it('does not wait for ever', async () => {
    const clock = fakeClock()
    const ready = readiness(() => ['tunnel 1'], clock)
    await clock.advance(9_999)
    expect(ready.unready()).toBe('waiting for tunnel 1')
    await clock.advance(1)
    expect(ready.unready()).toBeUndefined()
  })
})

describe('the health port', () => {
  it('answers probes, and refuses everything else', async () => {
    let why: string | undefined = 'waiting for tunnel 10bc451e…'
    const health = await startHealth({
      host: '127.0.0.1',
      port: 0,
      unready: () => why,
      metrics: async () => ({ type: 'text/plain', text: 'x 1\n' })
    })
    const get = async (path: string, method = 'GET'): Promise<[number, string]> => {
      const { status, text } = await visit(`http://127.0.0.1:${health.port}${path}`, { method })
      return [status, text]
    }
    expect(await get('/healthz')).toEqual([200, 'ok\n'])
    expect(await get('/readyz')).toEqual([503, 'waiting for tunnel 10bc451e…\n'])
    why = undefined
    expect(await get('/readyz?verbose')).toEqual([200, 'ok\n'])
    expect(await get('/metrics')).toEqual([200, 'x 1\n'])
    expect(await get('/readyz', 'HEAD')).toEqual([200, ''])
    expect((await get('/'))[0]).toBe(404)
    expect((await get('/healthz', 'POST'))[0]).toBe(405)
    await health.close()
  })
})

describe('metrics', () => {
  it('count answers by tunnel, connector and class, refusals by reason, and never show a whole id', async () => {
    await using world = await startWorld({ weights: [1] })
    const metrics = new Metrics({ servers: [world.server], sidecars: world.sidecars })
    for (let n = 0; n < 3; n += 1) expect((await world.visit('/')).status).toBe(200)
    expect((await world.visit('/', { host: 'nobody.local' })).status).toBe(502)
    const [connector] = world.server.stats().connectors
    const labels = `tunnel="10bc451e",connector="${connector?.id.slice(0, 8)}"`
    const { text, type } = await metrics.read()
    expect(type).toContain('text/plain')
    for (const line of [
      `intercept_responses_total{${labels},code="2xx"} 3`,
      `intercept_streams_opened_total{${labels}} 3`,
      'intercept_requests_total 4',
      'intercept_refusals_total{why="no-route"} 1',
      'intercept_connectors{condition="live",peer="ours"} 1',
      'intercept_response_seconds_bucket{tunnel="10bc451e",le="+Inf"} 3',
      'intercept_response_seconds_count{tunnel="10bc451e"} 3',
      'intercept_tunnels_unserved 0',
      'intercept_sidecar_streams_total 3',
      'intercept_sidecar_registered 1'
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).toMatch(/intercept_visitor_bytes_total\{direction="out"\} [1-9]/)
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).not.toContain(TUNNEL)
  })
})

describe('a server that shuts down', () => {
  it('goes on serving for the delay, takes no connector, tells its own, then closes', async () => {
    await using world = await startWorld({ weights: [1] })
    const drained = world.server.drain({ delayMs: 400, graceMs: 1_000 })
    const late = await world.visit('/')
    expect([late.status, late.headers['connection']]).toEqual([200, 'close'])
    const refused = world.addSidecar(world.apps[0]?.port ?? 0).catch(() => 'refused')
    await eventually(() => expect(world.server.stats().refusals['relay-service-unavailable']).toBeGreaterThan(0))
    expect(world.server.stats().binds).toBe(1)
    await drained
    await expect(world.visit('/')).rejects.toThrow(/ECONNREFUSED/)
    await Promise.all(world.sidecars.map(sidecar => sidecar.close()))
    expect(await refused).toBe('refused')
  })

  it('waits no longer when it is told to leave at once', async () => {
    await using world = await startWorld({ weights: [1] })
    const now = new AbortController()
    const drained = world.server.drain({ delayMs: 60_000, graceMs: 60_000, signal: now.signal })
    now.abort()
    await drained
    await expect(world.visit('/')).rejects.toThrow(/ECONNREFUSED/)
  })
})

describe('a server whose files change', () => {
  it('routes by the new rules, shows the new certificate, and leaves what is established alone', async () => {
    const [one, two] = ['server', 'expired'].map(name => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) }))
    if (one === undefined || two === undefined) throw new Error('two certificates are needed')
    const tunnel = { host: '127.0.0.1', port: 0, carrier: 'wss' as const, path: '/proxy', tls: one }
    const entrypoints = [{ host: '127.0.0.1', port: 0, tls: one }]
    await using world = await startWorld({ weights: [], server: { tunnel, entrypoints } })
    const { entrypointPort, tunnelPort } = world.server
    const kept = await secure(entrypointPort)
    expect(kept.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint(one.cert))
    world.server.reload({
      rules: [{ host: 'new.local', tunnelId: TUNNEL }],
      tunnel: { ...tunnel, tls: two },
      entrypoints: entrypoints.map(each => ({ ...each, tls: two }))
    })
    for (const port of [entrypointPort, tunnelPort]) {
      const fresh = await secure(port)
      expect(fresh.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint(two.cert))
      fresh.destroy()
    }
    kept.write('GET / HTTP/1.1\r\nHost: new.local\r\n\r\n')
    const [answer] = (await once(kept, 'data')) as [Buffer]
    expect(answer.toString()).toContain('X-Intercept-Error: no-connector')
    kept.destroy()
    expect(() => world.server.reload({ rules: [], tunnel: { ...tunnel, tls: { cert: 'bad', key: 'bad' } }, entrypoints })).toThrow(/PEM/)
  })
})

const pem = (name: string): string => readFileSync(new URL(`../../fixtures/certs/${name}`, import.meta.url), 'utf8')
const fingerprint = (cert: string): string => new X509Certificate(cert).fingerprint256

async function secure(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}
