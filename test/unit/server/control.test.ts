import { expect, it } from 'vitest'
import type { Clock } from '../../../src/base/clock.ts'
import { acceptControl, LATE_MS } from '../../../src/server/control.ts'
import { openSession } from '../../../src/smux/session.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

const BEAT_MS = 700

it('tells when the server itself stood still, and not of beats that come in time', async () => {
  const time = fakeClock()
  let stoodStillMs = 0
  // What a process sees that was stopped: no timer fired, and much time is gone.
  const clock: Clock = { ...time, now: () => time.now() + stoodStillMs }
  const [near] = memoryPair()
  const session = openSession(near, { role: 'client', clock, keepaliveTimeoutMs: 1_000_000 })
  let late = 0
  const control = acceptControl(session.open(), {
    clock,
    beatMs: BEAT_MS,
    welcome: () => ({ server: 'proxy' }),
    onHello: () => undefined,
    onDrain: () => [],
    onWeight: () => undefined,
    onFilter: () => undefined,
    onLate: () => (late += 1),
    onMissed: () => {},
    onDeclined: () => {},
    onHealth: () => {}
  })
  await time.advance(10 * BEAT_MS)
  expect(late).toBe(0)
  stoodStillMs += LATE_MS + 1
  await time.advance(BEAT_MS)
  expect(late).toBe(1)
  await time.advance(10 * BEAT_MS)
  expect(late).toBe(1)
  control.stop()
  void session.close()
})
