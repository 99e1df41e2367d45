/** The tunnel server is killed and comes back at the same address. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { startTestConnector } from '../conformance/peers.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startGostServer } from '../harness/gost.ts'
import { visit } from '../harness/visit.ts'
import { HOST, passed } from './line.ts'
import { startOurServer } from './programs.ts'

interface KilledServer extends AsyncDisposable {
  tunnelPort: number
  entrypointPort: number
  kill(signal: NodeJS.Signals): void
  ended: Promise<number>
}

const servers: Record<string, (tunnelId: string, at?: { tunnelPort: number; entrypointPort: number }) => Promise<KilledServer>> = {
  ga: (tunnelId, at) => startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], ...at }),
  nightly: (tunnelId, at) => startGostServer({ version: 'nightly', hosts: [[HOST, tunnelId]], ...at }),
  ours: (tunnelId, at) => startOurServer({ hosts: [[HOST, tunnelId]], ...(at === undefined ? {} : { at }) })
}

for (const [kind, start] of Object.entries(servers)) {
  it.concurrent(`serves again within 5 s when a killed ${kind} server is back after 3 s`, async () => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'laptop' })
    const first = await start(tunnelId)
    const at = { tunnelPort: first.tunnelPort, entrypointPort: first.entrypointPort }
    await using session = await startTestConnector('session', { carrier: 'ws', ...at, tunnelId, appPort: app.port, weight: 255 })
    const ask = async (): Promise<string> => (await visit(`http://127.0.0.1:${at.entrypointPort}/`, { host: HOST })).text
    await eventually(async () => expect(await ask()).toBe('laptop\n'))
    first.kill('SIGKILL')
    await first.ended
    await eventually(() => expect(session.losses()).toBeGreaterThan(0))
    await passed(3_000)
    await using second = await start(tunnelId, at)
    const back = performance.now()
    await eventually(async () => expect(await ask()).toBe('laptop\n'), { timeoutMs: 10_000, intervalMs: 20 })
    expect(performance.now() - back).toBeLessThan(5_000)
    expect(session.trouble()).toBeUndefined()
    expect(second.tunnelPort).toBe(at.tunnelPort)
  })
}
