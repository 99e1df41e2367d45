/**
 * The link goes silent: nothing is reset, nothing arrives (a laptop that changed its network). The connector finds out by itself; a stock server
 * keeps its ghost for up to a minute, ours does not. The ghost's connection is held by a stalled proxy, new ones go another way.
 */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { dialTunnel, type ServerKind } from '../conformance/peers.ts'
import { eventually } from '../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts'
import { arrivals, failed } from '../harness/visitors.ts'
import { HOST, type Line, startLine } from './line.ts'

const RATE = 25
const VISITS = 250

interface Silenced extends AsyncDisposable {
  line: Line
  /** The way that new connections take. */
  around: FaultProxy
  silentAt: number
}

async function silence(kind: ServerKind): Promise<Silenced> {
  let detour: ReturnType<typeof dialTunnel> | undefined
  const line = await startLine(kind, { dial: through => signal => (detour ?? through)(signal) })
  const around = await startFaultProxy({ to: { host: '127.0.0.1', port: line.server.tunnelPort } })
  detour = dialTunnel({ carrier: 'ws', tunnelPort: around.port })
  line.proxy.toServer.stall()
  line.proxy.toClient.stall()
  return {
    line,
    around,
    silentAt: performance.now(),
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]()
      await around.close()
    }
  }
}

describe.concurrent('a link that goes silent', () => {
  const worlds = new Map<ServerKind, Silenced>()
  beforeAll(async () => {
    for (const kind of ['ga', 'ours'] as const) worlds.set(kind, await silence(kind))
  })
  afterAll(async () => {
    for (const world of worlds.values()) await world[Symbol.asyncDispose]()
  })
  const worldOf = (kind: ServerKind): Silenced => {
    const world = worlds.get(kind)
    if (world === undefined) throw new Error(`no world with a ${kind} server`)
    return world
  }

  it('is found dead 5 s after the last byte, and on a stock server nine links outnumber the ghost until it is gone', async ({
    expect,
    annotate
  }) => {
    const { line, around, silentAt } = worldOf('ga')
    await eventually(() => expect(line.count('lost')).toBe(1), { timeoutMs: 10_000 })
    const lost = line.changes.find(({ to }) => to === 'lost')
    // A check every 2 s, dead after 5 s without a byte; the last byte came up to 2 s before the silence.
    expect((lost?.atMs ?? 0) - silentAt).toBeGreaterThan(2_500)
    expect((lost?.atMs ?? 0) - silentAt).toBeLessThan(8_000)
    await eventually(() => expect(around.connections).toBe(9), { timeoutMs: 10_000 })

    const visitors = arrivals({ host: '127.0.0.1', port: line.server.entrypointPort, name: HOST, rate: RATE, maxVisits: VISITS })
    await eventually(() => expect(visitors.atMs).toBeGreaterThan((VISITS / RATE) * 1_000), { timeoutMs: 30_000, intervalMs: 50 })
    const visits = await visitors.stop()
    const share = failed(visits).length / visits.length
    await annotate(`beside the ghost ${failed(visits).length} of ${visits.length} requests failed (${(share * 100).toFixed(1)} %)`)
    expect(visits.length).toBeGreaterThanOrEqual(200)
    expect(share).toBeLessThan(0.25)
    // The ghost was really there: one in ten of this many cannot all miss it.
    expect(share).toBeGreaterThan(0)

    await eventually(() => expect(around.connections).toBe(1), { timeoutMs: 80_000, intervalMs: 200 })
    const after = arrivals({ host: '127.0.0.1', port: line.server.entrypointPort, name: HOST, rate: 100, maxVisits: 100 })
    await eventually(() => expect(after.visits).toHaveLength(100), { timeoutMs: 20_000 })
    expect(failed(await after.stop())).toEqual([])
  })

  it('costs no request on a server of ours once its heartbeat has been missed', async ({ expect }) => {
    const { line, around, silentAt } = worldOf('ours')
    await eventually(() => expect(line.count('bound')).toBe(2), { timeoutMs: 12_000 })
    expect(performance.now() - silentAt).toBeLessThan(9_000)
    expect(around.connections).toBe(1)
    const visitors = arrivals({ host: '127.0.0.1', port: line.server.entrypointPort, name: HOST, rate: RATE, maxVisits: 100 })
    await eventually(() => expect(visitors.visits).toHaveLength(100), { timeoutMs: 20_000 })
    expect(failed(await visitors.stop())).toEqual([])
  })
})
