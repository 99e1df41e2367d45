import { describe, expect, it } from 'vitest'
import { renderTable } from '../../../src/output/table.ts'
import { cutMiddle, padEnd, padStart, widthOf } from '../../../src/base/width.ts'

describe('widthOf', () => {
  it.each([
    ['abc', 3],
    ['', 0],
    ['日本', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['한글', 4],
    ['e\u0301', 1],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['❤️', 2],
    ['…', 1]
  ])('gives %s its columns', (text, width) => {
    expect(widthOf(text)).toBe(width)
  })

  it('pads by columns, not by characters', () => {
    expect([padEnd('日本', 6), padStart('日', 4), padEnd('long', 2)]).toEqual(['日本  ', '  日', 'long'])
  })

  it.each([
    ['/api/cart/42', 12, '/api/cart/42'],
    ['/api/cart/42', 9, '/api…t/42'],
    ['日本日本日本', 7, '日…日本'],
    ['abc', 1, '…'],
    ['abc', 0, '']
  ])('cuts %s to %i columns in the middle', (text, width, cut) => {
    expect(cutMiddle(text, width)).toBe(cut)
    expect(widthOf(cut)).toBeLessThanOrEqual(width)
  })
})

describe('renderTable', () => {
  it('aligns columns as kubectl does, wide characters included', () => {
    const rows = [
      ['nginx', '日本.local', ''],
      ['a-longer-name', 'x', '80']
    ]
    expect(renderTable(['NAME', 'HOSTS', 'APP'], rows)).toBe(
      ['NAME            HOSTS        APP', 'nginx           日本.local   <none>', 'a-longer-name   x            80', ''].join('\n')
    )
  })

  it('can do without a heading, and shows control characters', () => {
    expect(renderTable(undefined, [['a\u001b[31m', 'b']])).toBe('a\\x1b[31m   b\n')
    expect(renderTable(undefined, [])).toBe('')
  })
})
