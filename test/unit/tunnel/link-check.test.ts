import { afterEach, expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { LinkCheck } from '../../../src/tunnel/link-check.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

const running: LinkCheck[] = []
afterEach(() => {
  for (const check of running.splice(0)) check.end()
})

/** A link that is checked by pings, whose peer answers while it may. */
function start() {
  const clock = fakeClock()
  const wall = { aheadMs: 0 }
  const peer = { answers: true }
  const [connection] = memoryPair()
  Object.assign(connection, { ping: () => (peer.answers ? Promise.resolve(0) : new Promise(() => {})) })
  const session = {
    lastReceivedAt: 0,
    open: () => {
      throw new Error('no streams beside pings')
    }
  }
  const check = new LinkCheck(connection, session, {
    clock: { ...clock, date: () => new Date(clock.date().getTime() + wall.aheadMs) },
    log: silent
  })
  running.push(check)
  return { clock, wall, peer, session, check }
}

it('calls a peer silent after five seconds without a byte or an answer, and hears it again', async () => {
  const { clock, peer, check } = start()
  await clock.advance(10_000)
  expect(check.silent).toBe(false)
  peer.answers = false
  const fell = check.turn
  await clock.advance(4_000)
  expect(check.silent).toBe(false)
  await clock.advance(2_000)
  expect(check.silent).toBe(true)
  expect(check.silentMs).toBe(6_000)
  await fell
  const heard = check.turn
  peer.answers = true
  await clock.advance(2_100)
  expect(check.silent).toBe(false)
  await heard
})

it('takes bytes of any kind for a sign of life', async () => {
  const { clock, peer, session, check } = start()
  peer.answers = false
  for (let second = 0; second < 20; second += 1) {
    await clock.advance(1_000)
    session.lastReceivedAt = clock.now()
  }
  expect(check.silent).toBe(false)
})

it('gives the peer one second for an answer after this machine slept', async () => {
  const { clock, wall, peer, check } = start()
  peer.answers = false
  wall.aheadMs = 3_600_000
  await clock.advance(2_000)
  expect(check.silent).toBe(false)
  await clock.advance(1_000)
  expect(check.silent).toBe(true)
  expect(check.silentMs).toBe(Infinity)
})

it('stops with its link: no timer is left, and whoever waits for a turn hears of it', async () => {
  const { clock, peer, check } = start()
  peer.answers = false
  await clock.advance(6_000)
  const turn = check.turn
  check.end()
  await turn
  expect(clock.pending).toBe(0)
  expect(check.silent).toBe(true)
})
