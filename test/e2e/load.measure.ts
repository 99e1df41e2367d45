/**
 * Starts and stops under an open-loop load of strangers, a new connection each. A stock server has no "send no more": what it opens towards us
 * within the last round trip is lost, and nothing else may be. The gost client runs through the same beside it.
 * `test/cluster/in env PATH=$PATH vitest run --config test/e2e/measure.config.ts`, with E2E_FULL=1 for the figures of docs/figures.md.
 */
import http from 'node:http'
import type net from 'node:net'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts'
import { startGostClient } from '../harness/gost.ts'
import { type Arrivals, arrivals, failed, type Visit } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { endAll, intercept, type Session, TUNNEL, type World, world } from './world.ts'

const FULL = process.env['E2E_FULL'] === '1'
const RATE = 100
const CYCLES = FULL ? 30 : 4
const RTTS_MS = [0, 50]
const MEASURED_LINKS = 3
/** Of a stop, or of a start, in this load's milliseconds. */
interface Window {
  fromMs: number
  toMs: number
}

let loaded: World
let app: http.Server
/** The paths of the requests that reached the laptop and were answered. */
let answered = new Set<string>()
/** How long each stop took. */
let stopsMs: number[] = []
/** Round trips to the server and back as the sessions measured them under this load: on a busy machine "0 ms away" is some milliseconds. */
let rttsMs: number[] = []
const sessions: Session[] = []
const loads: Arrivals[] = []
const proxies: FaultProxy[] = []

beforeAll(async () => {
  loaded = await world('load', article({ pods: 2 }))
  app = http.createServer((request, response) => {
    // Some are still running whenever somebody leaves.
    setTimeout(() => {
      response.once('finish', () => answered.add(request.url ?? ''))
      response.end(`laptop ${request.url}`)
    }, 5)
  })
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
})
afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop()
  for (const session of sessions.splice(0)) await session.stop()
  for (const proxy of proxies.splice(0)) await proxy.close()
})
afterAll(async () => {
  endAll()
  app.closeAllConnections()
  await new Promise(resolve => app.close(resolve))
  loaded.remove()
})

const appPort = (): number => (app.address() as net.AddressInfo).port
/** The line between laptop and ingress, as long as asked. */
async function line(rttMs: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ to: { host: loaded.visitor.host, port: loaded.visitor.port } })
  proxies.push(proxy)
  proxy.toServer.delay(rttMs / 2)
  proxy.toClient.delay(rttMs / 2)
  return proxy
}
const passed = (load: Arrivals, atMs: number): Promise<void> =>
  eventually(() => expect(load.atMs).toBeGreaterThan(atMs), { timeoutMs: 5_000, intervalMs: 5 })
const within = ({ atMs, ms }: Visit, { fromMs, toMs }: Window): boolean => atMs <= toMs && atMs + ms >= fromMs

async function ours(load: Arrivals, proxy: FaultProxy): Promise<{ starting: Window; stopping: Window }> {
  const fromMs = load.atMs
  const port = String(appPort())
  const session = intercept(loaded.namespace, 'svc/nginx', '--port', port, '--via', `ws://127.0.0.1:${proxy.port}`)
  sessions.push(session)
  await session.state('verified')
  // A link is measured 2 s after it was bound: some of them suffice.
  await passed(load, load.atMs + (rttsMs.length < MEASURED_LINKS ? 2_200 : 500))
  const starting = { fromMs, toMs: load.atMs }
  const stopAtMs = load.atMs
  const status = await session.stop()
  if (status !== 0) throw new Error(`a session ended with ${status}: ${session.stderr}`)
  stopsMs.push(load.atMs - stopAtMs)
  for (const each of session.events)
    if (each.type === 'connector.state' && each.to === 'withdrawn' && each.rttMs !== undefined) rttsMs.push(each.rttMs)
  await passed(load, load.atMs + 300)
  return { starting, stopping: { fromMs: stopAtMs, toMs: load.atMs } }
}

async function gost(load: Arrivals, proxy: FaultProxy): Promise<{ starting: Window; stopping: Window }> {
  const fromMs = load.atMs
  const client = await startGostClient({
    version: 'ga',
    serverPort: proxy.port,
    tunnelId: TUNNEL,
    target: `127.0.0.1:${appPort()}`,
    weight: 255,
    host: 'nginx.local'
  })
  await passed(load, load.atMs + 1_000)
  const starting = { fromMs, toMs: load.atMs }
  const stopAtMs = load.atMs
  await client.stop()
  await passed(load, load.atMs + 300)
  return { starting, stopping: { fromMs: stopAtMs, toMs: load.atMs } }
}

/** Runs so many starts and stops under load; the failures of each kind. */
async function cycles(
  run: typeof ours,
  { count, rttMs }: { count: number; rttMs: number }
): Promise<{ starts: Visit[]; stops: Visit[]; elsewhere: Visit[]; visits: number }> {
  answered = new Set()
  stopsMs = []
  rttsMs = []
  const proxy = await line(rttMs)
  const load = arrivals({ ...loaded.visitor, rate: RATE, numbered: true })
  loads.push(load)
  const windows: { starting: Window; stopping: Window }[] = []
  for (let cycle = 0; cycle < count; cycle += 1) windows.push(await run(load, proxy))
  const visits = await load.stop()
  const lost = failed(visits)
  const stops = lost.filter(visit => windows.some(({ stopping }) => within(visit, stopping)))
  const starts = lost.filter(visit => !stops.includes(visit) && windows.some(({ starting }) => within(visit, starting)))
  return { starts, stops, elsewhere: lost.filter(visit => !stops.includes(visit) && !starts.includes(visit)), visits: visits.length }
}

describe.each(RTTS_MS)('starts and stops under 100 visitors a second, %i ms away from a stock server', rttMs => {
  it('costs nothing to start, and at most one round trip to stop', async () => {
    const { starts, stops, elsewhere, visits } = await cycles(ours, { count: CYCLES, rttMs })
    const measuredMs = [...rttsMs].sort((a, b) => a - b)[Math.floor(rttsMs.length / 2)] ?? rttMs
    const allowed = 2 * RATE * ((Math.max(rttMs, measuredMs) + 3) / 1_000)
    console.log(
      `ours, RTT ${rttMs} ms (${measuredMs.toFixed(1)} measured), ${CYCLES} starts and stops, ${visits} visits: ${starts.length} failed at starts, ${stops.length} at stops`,
      `(${(stops.length / CYCLES).toFixed(2)} each, allowed ${allowed.toFixed(1)}), stops took ${stopsMs.map(ms => (ms / 1_000).toFixed(1)).join(', ')} s`
    )
    expect(starts).toEqual([])
    expect(elsewhere).toEqual([])
    expect(stops.length / CYCLES).toBeLessThanOrEqual(allowed)
    // What the app had answered, its visitor has got.
    expect(stops.filter(({ path }) => answered.has(path))).toEqual([])
  })

  it.runIf(FULL || rttMs > 0)('is beside the gost client', async () => {
    const count = FULL ? CYCLES : 2
    const { starts, stops, elsewhere, visits } = await cycles(gost, { count, rttMs })
    console.log(
      `gost, RTT ${rttMs} ms, ${count} starts and stops, ${visits} visits: ${starts.length} failed at starts, ${stops.length} at stops`,
      `(${(stops.length / count).toFixed(2)} each), ${elsewhere.length} elsewhere; ${answered.size} reached the laptop`
    )
    expect(visits).toBeGreaterThan(RATE)
  })
})
