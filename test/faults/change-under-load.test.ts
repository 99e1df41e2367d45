/** A running session changes again and again under a hundred requests a second: what each kind of server loses. */
import { expect, it } from 'vitest'
import { HOST, runningSession } from '../conformance/running-session.ts'
import { arrivals, failed, tally } from '../harness/visitors.ts'
import { passed } from './line.ts'

const ROUNDS = 10

it.each([
  // Lowering and holding leave a chosen connector: at most the requests that were opened within that round trip.
  ['ours', 0],
  ['ga', 2 * ROUNDS]
] as const)('changes 255 → 50 → 255 and holds and releases on a server of kind %s, losing at most %i requests', async (kind, most) => {
  await using running = await runningSession(kind)
  await running.state('verified')
  const { session } = running
  const visitors = arrivals({ host: '127.0.0.1', port: running.server.entrypointPort, name: HOST, path: '/slow/5', rate: 100 })
  /** When a change that may lose nothing, on any server, was under way. */
  const gentle: [from: number, to: number][] = []
  const gently = async (work: () => Promise<unknown>): Promise<void> => {
    const from = visitors.atMs
    await work()
    await running.state('verified')
    await passed(200)
    // What is opened right before the next change is under way when that one leaves.
    gentle.push([from, visitors.atMs - 50])
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    await session.change({ kind: 'weight', weight: 50 }, 'control')
    await running.state('verified')
    await passed(200)
    await gently(() => session.change({ kind: 'weight', weight: 255 }, 'control'))
    await session.change({ kind: 'hold' }, 'control')
    expect(session.state).toBe('held')
    await passed(200)
    await gently(() => session.change({ kind: 'release' }, 'control'))
  }
  const visits = await visitors.stop()
  const lost = failed(visits)
  console.log(
    `${kind}: ${4 * ROUNDS} changes lost ${lost.length} of ${visits.length} requests`,
    tally(lost, ({ status, error }) => `${status} ${error ?? ''}`)
  )
  expect(lost.filter(({ atMs }) => gentle.some(([from, to]) => atMs >= from + 50 && atMs < to))).toEqual([])
  expect(lost.length).toBeLessThanOrEqual(most)
  expect(running.laptop.counts.requests).toBeGreaterThan(300)
  expect(running.pod.counts.requests).toBeGreaterThan(100)
})
