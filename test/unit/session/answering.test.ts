import { describe, expect, it } from 'vitest'
import { answering } from '../../../src/session/answering.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

describe('answering', () => {
  it('is paused once the oldest request got nothing for three seconds', async () => {
    const clock = fakeClock()
    const app = answering(clock)
    app.asked()
    await clock.advance(2_999)
    expect(app.paused).toBe(false)
    await clock.advance(1)
    expect(app.paused).toBe(true)
    expect(app.silentMs).toBe(3_000)
  })

  it('is not paused while other requests are answered', async () => {
    const clock = fakeClock()
    const app = answering(clock)
    app.asked()
    await clock.advance(2_000)
    app.asked().answered()
    await clock.advance(2_000)
    expect(app.paused).toBe(false)
  })

  it('is over with the first answer, even of an old request', async () => {
    const clock = fakeClock()
    const app = answering(clock)
    const old = app.asked()
    app.asked()
    await clock.advance(5_000)
    expect(app.paused).toBe(true)
    old.answered()
    expect(app.paused).toBe(false)
  })

  it('forgets requests that nobody waits for', async () => {
    const clock = fakeClock()
    const app = answering(clock)
    app.asked().dropped()
    await clock.advance(10_000)
    expect(app.paused).toBe(false)
    expect(app.silentMs).toBe(0)
  })
})
