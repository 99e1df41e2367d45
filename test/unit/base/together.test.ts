import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/base/closable.ts'
import { together } from '../../../src/base/together.ts'

describe('work done together', () => {
  it('gives the results in the order of the list', async () => {
    expect(await together([Promise.resolve(1), 'two', Promise.resolve(3)])).toEqual([1, 'two', 3])
  })

  it.each([
    ['the first', [0, 1]],
    ['the second', [1, 0]]
  ])('fails with the failure that stands first, when %s fails first', async (_, order) => {
    const work = [deferred<void>(), deferred<void>()]
    const result = together(work.map(({ promise }) => promise))
    for (const index of order) {
      work[index]?.reject(new Error(`failure ${index}`))
      await work[index]?.promise.catch(() => {})
    }
    await expect(result).rejects.toThrow('failure 0')
  })

  it('fails only when all have ended', async () => {
    const slow = deferred<void>()
    let ended = false
    const result = together([Promise.reject(new Error('at once')), slow.promise]).finally(() => (ended = true))
    result.catch(() => {})
    await Promise.resolve()
    expect(ended).toBe(false)
    slow.resolve()
    await expect(result).rejects.toThrow('at once')
  })
})
