import { describe, expect, it } from 'vitest'
import { shareOf, splitFor } from '../../../src/session/split.ts'

describe('shareOf', () => {
  it.each([
    [1, [1], 0.5],
    [1, [1, 1, 1], 0.25],
    [3, [1], 0.75],
    [1, [0], 0.5],
    [255, [1, 1], 1],
    [255, [255], 0.5],
    [254, [255], 0],
    [1, [], 1]
  ])('gives weight %i beside %j a share of %f', (weight, sidecars, share) => {
    expect(shareOf(weight, sidecars)).toBeCloseTo(share, 10)
  })
})

describe('splitFor', () => {
  it('takes the whole weight that expresses the share', () => {
    expect(splitFor(0.5, [1], false)).toEqual({ weight: 1, arriving: 0.5, keep: 1, share: 0.5 })
    expect(splitFor(0.25, [1, 1, 1], false)).toMatchObject({ weight: 1, keep: 1 })
    expect(splitFor(0.9, [1], false)).toMatchObject({ weight: 9, keep: 1 })
  })

  it('thins what whole weights cannot express', () => {
    const split = splitFor(0.25, [1], true)
    expect(split).toMatchObject({ weight: 1, arriving: 0.5, keep: 0.5, share: 0.25 })
  })

  it('takes 255 and thins beside a sidecar of 255', () => {
    const split = splitFor(0.25, [255], true)
    expect(split.weight).toBe(255)
    expect(split.arriving * split.keep).toBeCloseTo(0.25, 10)
  })

  it('refuses an inexact share without a return path and names the nearest exact one', () => {
    expect(() => splitFor(0.25, [1], false)).toThrowError(
      expect.objectContaining({ code: 'SHARE_UNAVAILABLE', hint: expect.stringContaining('50 % with --weight 1') })
    )
  })

  it('gives the whole for 100 %', () => {
    expect(splitFor(1, [1, 1], false)).toMatchObject({ weight: 255, keep: 1, share: 1 })
  })

  it('is never further than half a point from what was asked, for any share and any sidecars', () => {
    for (const sidecars of [[1], [1, 1], [1, 2, 3], [10, 10], [254], [255], [255, 255]]) {
      for (let percent = 1; percent <= 100; percent += 1) {
        const reachable = sidecars.includes(255) ? 1 / (sidecars.filter(each => each === 255).length + 1) : 1
        if (percent / 100 > reachable) {
          expect(() => splitFor(percent / 100, sidecars, true)).toThrowError(expect.objectContaining({ code: 'SHARE_UNAVAILABLE' }))
          continue
        }
        const { arriving, keep } = splitFor(percent / 100, sidecars, true)
        expect(Math.abs(arriving * keep - percent / 100)).toBeLessThanOrEqual(0.005 + 1e-9)
      }
    }
  })
})
