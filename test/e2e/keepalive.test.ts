/** A server with `entrypoint.keepalive=true` keeps connections to the connectors it knows: a newcomer must wait until those have run dry. */
import http from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { type Arrivals, arrivals, crowd, failed, tally, type Visit } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { endAll, intercept, localApp, type Session, type World, who, world } from './world.ts'

let kept: World
let app: Awaited<ReturnType<typeof localApp>>
const sessions: Session[] = []
const loads: Arrivals[] = []
const agents: http.Agent[] = []
const start = (...args: string[]): Session => {
  const session = intercept(kept.namespace, 'svc/nginx', '--port', String(app.port), ...args)
  sessions.push(session)
  return session
}
/** Visitors that keep their connections, as browsers do; so does the ingress controller behind them. */
const visitors = (rate = 50): Arrivals => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
  agents.push(agent)
  const load = arrivals({ ...kept.visitor, rate, agent })
  loads.push(load)
  return load
}
const reached = (load: Arrivals, atMs: number): Promise<void> =>
  eventually(() => expect(load.atMs).toBeGreaterThan(atMs), { timeoutMs: 30_000, intervalMs: 20 })

beforeAll(async () => {
  kept = await world('keepalive', article({ listener: 'entrypoint.keepalive=true', pods: 2 }))
  app = await localApp()
})
afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop()
  for (const session of sessions.splice(0)) await session.stop()
  for (const agent of agents.splice(0)) agent.destroy()
})
afterAll(() => {
  endAll()
  kept.remove()
})

describe('a stock server with entrypoint.keepalive', () => {
  it('brings every visitor within 3 s of registering, and gives every one back', async () => {
    const load = visitors()
    await reached(load, 2_000)
    const session = start()
    await session.state('registered')
    const registeredAtMs = load.atMs
    await session.state('verified')
    await reached(load, registeredAtMs + 5_000)
    const leavingAtMs = load.atMs
    expect(await session.stop()).toBe(0)
    const leftAtMs = load.atMs
    // Pooled connections between two requests are nothing to wait for.
    expect(leftAtMs - leavingAtMs).toBeLessThan(5_000)
    await reached(load, leftAtMs + 3_000)
    const visits = await load.stop()
    const between = (fromMs: number, toMs: number): Record<string, number> =>
      tally(
        visits.filter(({ atMs }) => atMs > fromMs && atMs < toMs),
        who
      )
    expect(between(0, 2_000)).toEqual({ pod: expect.any(Number) })
    expect(between(registeredAtMs + 3_000, leavingAtMs)).toEqual({ laptop: expect.any(Number) })
    expect(between(leftAtMs + 1_000, Infinity)).toEqual({ pod: expect.any(Number) })
    // Leaving a stock server can cost what was opened within one round trip.
    expect(failed(visits).filter(({ atMs }) => atMs < leavingAtMs - 100 || atMs > leftAtMs + 1_000)).toEqual([])
  })

  it('thins request by request, not connection by connection', async () => {
    const session = start('--split', '25%', '--through-laptop', '--return-limit', '5000')
    await session.state('verified')
    const load = visitors(100)
    // The server keeps two connections for all of them: only what comes at once makes it throw for others, and mixes which two it keeps.
    const waves: Visit[] = []
    const arrived = (): number => session.events.filter(({ type }) => type === 'exchange.started').length
    await eventually(
      async () => {
        waves.push(...(await crowd({ ...kept.visitor, count: 32, parallel: 32 })))
        expect(arrived()).toBeGreaterThan(600)
      },
      { timeoutMs: 60_000, intervalMs: 100 }
    )
    const { laptop = 0, pod = 0, ...rest } = tally([...(await load.stop()), ...waves], who)
    expect(rest).toEqual({})
    expect(await session.stop()).toBe(0)
    const { summary } = await session.event('session.ended')
    expect(summary.errors).toBe(0)
    expect(summary.requests - summary.returned).toBe(laptop)
    // Weight 1 of 3 is thinned by 3/4. Which part arrives is a matter of the server's few pooled connections; of what arrives, each
    // request is thrown for anew: within 5 sigma.
    const part = laptop / summary.requests
    const sigma = Math.sqrt((0.75 * 0.25) / summary.requests)
    expect(Math.abs(part - 0.75) / sigma).toBeLessThan(5)
    expect(laptop).toBeGreaterThan(50)
    expect(pod).toBeGreaterThan(50)
    // Fewer connections than requests: it was not one throw per connection.
    const sources = new Set(session.events.flatMap(each => (each.type === 'exchange.started' ? [each.source] : [])))
    expect(sources.size).toBeLessThan(summary.requests / 4)
  })
})
