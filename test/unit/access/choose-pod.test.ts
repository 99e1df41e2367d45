import { describe, expect, it } from 'vitest'
import { podChooser } from '../../../src/access/choose-pod.ts'

const pods = ['a', 'b', 'c'].map(pod => ({ namespace: 'shop', pod, port: 80 }))

describe('the pods of a Service', () => {
  it('take turns, and all of them are named', () => {
    const chooser = podChooser()
    const orders = Array.from({ length: 6 }, () => chooser.order(pods).map(({ pod }) => pod))
    expect(orders.map(([first]) => first)).toEqual(['b', 'c', 'a', 'b', 'c', 'a'])
    for (const order of orders) expect(order.toSorted()).toEqual(['a', 'b', 'c'])
  })

  it('with fewer open connections come first', () => {
    const chooser = podChooser()
    const done = pods.slice(0, 2).map(pod => chooser.opened(pod))
    for (let time = 0; time < 3; time += 1) expect(chooser.order(pods)[0]?.pod).toBe('c')
    for (const one of done) one()
    done[0]?.()
    expect(new Set(Array.from({ length: 3 }, () => chooser.order(pods)[0]?.pod)).size).toBe(3)
  })
})
