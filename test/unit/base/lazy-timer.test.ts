import { describe, expect, it } from 'vitest'
import { LazyTimer } from '../../../src/base/lazy-timer.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

describe('a lazy timer', () => {
  it('runs what was set last, when that is due', async () => {
    const clock = fakeClock()
    const timer = new LazyTimer(clock)
    const ran: string[] = []
    timer.set(100, () => ran.push('first'))
    await clock.advance(60)
    timer.set(100, () => ran.push('second'))
    await clock.advance(99)
    expect(ran).toEqual([])
    await clock.advance(1)
    expect([ran, clock.pending]).toEqual([['second'], 0])
  })

  it('runs earlier what is set to come earlier', async () => {
    const clock = fakeClock()
    const timer = new LazyTimer(clock)
    const ran: number[] = []
    timer.set(1_000, () => ran.push(1_000))
    timer.set(10, () => ran.push(10))
    await clock.advance(10)
    expect(ran).toEqual([10])
    await clock.advance(2_000)
    expect(ran).toEqual([10])
  })

  it('runs nothing once it was cleared, and can be set again', async () => {
    const clock = fakeClock()
    const timer = new LazyTimer(clock)
    const ran: string[] = []
    timer.set(50, () => ran.push('cleared'))
    timer.clear()
    await clock.advance(40)
    timer.set(50, () => ran.push('again'))
    await clock.advance(49)
    expect(ran).toEqual([])
    await clock.advance(1)
    expect(ran).toEqual(['again'])
  })

  it('asks the clock for one timer however often it is set, and for none once stopped', () => {
    const clock = fakeClock()
    const timer = new LazyTimer(clock)
    for (let count = 0; count < 1_000; count += 1) timer.set(100 + count, () => {})
    expect(clock.pending).toBe(1)
    timer.stop()
    expect(clock.pending).toBe(0)
  })
})
