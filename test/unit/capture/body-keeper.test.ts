import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BodyKeeper } from '../../../src/capture/body-keeper.ts'
import { Slab } from '../../../src/capture/slab.ts'

describe('BodyKeeper', () => {
  it('has the first bytes up to its cap and the size of all, whatever the pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), fc.integer({ min: 0, max: 300 }), (pieces, cap) => {
        const whole = Buffer.concat(pieces)
        const keeper = new BodyKeeper(cap, new Slab())
        for (const piece of pieces) {
          const copied = Buffer.from(piece)
          keeper.push(copied)
          copied.fill(0) // it is read into again
        }
        expect(keeper.bytes).toEqual(whole.subarray(0, cap))
        expect([keeper.size, keeper.truncated]).toEqual([whole.length, whole.length > cap])
      })
    )
  })

  it('takes the memory of its bytes, not of their pieces, and says how much', () => {
    const keeper = new BodyKeeper(65_536, new Slab())
    let taken = 0
    let allocations = 0
    for (let at = 0; at < 100_000; at += 1) {
      const grown = keeper.push(Buffer.from([at & 255]))
      taken += grown
      if (grown > 0) allocations += 1
    }
    expect(keeper.bytes).toHaveLength(65_536)
    expect(taken).toBe(65_536)
    expect(allocations).toBeLessThan(20)
    expect(keeper.bytes.buffer.byteLength).toBe(65_536)
  })

  it('has nothing after its release and only counts', () => {
    const keeper = new BodyKeeper(100, new Slab())
    keeper.push(Buffer.from('abc'))
    keeper.release()
    expect(keeper.push(Buffer.from('def'))).toBe(0)
    expect([keeper.bytes.length, keeper.size, keeper.truncated]).toEqual([0, 6, true])
  })
})
