/** A connector dies without a word while visitors come: the other one serves at once. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { startTestConnector, startTestServer } from '../conformance/peers.ts'
import { startApp } from '../harness/app.ts'
import type { Program } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { startGostClient } from '../harness/gost.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { HOST } from './line.ts'
import { startOurSidecar, type OurSidecarSetup } from './programs.ts'

const KILLED: Record<string, (setup: OurSidecarSetup) => Promise<Program>> = {
  'stock gost 3.2.6': ({ tunnelPort, tunnelId, appPort, weight }) =>
    startGostClient({ version: 'ga', serverPort: tunnelPort, tunnelId, target: `127.0.0.1:${appPort}`, weight }),
  'stock gost nightly': ({ tunnelPort, tunnelId, appPort, weight }) =>
    startGostClient({ version: 'nightly', serverPort: tunnelPort, tunnelId, target: `127.0.0.1:${appPort}`, weight }),
  'sidecar of ours': startOurSidecar
}

for (const [name, start] of Object.entries(KILLED)) {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    `loses no request when a ${name} that has everything gets %s on a server of ours`,
    async signal => {
      const tunnelId = randomUUID()
      await using pod = await startApp({ name: 'pod' })
      await using laptop = await startApp({ name: 'laptop' })
      await using server = await startTestServer('ours', { carrier: 'ws', hosts: [[HOST, tunnelId]] })
      const { tunnelPort, entrypointPort } = server
      await using _other = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort, tunnelId, appPort: pod.port, weight: 1 })
      await using killed = await start({ tunnelPort, tunnelId, appPort: laptop.port, weight: 255 })
      const visitors = arrivals({ host: '127.0.0.1', port: entrypointPort, name: HOST, rate: 50 })
      await eventually(() => expect(visitors.visits.length).toBeGreaterThan(30))
      killed.kill(signal)
      const atMs = visitors.atMs
      // Frozen: after 3 s without an answer to an open (ours: without a heartbeat) it gets no more; those that waited are asked elsewhere.
      const untilMs = atMs + (signal === 'SIGKILL' ? 1_000 : 5_000)
      await eventually(() => expect(visitors.atMs).toBeGreaterThan(untilMs), { timeoutMs: 10_000 })
      const visits = await visitors.stop()
      killed.kill('SIGKILL')
      expect(failed(visits)).toEqual([])
      const { 'pod\n': after = 0, 'laptop\n': stale = 0 } = tally(
        visits.filter(visit => visit.atMs > untilMs - 500),
        ({ body }) => body
      )
      expect(after).toBeGreaterThan(5)
      expect(stale).toBe(0)
    }
  )
}
