/** How many columns a text takes in a terminal, and cutting and padding by that. Foreign text has been made printable before. */

const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd]
]
const ASCII = /^[\u0020-\u007e]*$/
const NARROWEST = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment)
  return width
}

function graphemeWidth(grapheme: string): number {
  if (NARROWEST.test(grapheme)) return 0
  const code = grapheme.codePointAt(0) ?? 0
  // U+FE0F asks for the emoji form, which is wide.
  if (grapheme.includes('\ufe0f')) return 2
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)))
export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - widthOf(text))) + text

/** At most `width` columns, the middle left out: the end of a path tells as much as its beginning. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 2) return '…'.slice(0, Math.max(0, width))
  const graphemes = [...segmenter.segment(text)].map(({ segment }) => segment)
  const headWidth = Math.ceil((width - 1) / 2)
  const head = takeWidth(graphemes, headWidth)
  const tail = takeWidth(graphemes.toReversed(), width - 1 - widthOf(head.join('')))
  return `${head.join('')}…${tail.toReversed().join('')}`
}

function takeWidth(graphemes: readonly string[], width: number): string[] {
  const taken: string[] = []
  let left = width
  for (const grapheme of graphemes) {
    left -= graphemeWidth(grapheme)
    if (left < 0) break
    taken.push(grapheme)
  }
  return taken
}
