import { describe, expect, it } from 'vitest'
import { Bag } from '../../../src/base/bag.ts'

const item = (name: string): { name: string; place: number } => ({ name, place: -1 })

describe('bag', () => {
  it('has what was added and not taken out again, in whatever order that happens', () => {
    const bag = new Bag<ReturnType<typeof item>>()
    const items = Array.from({ length: 10 }, (_, at) => item(String(at)))
    for (const each of items) bag.add(each)
    for (const at of [0, 9, 4, 5]) bag.delete(items[at] ?? item(''))
    const names = bag.values().map(({ name }) => name)
    expect([names.toSorted(), bag.size]).toEqual([['1', '2', '3', '6', '7', '8'], 6])
    for (const each of bag.values()) bag.delete(each)
    expect([bag.size, items.every(({ place }) => place === -1)]).toEqual([0, true])
  })

  it('does not mind what is not there, or not any more', () => {
    const bag = new Bag<ReturnType<typeof item>>()
    const [one, two] = [item('one'), item('two')]
    bag.add(one)
    bag.delete(two)
    bag.delete(one)
    bag.add(two)
    bag.delete(one)
    expect(bag.values()).toEqual([two])
  })
})
