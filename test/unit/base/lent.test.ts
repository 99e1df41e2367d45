import { describe, expect, it } from 'vitest'
import { giveBack, isLent, lend, lendable } from '../../../src/base/lent.ts'

describe('lent memory', () => {
  it('comes back once all of its bytes did, in whatever slices', () => {
    const back: Buffer[] = []
    const memory = lendable(100, returned => back.push(returned))
    const chunk = memory.subarray(0, 80)
    lend(chunk)
    expect(isLent(chunk.subarray(10, 20))).toBe(true)
    giveBack(chunk, 8)
    giveBack(chunk.subarray(8, 40))
    expect(back).toEqual([])
    giveBack(chunk.subarray(40))
    expect(back[0]).toBe(memory)
    expect([back.length, isLent(chunk)]).toEqual([1, false])
  })

  it('can be lent again, and comes back again', () => {
    let times = 0
    const memory = lendable(100, () => (times += 1))
    for (let round = 0; round < 3; round += 1) {
      lend(memory.subarray(0, 50))
      giveBack(memory.subarray(0, 50))
    }
    expect(times).toBe(3)
  })

  it('is not given back by bytes of others, by nothing, or while nothing is out', () => {
    const back: Buffer[] = []
    const memory = lendable(100, returned => back.push(returned))
    giveBack(memory)
    lend(memory)
    giveBack(Buffer.alloc(100))
    giveBack(Buffer.from(memory))
    giveBack(memory, 0)
    expect(back).toEqual([])
    expect(isLent(Buffer.alloc(100))).toBe(false)
  })
})
