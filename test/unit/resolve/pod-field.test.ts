import { describe, expect, it } from 'vitest'
import { goQuote } from '../../../src/resolve/go-quote.ts'
import { fieldValue } from '../../../src/resolve/pod-field.ts'

describe("a text as Go's %q writes it", () => {
  // Written by Go: fmt.Printf("%q", …).
  it.each([
    ['plain é 🎉', '"plain é 🎉"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\n\t\r\b\f\v\u0007', '"\\n\\t\\r\\b\\f\\v\\a"'],
    ['\u0000\u001b\u007f', '"\\x00\\x1b\\x7f"'],
    ['\u00a0\u200b\u2028\ufeff', '"\\u00a0\\u200b\\u2028\\ufeff"'],
    ['\u{e0001}', '"\\U000e0001"']
  ])('%j is %s', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted)
  })
})

describe('labels of a pod', () => {
  it('are sorted lines', () => {
    expect(fieldValue({ metadata: { labels: { b: '2\n', a: '1' } } }, 'metadata.labels')).toEqual({ text: 'a="1"\nb="2\\n"' })
    expect(fieldValue({ metadata: {} }, 'metadata.labels')).toEqual({ text: '' })
  })
})
