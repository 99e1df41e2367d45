import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamTable } from '../../../src/smux/stream-table.ts'

describe('stream table', () => {
  it('does what a Map does, whatever comes and goes', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 400 })), { maxLength: 2_000 })
    const does = fc.check(
      fc.property(steps, fc.constantFrom(1, 2, 4_096, 0x1fff_fff), (all, stride) => {
        const table = new StreamTable<{ id: number }>()
        const map = new Map<number, { id: number }>()
        for (const [adds, number] of all) {
          const id = (number * stride) % 0x7fff_ffff
          if (adds) {
            const value = { id }
            table.add(value)
            map.set(id, value)
          } else if (table.delete(id) !== map.delete(id)) return false
          if (table.get(id) !== map.get(id) || table.size !== map.size) return false
        }
        const ids = (values: Iterable<{ id: number }>): number[] => [...values].map(({ id }) => id).toSorted((a, b) => a - b)
        return ids(table.values()).join() === ids(map.values()).join() && [...map.keys()].every(id => table.get(id) === map.get(id))
      }),
      { numRuns: 200 }
    )
    expect(does.counterexample).toBeNull()
  })

  it('finds old streams among many that came and went', () => {
    const table = new StreamTable<{ id: number }>()
    const old = [3, 5, 7].map(id => ({ id }))
    for (const stream of old) table.add(stream)
    for (let id = 9; id < 100_009; id += 2) {
      table.add({ id })
      table.delete(id)
    }
    expect([old.every(stream => table.get(stream.id) === stream), table.size]).toEqual([true, 3])
  })
})
