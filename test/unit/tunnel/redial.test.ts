import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { redial } from '../../../src/tunnel/redial.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

interface Attempt {
  succeed(): Connection
  fail(error: Error): void
  signal: AbortSignal
}

function hanging(): { attempts: Attempt[]; dial: (signal: AbortSignal) => Promise<Connection> } {
  const attempts: Attempt[] = []
  return {
    attempts,
    dial: signal =>
      new Promise((resolve, reject) => {
        attempts.push({
          signal,
          fail: reject,
          succeed() {
            const [near] = memoryPair()
            resolve(near)
            return near
          }
        })
      })
  }
}

const at = (attempts: readonly Attempt[], index: number): Attempt => {
  const attempt = attempts[index]
  if (attempt === undefined) throw new Error(`there are ${attempts.length} attempts`)
  return attempt
}

describe('a dial on a line that may be down', () => {
  it('is joined by others while it hangs, and the first one through wins', async () => {
    const clock = fakeClock()
    const { attempts, dial } = hanging()
    const dialled = redial(dial, clock)(new AbortController().signal)
    expect(attempts).toHaveLength(1)
    await clock.advance(2_500)
    expect(attempts).toHaveLength(3)
    const winner = at(attempts, 1).succeed()
    expect(await dialled).toBe(winner)
    expect(at(attempts, 0).signal.aborted).toBe(true)
    await clock.advance(20_000)
    expect(attempts).toHaveLength(3)
    expect(clock.pending).toBe(0)
    // It came through all the same: nobody wants it.
    const late = at(attempts, 0).succeed()
    await Promise.resolve()
    expect(late.destroyed).toBe(true)
  })

  it('rejects at once when nothing else is under way: the pause is the caller’s', async () => {
    const { attempts, dial } = hanging()
    const dialled = redial(dial, fakeClock())(new AbortController().signal)
    at(attempts, 0).fail(new Error('refused'))
    await expect(dialled).rejects.toThrow('refused')
  })

  it('goes on while one of several is under way', async () => {
    const clock = fakeClock()
    const { attempts, dial } = hanging()
    const dialled = redial(dial, clock)(new AbortController().signal)
    await clock.advance(1_000)
    at(attempts, 0).fail(new Error('no route'))
    const winner = at(attempts, 1).succeed()
    expect(await dialled).toBe(winner)
  })

  it('gives up at its limit, and when it is told to', async () => {
    const clock = fakeClock()
    const { attempts, dial } = hanging()
    const limited = redial(dial, clock, 4_000)(new AbortController().signal).catch((error: unknown) => error)
    await clock.advance(4_000)
    expect(await limited).toMatchObject({ code: 'ETIMEDOUT' })
    expect(attempts.every(({ signal }) => signal.aborted)).toBe(true)
    const stop = new AbortController()
    const stopped = redial(dial, clock)(stop.signal)
    stop.abort(new Error('not wanted'))
    await expect(stopped).rejects.toThrow('not wanted')
    await expect(redial(dial, clock)(stop.signal)).rejects.toThrow('not wanted')
    expect(clock.pending).toBe(0)
  })
})
