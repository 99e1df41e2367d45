import { describe, expect, it } from 'vitest'
import { judge } from '../../../src/demo/story.ts'

const sample = (cluster: number, laptop: number, failed = 0) => ({ cluster, laptop, failed, latencies: [] })
const chapter = (expected: 'cluster' | 'laptop' | 'half') => ({ title: 'x', requests: 100, expected })

describe('promises of the demo', () => {
  it.each([
    ['cluster', sample(100, 0), undefined],
    ['cluster', sample(99, 1), 'the laptop got 1 % instead of 0 %'],
    ['laptop', sample(0, 100), undefined],
    ['laptop', sample(1, 99), 'the laptop got 99 % instead of 100 %'],
    ['half', sample(50, 50), undefined],
    ['half', sample(31, 69), undefined],
    ['half', sample(29, 71), 'the laptop got 71 % instead of 50 % ± 20 %'],
    ['half', sample(0, 100), 'the laptop got 100 % instead of 50 % ± 20 %'],
    ['laptop', sample(0, 100, 1), '1 request failed'],
    ['laptop', sample(0, 99), 'only 99 of 100 requests were answered']
  ] as const)('judges %s with %o: %s', (expected, seen, verdict) => {
    expect(judge(chapter(expected), seen)).toBe(verdict)
  })
})
