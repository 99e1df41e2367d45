import { describe, expect, it } from 'vitest'
import { freshCache } from '../../../src/access/fresh-cache.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

function start(maxEntries = 10) {
  const clock = fakeClock()
  const cache = freshCache({ clock, freshMs: 2_000, usableMs: 6_000, maxEntries })
  let asked = 0
  const get = (key = 'k'): Promise<number> => cache.get(key, async () => ++asked)
  return { clock, cache, get, asked: () => asked }
}

describe('answers kept for a moment', () => {
  it('are asked for once by many at a time', async () => {
    const { get, asked } = start()
    expect(await Promise.all([get(), get(), get()])).toEqual([1, 1, 1])
    expect(asked()).toBe(1)
  })

  it('are given while young, renewed beside when older, and waited for when old', async () => {
    const { clock, get } = start()
    expect(await get()).toBe(1)
    await clock.advance(1_900)
    expect(await get()).toBe(1)
    await clock.advance(200)
    expect(await get()).toBe(1)
    await clock.advance(0)
    await clock.advance(0)
    expect(await get()).toBe(2)
    await clock.advance(6_100)
    expect(await get()).toBe(3)
  })

  it('can be forgotten, and are when there are many', async () => {
    const { cache, get } = start(2)
    await get()
    cache.forget('k')
    expect(await get()).toBe(2)
    await get('l')
    await get('m')
    expect(await get()).toBe(5)
  })

  it('may be failures', async () => {
    const { clock, cache } = start()
    const fail = (): Promise<never> => Promise.reject(new Error('no'))
    await expect(cache.get('f', fail)).rejects.toThrow('no')
    await clock.advance(7_000)
    expect(await cache.get('f', async () => 'yes')).toBe('yes')
  })
})
