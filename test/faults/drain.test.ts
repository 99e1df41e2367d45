/** A connector that takes everything starts and stops again and again under 100 requests a second. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { silent } from '../../src/base/log.ts'
import { type Sidecar, startSidecar } from '../../src/server/sidecar.ts'
import { dialTunnel, startTestConnector, startTestServer } from '../conformance/peers.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startFaultProxy } from '../harness/fault-proxy.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { HOST, passed } from './line.ts'

const RATE = 100
const ROUNDS = 10

interface Target {
  tunnelPort: number
  tunnelId: string
  appPort: number
}

async function startLaptop({ tunnelPort, tunnelId, appPort }: Target): Promise<Sidecar> {
  const dial = dialTunnel({ carrier: 'ws', tunnelPort })
  const laptop = startSidecar({ dial, tunnelId, weight: 255, target: { host: '127.0.0.1', port: appPort }, log: silent })
  await laptop.ready
  return laptop
}

it.each([0, 50])('loses nothing over thirty starts and stops on a server of ours, %i ms away', async rttMs => {
  const tunnelId = randomUUID()
  await using pod = await startApp({ name: 'pod' })
  await using laptopApp = await startApp({ name: 'laptop' })
  await using server = await startTestServer('ours', { carrier: 'ws', hosts: [[HOST, tunnelId]] })
  const { tunnelPort, entrypointPort } = server
  await using _sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort, tunnelId, appPort: pod.port })
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port: tunnelPort } })
  try {
    line.toServer.delay(rttMs / 2)
    line.toClient.delay(rttMs / 2)
    // A new connection each, and some are under way whenever somebody leaves.
    const visitors = arrivals({ host: '127.0.0.1', port: entrypointPort, name: HOST, path: '/slow/30', rate: RATE })
    for (let round = 0; round < 30; round += 1) {
      const laptop = await startLaptop({ tunnelPort: line.port, tunnelId, appPort: laptopApp.port })
      await passed(300)
      await laptop.stop(AbortSignal.timeout(5_000))
      await passed(200)
    }
    const visits = await visitors.stop()
    expect(visits.length).toBeGreaterThan(1_000)
    expect(failed(visits)).toEqual([])
    expect(laptopApp.counts.requests).toBeGreaterThan(300)
    expect(pod.counts.requests).toBeGreaterThan(300)
  } finally {
    await line.close()
  }
})

it('loses nothing over ten starts on a stock server; stops may lose what was opened within one round trip', async ({ annotate }) => {
  const tunnelId = randomUUID()
  await using pod = await startApp({ name: 'pod' })
  await using laptopApp = await startApp({ name: 'laptop' })
  await using server = await startTestServer('ga', { carrier: 'ws', hosts: [[HOST, tunnelId]] })
  const { tunnelPort, entrypointPort } = server
  await using _sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort, tunnelId, appPort: pod.port })
  const visitors = arrivals({ host: '127.0.0.1', port: entrypointPort, name: HOST, rate: RATE })
  const laptops: Sidecar[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    laptops.push(await startLaptop({ tunnelPort, tunnelId, appPort: laptopApp.port }))
    await passed(200)
  }
  const startsEndMs = visitors.atMs
  await eventually(() => expect(visitors.visits.filter(({ atMs }) => atMs < startsEndMs).length).toBeGreaterThan(100))
  for (const laptop of laptops) {
    await laptop.stop(AbortSignal.timeout(5_000))
    await passed(200)
  }
  const visits = await visitors.stop()
  const starting = visits.filter(({ atMs }) => atMs < startsEndMs)
  const stopping = visits.filter(({ atMs }) => atMs >= startsEndMs)
  expect(failed(starting)).toEqual([])
  const lost = failed(stopping)
  await annotate(
    `ten stops on a stock server lost ${lost.length} of ${stopping.length} requests: ${JSON.stringify(tally(lost, ({ status, error }) => `${status} ${error ?? ''}`))}`
  )
  expect(lost.length).toBeLessThanOrEqual(ROUNDS)
  expect(stopping.length).toBeGreaterThan(100)
})
