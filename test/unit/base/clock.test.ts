import { expect, it } from 'vitest'
import { pause } from '../../../src/base/clock.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

it('pauses for its time, until it is aborted, or until there is nothing left to wait for', async () => {
  const clock = fakeClock()
  const { signal } = new AbortController()
  const timed = pause(clock, 1_000, { signal, unless: new Promise(() => {}) })
  await clock.advance(1_000)
  await timed
  const stop = new AbortController()
  const stopped = pause(clock, 1_000, { signal: stop.signal, unless: undefined })
  stop.abort(new Error('stopped'))
  await stopped
  await pause(clock, 1_000, { signal, unless: Promise.resolve() })
  expect(clock.now()).toBe(1_000)
  expect(clock.pending).toBe(0)
})
