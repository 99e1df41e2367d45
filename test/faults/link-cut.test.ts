/** The link between connectors and server is cut: for ten seconds every connection is reset and every new one refused, or each only loses its connection once. */
import { randomUUID } from 'node:crypto'
import { describe, it } from 'vitest'
import { type ServerKind, startTestConnector, startTestServer } from '../conformance/peers.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startFaultProxy } from '../harness/fault-proxy.ts'
import { visit } from '../harness/visit.ts'
import { arrivals, failed } from '../harness/visitors.ts'
import { HOST, passed } from './line.ts'

const CUT_MS = 10_000

describe.concurrent.each<ServerKind>(['ours', 'ga'])('on a %s server', kind => {
  it('a session is reconnecting while the link is cut and registered again within 5 s of its return', async ({ expect }) => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'laptop' })
    await using server = await startTestServer(kind, { carrier: 'ws', hosts: [[HOST, tunnelId]] })
    const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: server.tunnelPort } })
    await using session = await startTestConnector('session', {
      carrier: 'ws',
      tunnelPort: proxy.port,
      tunnelId,
      appPort: app.port,
      weight: 255
    })
    const states = (): string[] => session.events().flatMap(({ type, to = '' }) => (type === 'target.state' ? [to] : []))
    const ask = () => visit(`http://127.0.0.1:${server.entrypointPort}/`, { host: HOST })
    try {
      await eventually(async () => expect((await ask()).text).toBe('laptop\n'))
      await proxy.refuse(true)
      proxy.reset()
      await eventually(() => expect(states().at(-1)).toBe('reconnecting'))
      expect((await ask()).status).toBe(503)
      await passed(CUT_MS)
      expect(session.trouble()).toBeUndefined()
      const before = session.losses()
      expect(before).toBeGreaterThan(2)
      await proxy.refuse(false)
      const returned = performance.now()
      await eventually(async () => expect((await ask()).text).toBe('laptop\n'), { timeoutMs: 10_000, intervalMs: 20 })
      expect(performance.now() - returned).toBeLessThan(5_000)
      await eventually(() => expect(states().at(-1)).not.toBe('reconnecting'))
    } finally {
      await proxy.close()
    }
  })
})

describe('on a server of ours', () => {
  it('nobody loses a request when every connector loses its connection at once', async ({ expect }) => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'app' })
    await using server = await startTestServer('ours', { carrier: 'ws', hosts: [[HOST, tunnelId]] })
    const proxy = await startFaultProxy({ to: { host: '127.0.0.1', port: server.tunnelPort } })
    const to = { carrier: 'ws', tunnelPort: proxy.port, tunnelId, appPort: app.port, weight: 1 } as const
    await using _one = await startTestConnector('sidecar', to)
    await using _other = await startTestConnector('sidecar', to)
    const at = { host: '127.0.0.1', port: server.entrypointPort, name: HOST }
    try {
      await eventually(async () => expect((await visit(`http://127.0.0.1:${at.port}/`, { host: HOST })).status).toBe(200))
      const visitors = arrivals({ ...at, rate: 50 })
      for (let cut = 1; cut <= 3; cut += 1) {
        await passed(1_000)
        proxy.reset()
      }
      await passed(2_000)
      expect(failed(await visitors.stop())).toEqual([])
    } finally {
      await proxy.close()
    }
  })
})
