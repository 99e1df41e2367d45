/** A screen is lines, a line is spans: plain values that layout functions make and one component draws. Widths are terminal columns. */
import { padEnd, widthOf } from '../base/width.ts'

export type Tone = 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'blue' | 'gray'

export interface Span {
  readonly text: string
  readonly tone?: Tone
  readonly bold?: boolean
  readonly inverse?: boolean
}

export type Line = readonly Span[]

export const plain = (text: string): Line => [{ text }]
export const toned = (tone: Tone, text: string): Span => ({ text, tone })
export const bold = (text: string): Span => ({ text, bold: true })
export const textOf = (line: Line): string => line.map(({ text }) => text).join('')
export const lineWidth = (line: Line): number => line.reduce((sum, { text }) => sum + widthOf(text), 0)

/** At most `width` columns; what is cut ends with `…`. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  let taken = ''
  let columns = 0
  for (const char of text) {
    const next = widthOf(char)
    if (columns + next > width - 1) break
    taken += char
    columns += next
  }
  return `${taken}…`
}

/** Exactly `width` columns: cut at the end, or filled with blanks. */
export function fit(line: Line, width: number): Line {
  const have = lineWidth(line)
  if (have === width) return line
  if (have < width) return [...line, { text: ' '.repeat(width - have) }]
  const fitted: Span[] = []
  let left = width
  for (const span of line) {
    const columns = widthOf(span.text)
    if (columns > left) {
      fitted.push({ ...span, text: padEnd(cutEnd(span.text, left), left) })
      return fitted
    }
    fitted.push(span)
    left -= columns
    if (left === 0) return fitted
  }
  return fitted
}

/** One at the left and one at the right end; the left one gives way. */
export function spread(left: Line, right: Line, width: number): Line {
  const room = Math.max(0, width - lineWidth(right))
  return fit([...fit(left, room), ...right], width)
}

export const rule = (width: number): Line => [toned('gray', '─'.repeat(width))]
export const inverted = (line: Line): Line => line.map(span => ({ ...span, inverse: true }))

/** Words of `parts` that fit into `width`, in order, two blanks between them; what does not fit is left out. */
export function packed(parts: readonly Line[], width: number, gap = 3): Line {
  const line: Span[] = []
  let left = width
  for (const part of parts) {
    const need = lineWidth(part) + (line.length === 0 ? 0 : gap)
    if (lineWidth(part) === 0 || need > left) continue
    if (line.length > 0) line.push({ text: ' '.repeat(gap) })
    line.push(...part)
    left -= need
  }
  return line
}
