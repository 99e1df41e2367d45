import { describe, expect, it } from 'vitest'
import { isZero, milliValue, parseQuantity, value } from '../../../src/resolve/quantity.ts'

const of = (text: string): [number, number] => {
  const quantity = parseQuantity(text)
  if (quantity === undefined) throw new Error(`${text} was not read`)
  return [value(quantity), milliValue(quantity)]
}

describe('a quantity', () => {
  it.each([
    ['0', 0, 0],
    ['1', 1, 1_000],
    ['250m', 1, 250],
    ['1.5', 2, 1_500],
    ['.5', 1, 500],
    ['5.', 5, 5_000],
    ['100u', 1, 1],
    ['1n', 1, 1],
    ['1k', 1_000, 1_000_000],
    ['1Ki', 1_024, 1_024_000],
    ['1.5Gi', 1_610_612_736, 1_610_612_736_000],
    ['0.1Mi', 104_858, 104_857_600],
    ['12e6', 12_000_000, 12_000_000_000],
    ['1E', 1e18, 1e21],
    ['2E3', 2_000, 2_000_000],
    ['1e-3', 1, 1],
    ['-1', -1, -1_000]
  ])('%s is %d, or %d thousandths, rounded up', (text, whole, milli) => {
    expect(of(text)).toEqual([whole, milli])
  })

  it.each(['', 'x', '1x', '1 Gi', '1gi', 'Mi', '.', '1..2', '0x10'])('is not "%s"', text => {
    expect(parseQuantity(text)).toBeUndefined()
  })

  it('is zero however it is written', () => {
    expect(['0', '0m', '0.0', '0Gi'].map(text => isZero(parseQuantity(text) ?? { over: 1n, under: 1n }))).toEqual([true, true, true, true])
  })
})
