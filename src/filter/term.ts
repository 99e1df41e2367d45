/** What each field takes as a value: `status:5xx` is fine, `status:many` is said to be wrong, and so is `stauts:500`. */
import { nearest } from '../base/format.ts'
import type { Who } from '../event/types.ts'
import type { Comparison, Field, Pattern, Term } from './expression.ts'
import { SIMPLE_FIELDS } from './expression.ts'
import type { Value, Word } from './lex.ts'
import { quoted, unreadable } from './unreadable.ts'

const WHO: readonly Who[] = ['laptop', 'returned', 'other', 'cluster', 'replay', 'mirror']
const FIELDS = [...SIMPLE_FIELDS, 'header.NAME', 'response.NAME']
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const DIGITS = /^[1-9x][0-9x]{2}$/
const COMPARE = /^(<=|>=|<|>)(\d{3})$/

/** Throws BAD_USAGE. */
export function termFrom({ at, key, valueAt, value }: Word): Term {
  if (key === undefined) refuseSigns(value, at)
  const field = key === undefined ? { kind: 'any' as const } : fieldFrom(key, at)
  return { kind: 'term', at: valueAt, field, pattern: patternFrom(field, value, valueAt) }
}

/** Where other programs have signs, this one has words; taken for text they would find nothing. */
function refuseSigns(value: Value, at: number): void {
  const sign = value.kind === 'text' && !value.quoted ? /^(?:&&?$|\|\|?$|!)/.exec(value.parts.join('*'))?.[0] : undefined
  if (sign !== undefined)
    throw unreadable(`${quoted(sign)} is no word of a filter`, at, 'write and, or, not; to look for the text itself, quote it: "!"')
}

function fieldFrom(key: string, at: number): Field {
  const lower = key.toLowerCase()
  const simple = SIMPLE_FIELDS.find(name => name === lower)
  if (simple !== undefined) return { kind: simple }
  const [, kind, name = ''] = /^(header|response)\.(.*)$/.exec(lower) ?? []
  if (kind === 'header' || kind === 'response') return { kind, name: headerName(name, at + kind.length + 1) }
  if (lower === 'header' || lower === 'response')
    throw unreadable(`${lower}: needs the name of a header`, at, `for example: ${lower}.content-type:*json*`)
  const [near = lower.startsWith('request.') ? `header.${lower.slice(8)}` : undefined] = nearest(lower, FIELDS, 1)
  throw unreadable(
    `there is no field ${quoted(key)}`,
    at,
    `${near === undefined ? '' : `did you mean ${near}? `}Fields: ${FIELDS.join(', ')}; to look for the text itself, quote it: "${key}:"`
  )
}

/** Throws BAD_USAGE. */
export function headerName(name: string, at: number): string {
  const lower = name.toLowerCase()
  if (!TOKEN.test(lower)) throw unreadable(`${quoted(name)} is no name of a header`, at, 'for example: header.x-user:ada')
  return lower
}

/** Throws BAD_USAGE. */
export function patternFrom(field: Field, value: Value, at: number): Pattern {
  if (value.kind === 'regex') return value
  const { parts, quoted: isQuoted } = value
  if (!isQuoted && parts.length === 1 && parts[0] === '')
    throw unreadable('a value is missing', at, 'any value is *, an empty one is "": header.x-user:*')
  if (field.kind === 'status') return statusFrom(parts.join('*'), at)
  if (field.kind === 'who' && parts.length === 1) checkWho(parts[0] ?? '', at)
  return { kind: 'text', parts }
}

function statusFrom(text: string, at: number): Pattern {
  const digits = text.toLowerCase()
  if (DIGITS.test(digits)) return { kind: 'digits', text: digits }
  const [, operator, number] = COMPARE.exec(text) ?? []
  if (operator === undefined) {
    throw unreadable(
      `${quoted(text)} is no status`,
      at,
      'for example: status:404, status:5xx or status:>=400; several: (status:404 or status:5xx)'
    )
  }
  return { kind: 'compare', operator: operator as Comparison, number: Number(number) }
}

function checkWho(text: string, at: number): void {
  if ((WHO as readonly string[]).includes(text.toLowerCase())) return
  throw unreadable(`who: takes ${WHO.join(', ')}, not ${quoted(text)}`, at, 'for example: who:returned')
}
