import { describe, expect, it } from 'vitest'
import { parseFilter } from '../../../src/filter/filter.ts'
import { compareSpecificity, sameFilterKey } from '../../../src/filter/specificity.ts'

const compared = (a: string, b: string): number => Math.sign(compareSpecificity(parseFilter(a).expression, parseFilter(b).expression))
const key = (text: string): string => sameFilterKey(parseFilter(text).expression)

describe('how much a filter says', () => {
  it.each([
    ['more terms', 'header.x-user:a path:/api/*', 'header.x-user:a'],
    ['more terms, even weak ones', 'path:~^/a method:~^P', 'path:/api/list'],
    ['exact before a glob', 'path:/api/list', 'path:/api/*'],
    ['a glob before a regular expression', 'path:/api/*', 'path:~^/api/'],
    ['more exact ones among as many', 'method:POST path:/a', 'method:P* path:/a'],
    ['more than a part of it that is ruled out', 'header.x-user:a', 'not header.x-user:b'],
    ['a term more, though it rules out', 'header.x-user:a not path:/static/*', 'header.x-user:a'],
    ['the weakest alternative counts', 'path:/api/*', '(path:/x method:GET) or path:~^/y'],
    ['one that cannot miss', 'header.x-user:*', 'header.x-user:~.'],
    ['a field before a word anywhere', 'path:/cart', 'cart']
  ])('%s', (_, more, less) => {
    expect(compared(more, less)).toBe(1)
    expect(compared(less, more)).toBe(-1)
  })

  it('is the same for equal shapes', () => {
    expect(compared('header.x-user:a', 'path:/b')).toBe(0)
  })
})

describe('filters that say the same', () => {
  it.each([
    ['header.X-User:a', 'header.x-user:"a"'],
    ['path:/a and method:GET', 'method:GET path:/a'],
    ['path:/a or (method:GET path:/b)', '(path:/b method:GET) or path:/a'],
    ['path:/a path:/a', 'path:/a']
  ])('%s and %s', (a, b) => {
    expect(key(a)).toBe(key(b))
  })

  it('are written in a way that reads back as the same', () => {
    for (const text of ['path:/b (not method:GET or path:/a)', 'not (path:/b or "a b")']) expect(key(key(text))).toBe(key(text))
  })

  it.each([
    ['path:/a', 'path:/A'],
    ['path:/a path:/b', 'path:/a or path:/b'],
    ['path:/a', 'not path:/a'],
    ['path:/a*', 'path:"/a*"'],
    ['(path:/a or path:/b) path:/c', 'path:/a or path:/b path:/c']
  ])('are not %s and %s', (a, b) => {
    expect(key(a)).not.toBe(key(b))
  })
})
