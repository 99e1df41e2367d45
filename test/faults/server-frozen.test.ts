/** The tunnel server stops without ending (SIGSTOP, a node that hangs) and goes on later. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { startTestConnector } from '../conformance/peers.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startGostServer } from '../harness/gost.ts'
import { visit } from '../harness/visit.ts'
import { HOST, passed } from './line.ts'
import { startOurServer, startOurSidecar } from './programs.ts'

const servers = {
  ga: (tunnelId: string) => startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]] }),
  ours: (tunnelId: string) => startOurServer({ hosts: [[HOST, tunnelId]] })
} as const

for (const [kind, start] of Object.entries(servers)) {
  it.concurrent(`gives a frozen ${kind} server up after 5 s and serves within 5 s of its going on`, async () => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'laptop' })
    await using server = await start(tunnelId)
    const { tunnelPort, entrypointPort } = server
    await using session = await startTestConnector('session', { carrier: 'ws', tunnelPort, tunnelId, appPort: app.port, weight: 255 })
    const ask = async (): Promise<string> => (await visit(`http://127.0.0.1:${entrypointPort}/`, { host: HOST, timeoutMs: 2_000 })).text
    await eventually(async () => expect(await ask()).toBe('laptop\n'))
    server.kill('SIGSTOP')
    const frozen = performance.now()
    try {
      await eventually(() => expect(session.losses()).toBeGreaterThan(0), { timeoutMs: 10_000 })
      expect(performance.now() - frozen).toBeGreaterThan(2_500)
      expect(performance.now() - frozen).toBeLessThan(8_500)
    } finally {
      server.kill('SIGCONT')
    }
    const on = performance.now()
    await eventually(async () => expect(await ask()).toBe('laptop\n'), { timeoutMs: 10_000, intervalMs: 20 })
    expect(performance.now() - on).toBeLessThan(5_000)
    // It stays so: the links that piled up while it was frozen are gone.
    for (let at = 0; at < 20; at += 1) expect(await ask()).toBe('laptop\n')
    expect(session.trouble()).toBeUndefined()
  })
}

it('suspects nobody for what it did not hear while it stood still itself', async () => {
  const tunnelId = randomUUID()
  await using app = await startApp({ name: 'app' })
  await using server = await startOurServer({ hosts: [[HOST, tunnelId]] })
  const { tunnelPort, entrypointPort } = server
  await using sidecar = await startOurSidecar({ tunnelPort, tunnelId, appPort: app.port, weight: 1 })
  const ask = async (path: string): Promise<number> =>
    (await visit(`http://127.0.0.1:${entrypointPort}${path}`, { host: HOST, timeoutMs: 20_000 })).status
  await eventually(async () => expect(await ask('/')).toBe(200))
  const waiting = ask('/slow/4500')
  await eventually(() => expect(app.counts.open).toBe(1))
  server.kill('SIGSTOP')
  await passed(3_500)
  const asked = ask('/')
  server.kill('SIGCONT')
  expect([await asked, await waiting]).toEqual([200, 200])
  for (let at = 0; at < 20; at += 1) expect(await ask('/')).toBe(200)
  expect(server.log()).not.toContain('suspect')
  expect(sidecar.status()).toBeUndefined()
}, 30_000)
