import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { stopSignals } from '../../../src/cli/signals.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function start() {
  const source = new EventEmitter()
  const clock = fakeClock()
  return { source, clock, stop: stopSignals(source, clock) }
}

describe('stopSignals', () => {
  it.each([
    ['SIGINT', 0],
    ['SIGTERM', 143],
    ['SIGHUP', 129]
  ])('drains on a first %s and exits with %i when that went well', (name, code) => {
    const { source, stop } = start()
    source.emit(name)
    expect([stop.drain.aborted, stop.now.aborted]).toEqual([true, false])
    expect(stop.exitCode(0)).toBe(code)
    expect(stop.exitCode(9)).toBe(9)
  })

  it('leaves at once on a second Ctrl-C', async () => {
    const { source, clock, stop } = start()
    source.emit('SIGINT')
    await clock.advance(1_000)
    source.emit('SIGINT')
    expect(stop.now.aborted).toBe(true)
    expect(stop.exitCode(0)).toBe(130)
  })

  it('takes a Ctrl-C that a wrapper passed on once more for one', async () => {
    const { source, clock, stop } = start()
    source.emit('SIGINT')
    await clock.advance(20)
    source.emit('SIGINT')
    expect(stop.now.aborted).toBe(false)
    await clock.advance(100)
    source.emit('SIGINT')
    expect(stop.now.aborted).toBe(true)
  })

  it('takes two different signals for two, however close', () => {
    const { source, stop } = start()
    source.emit('SIGINT')
    source.emit('SIGTERM')
    expect(stop.exitCode(0)).toBe(143)
    expect(stop.now.aborted).toBe(true)
  })

  it('drains when asked to, after which one Ctrl-C still only drains', () => {
    const { source, stop } = start()
    stop.requestDrain('leave')
    expect([stop.drain.aborted, stop.exitCode(0)]).toEqual([true, 0])
    source.emit('SIGINT')
    expect(stop.now.aborted).toBe(false)
  })

  it('listens no more once closed', () => {
    const { source, stop } = start()
    stop.close()
    source.emit('SIGINT')
    expect(stop.drain.aborted).toBe(false)
    expect(source.eventNames()).toEqual([])
  })

  it('counts nothing while signals are lent to a child', async () => {
    const { source, clock, stop } = start()
    const giveBack = stop.lend()
    source.emit('SIGINT')
    await clock.advance(1_000)
    source.emit('SIGINT')
    expect([stop.drain.aborted, stop.exitCode(7)]).toEqual([false, 7])
    giveBack()
    giveBack()
    source.emit('SIGTERM')
    expect([stop.drain.aborted, stop.now.aborted, stop.exitCode(0)]).toEqual([true, false, 143])
  })
})
