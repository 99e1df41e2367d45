/** A JSON value as lines with folding: what is deep or long opens when asked. Every text in it is made printable. */
import { printable } from '../base/format.ts'
import { type Line, type Span, toned } from './line.ts'

export interface JsonLine {
  readonly line: Line
  /** The path of the object or array that begins here. */
  readonly path?: string
}

/** A body that makes more lines than this is shown in part; nobody reads further. */
const MAX_LINES = 5_000
const MAX_TEXT = 2_000

export function jsonLines(value: unknown, folded: ReadonlySet<string>): JsonLine[] {
  const lines: JsonLine[] = []
  append(lines, { value, path: '$', indent: 0, before: [], after: '' }, folded)
  if (lines.length >= MAX_LINES) lines.push({ line: [toned('gray', '… more than can be shown')] })
  return lines
}

interface Node {
  value: unknown
  path: string
  indent: number
  /** Key and colon. */
  before: Line
  /** A comma. */
  after: string
}

function append(lines: JsonLine[], node: Node, folded: ReadonlySet<string>): void {
  if (lines.length >= MAX_LINES) return
  const { value, path, indent, before, after } = node
  const pad: Span = { text: '  '.repeat(indent) }
  if (typeof value !== 'object' || value === null) {
    lines.push({ line: [pad, ...before, scalar(value), { text: after }] })
    return
  }
  const isArray = Array.isArray(value)
  const entries = isArray ? value.map((each, index) => [String(index), each] as const) : Object.entries(value)
  const [left, right] = isArray ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) {
    lines.push({ line: [pad, ...before, { text: `${left}${right}${after}` }] })
    return
  }
  if (folded.has(path)) {
    const count = `${entries.length} ${isArray ? 'item' : 'key'}${entries.length === 1 ? '' : 's'}`
    lines.push({ path, line: [pad, ...before, { text: `${left} ` }, toned('gray', `… ${count}`), { text: ` ${right}${after}` }] })
    return
  }
  lines.push({ path, line: [pad, ...before, { text: left }] })
  entries.forEach(([key, each], index) => {
    const name: Line = isArray ? [] : [toned('cyan', JSON.stringify(printable(key, 200))), { text: ': ' }]
    const comma = index < entries.length - 1 ? ',' : ''
    append(lines, { value: each, path: `${path}/${key}`, indent: indent + 1, before: name, after: comma }, folded)
  })
  lines.push({ line: [pad, { text: `${right}${after}` }] })
}

function scalar(value: unknown): Span {
  if (typeof value === 'string') return toned('green', `"${printable(JSON.stringify(value).slice(1, -1), MAX_TEXT)}"`)
  if (typeof value === 'number' || typeof value === 'bigint') return toned('yellow', String(value))
  return toned('magenta', String(value))
}
