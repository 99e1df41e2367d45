import { describe, expect, it } from 'vitest'
import { chooseConnector, shares, type Choosable } from '../../../src/server/choice.ts'
import { seeded } from '../../harness/feed.ts'

const DRAWS = 10_000
const connector = (weight: number, rest: Partial<Choosable> = {}): Choosable => ({ weight, network: 'tcp', condition: 'live', ...rest })

/** How often each connector is chosen out of 10,000 draws. */
function draw(connectors: readonly Choosable[], seed = 1): number[] {
  const random = seeded(seed)
  const counts = connectors.map(() => 0)
  for (let n = 0; n < DRAWS; n += 1) {
    const chosen = chooseConnector(connectors, { network: 'tcp', random })
    if (chosen === undefined) continue
    const at = connectors.indexOf(chosen)
    counts[at] = (counts[at] ?? 0) + 1
  }
  return counts
}

describe('choice of a connector', () => {
  it.each([
    { weights: [1, 1], expected: [0.5, 0.5] },
    { weights: [1, 3], expected: [0.25, 0.75] },
    { weights: [10, 1], expected: [10 / 11, 1 / 11] },
    { weights: [0, 1], expected: [0.5, 0.5] },
    { weights: [254, 1], expected: [254 / 255, 1 / 255] },
    { weights: [1, 255], expected: [0, 1] },
    { weights: [255, 1], expected: [1, 0] },
    { weights: [1, 255, 200], expected: [0, 1, 0] },
    { weights: [255, 255], expected: [0.5, 0.5] },
    { weights: [255, 7, 255, 255], expected: [1 / 3, 0, 1 / 3, 1 / 3] },
    { weights: [0, 0, 0], expected: [1 / 3, 1 / 3, 1 / 3] },
    { weights: [0], expected: [1] }
  ])('shares 10,000 draws by weights $weights', ({ weights, expected }) => {
    const connectors = weights.map(weight => connector(weight))
    // Four standard deviations of the binomial: a wrong share fails, an unlucky seed cannot.
    draw(connectors, 7).forEach((count, at) => {
      const p = expected[at] ?? 0
      const tolerance = 4 * Math.sqrt((p * (1 - p)) / DRAWS)
      expect(Math.abs(count / DRAWS - p)).toBeLessThanOrEqual(tolerance)
    })
    shares(connectors).forEach((share, at) => expect(share).toBeCloseTo(expected[at] ?? 0, 10))
  })

  it('takes a single connector whatever its weight and network, unless it is closed or draining', () => {
    const options = { network: 'tcp', random: () => 0.99 } as const
    for (const one of [connector(0), connector(1, { network: 'udp' }), connector(255, { condition: 'suspect' })]) {
      expect(chooseConnector([one], options)).toBe(one)
    }
    expect(chooseConnector([connector(1, { condition: 'closed' })], options)).toBeUndefined()
    expect(chooseConnector([connector(1, { condition: 'draining' })], options)).toBeUndefined()
    expect(chooseConnector([], options)).toBeUndefined()
  })

  it('never takes one that mirrors, and sees the others as if it were not there', () => {
    const copies = connector(255, { condition: 'mirror' })
    expect(draw([copies, connector(1)])).toEqual([0, DRAWS])
    expect(shares([copies, connector(1)])).toEqual([0, 1])
    expect(chooseConnector([copies], { network: 'tcp', random: () => 0 })).toBeUndefined()
    const only = connector(1, { network: 'udp' })
    expect(chooseConnector([copies, only], { network: 'tcp', random: () => 0 })).toBe(only)
  })

  it('keeps udp connectors out of the way of tcp visitors', () => {
    expect(draw([connector(255, { network: 'udp' }), connector(1)])).toEqual([0, DRAWS])
    expect(chooseConnector([connector(1), connector(1, { network: 'udp' })], { network: 'udp', random: () => 0 })?.network).toBe('udp')
  })

  it.each(['suspect', 'draining', 'closed'] as const)('lets a %s connector at 255 not keep visitors from the lower ones', condition => {
    expect(draw([connector(255, { condition }), connector(1), connector(3, { condition })])).toEqual([0, DRAWS, 0])
  })

  it('chooses among suspects when nobody else is left', () => {
    const counts = draw([
      connector(1, { condition: 'suspect' }),
      connector(1, { condition: 'suspect' }),
      connector(9, { condition: 'draining' })
    ])
    expect(counts[2]).toBe(0)
    expect(counts[0]).toBeGreaterThan(4_500)
    expect(counts[1]).toBeGreaterThan(4_500)
  })

  it('does not choose what was tried already', () => {
    const [a, b] = [connector(255), connector(1)]
    const options = { network: 'tcp', random: () => 0 } as const
    expect(chooseConnector([a, b], { ...options, except: new Set([a]) })).toBe(b)
    expect(chooseConnector([a], { ...options, except: new Set([a]) })).toBeUndefined()
  })

  it('covers both ends of the random range', () => {
    const connectors = [connector(2), connector(3)]
    expect(chooseConnector(connectors, { network: 'tcp', random: () => 0 })).toBe(connectors[0])
    expect(chooseConnector(connectors, { network: 'tcp', random: () => 0.399 })).toBe(connectors[0])
    expect(chooseConnector(connectors, { network: 'tcp', random: () => 0.4 })).toBe(connectors[1])
    expect(chooseConnector(connectors, { network: 'tcp', random: () => 0.999_999 })).toBe(connectors[1])
  })
})
