/** The arithmetic under the published figures. */
import { describe, expect, it } from 'vitest'
import { figure, pairwise, shown, spreadOf } from '../../bench/statistics.ts'
import type { PairName } from '../../bench/pairs.ts'
import { withSection } from '../../bench/report.ts'
import { renderPairs } from '../../bench/server-report.ts'
import { FULL as FULL_PAIRS, pairWorksOf } from '../../bench/server-works.ts'
import { FULL, worksOf } from '../../bench/works.ts'

describe('statistics', () => {
  it('takes the middle run, or the mean of the two in the middle', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 })
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1, high: 4 })
  })

  it('divides neighbouring runs, not medians', () => {
    expect(pairwise([2, 9], [1, 3])).toEqual([2, 3])
  })

  it('prints three digits at most after the point counts', () => {
    expect([2310.4, 99.94, 12.44, 0.5712].map(figure)).toEqual(['2310', '99.9', '12.4', '0.571'])
    expect(shown({ median: 1.5, low: 1, high: 2 })).toBe('1.50 (1.00–2.00)')
  })
})

describe('the figures', () => {
  const result = { requests: 20_000, errors: 0, seconds: 10, bytes: 2 * 1_048_576, p50: 1, p99: 2 }
  it('are per second, per 10,000 requests and per GiB', () => {
    const [requests] = worksOf(FULL)
    const bulk = worksOf(FULL).find(work => work.load.kind === 'down')
    const of = (work: typeof bulk, name: string): number | undefined =>
      work?.figures.find(entry => entry.name === name)?.of(result, { cpu: 4, memory: 50, ownMemory: 20 })
    expect(of(requests, 'requests/s')).toBe(2_000)
    expect(of(requests, 'CPU s per 10,000')).toBe(2)
    expect(of(bulk, 'MiB/s')).toBe(0.2)
    expect(of(bulk, 'CPU s per GiB')).toBe(2_048)
  })
})

describe('the page', () => {
  it('has each table between its own marks, and nothing else is touched', () => {
    const page = 'a\n<!-- bench -->\nold\n<!-- /bench -->\nb\n<!-- server bench -->\nkept\n<!-- /server bench -->\n'
    const written = 'a\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nb\n<!-- server bench -->\nkept\n<!-- /server bench -->\n'
    expect(withSection(page, 'bench', 'new\n')).toBe(written)
    expect(withSection(written, 'bench', 'new\n')).toBe(written)
    expect(() => withSection(page, 'screen', 'new')).toThrow('no <!-- screen --> section')
  })

  it('compares each server with gost run by run, and leaves out who was not measured', () => {
    const work = pairWorksOf(FULL_PAIRS).find(({ load }) => load.kind === 'down')
    if (work === undefined) throw new Error('no download')
    const results = new Map<PairName, number[][]>([
      [
        'gost+gost',
        [
          [100, 2, 2, 20],
          [200, 2, 2, 20]
        ]
      ],
      [
        'ours+ours',
        [
          [150, 1, 1, 80],
          [400, 1, 1, 80]
        ]
      ],
      ['frp+frp', []]
    ])
    const lines = renderPairs([{ work: { ...work, pairs: ['gost+gost', 'ours+ours', 'frp+frp'] }, results }]).split('\n')
    expect(lines.slice(2)).toEqual([
      '| download 256 MiB ×1 | gost+gost | 150 (100–200) | 2.00 | 2.00 | 20.0 |',
      '| download 256 MiB ×1 | ours+ours | 275 (150–400)<br>× 1.75 (1.50–2.00) | 1.00<br>× 0.500 | 1.00<br>× 0.500 | 80.0<br>× 4.00 |',
      ''
    ])
  })
})
