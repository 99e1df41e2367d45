/** What a key's value may be: read from the file, and said as JSON Schema. Values stay text, as a person would have typed them after the flag. */
import { DURATION, parseDuration } from '../base/duration.ts'

export type Value =
  | { readonly kind: 'whole'; readonly min: number; readonly max: number }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** One or several, all of which must match. */
  | { readonly kind: 'patterns'; readonly what: string; readonly form: RegExp }
  | { readonly kind: 'percent' | 'duration' | 'switch' | 'name' | 'path' | 'port' }

type Schema = Readonly<Record<string, unknown>>
/** A value as a flag takes it, or what it would have to be. */
export type Reading = { readonly text: string } | { readonly must: string }

const PERCENT = /^(?:[1-9]|[1-9]\d|100|[1-9]\d?\.\d+)%?$/
const NAME = /^[^\u0000-\u001f\u007f]{1,253}$/
const PATH = /^\/[\u0021-\u007e]*$/
const REMOTE = '(?::(?:\\d{1,5}|[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?))?'
const LOOPBACK = '(?:localhost|127(?:\\.\\d{1,3}){3}|\\[::1\\])'
const PORT = new RegExp(`^(?:${LOOPBACK}:)?([1-9]\\d{0,4})${REMOTE}$`)
const DAY_MS = 24 * 3_600_000
const LONGEST = 1_000

/** Several may stand where one may. */
export const isList = ({ kind }: Value): boolean => kind === 'port' || kind === 'patterns'

export function readValue(value: Value, given: unknown): Reading {
  const must = { must: mustBe(value) }
  const text = typeof given === 'string' || typeof given === 'number' ? String(given) : undefined
  if (value.kind === 'switch') return typeof given === 'boolean' ? { text: String(given) } : must
  if (value.kind === 'choice') {
    const word = typeof given === 'boolean' ? (given ? 'on' : 'off') : text
    return word !== undefined && value.choices.includes(word) ? { text: word } : must
  }
  if (text === undefined) return must
  if (value.kind === 'whole') return Number.isInteger(given) && Number(given) >= value.min && Number(given) <= value.max ? { text } : must
  if (value.kind === 'percent') return PERCENT.test(text) ? { text } : must
  if (value.kind === 'port') return isPort(text) ? { text } : must
  if (value.kind === 'patterns') return typeof given === 'string' && text.length <= LONGEST && value.form.test(text) ? { text } : must
  if (value.kind === 'duration')
    return (typeof given === 'string' || given === 0) && (parseDuration(text) ?? Infinity) <= DAY_MS ? { text } : must
  return typeof given === 'string' && (value.kind === 'name' ? NAME : PATH).test(text) ? { text } : must
}

/** On this machine only: a file that came with a repository must not lead visitors to another one. */
function isPort(text: string): boolean {
  const port = Number(PORT.exec(text)?.[1] ?? 0)
  return port >= 1 && port <= 65_535
}

export function mustBe(value: Value): string {
  switch (value.kind) {
    case 'whole':
      return `a whole number from ${value.min} to ${value.max}`
    case 'choice':
      return `${value.choices.slice(0, -1).join(', ')} or ${value.choices.at(-1) ?? ''}`
    case 'percent':
      return 'a percentage from 1 to 100, such as 25%'
    case 'duration':
      return 'a duration of at most 24h, such as 500ms, 10s or 1m30s'
    case 'switch':
      return 'true or false'
    case 'name':
      return 'a name (numbers in quotes)'
    case 'path':
      return 'a path such as /healthz'
    case 'patterns':
      return value.what
    case 'port':
      return 'a port of this machine: LOCAL or LOCAL:REMOTE, such as 8080, localhost:8080 or "8080:http"'
  }
}

export function schemaOf(value: Value): Schema {
  switch (value.kind) {
    case 'whole':
      return { type: 'integer', minimum: value.min, maximum: value.max }
    case 'choice':
      return { enum: [...value.choices, ...(value.choices.includes('on') ? [true, false] : [])] }
    case 'percent':
      return {
        anyOf: [
          { type: 'number', minimum: 1, maximum: 100 },
          { type: 'string', pattern: PERCENT.source }
        ]
      }
    case 'duration':
      return { anyOf: [{ const: 0 }, { type: 'string', pattern: `^0$|${DURATION.source}` }] }
    case 'switch':
      return { type: 'boolean' }
    case 'name':
      return { type: 'string', pattern: NAME.source }
    case 'path':
      return { type: 'string', pattern: PATH.source }
    case 'patterns':
      return { type: 'string', pattern: value.form.source, maxLength: LONGEST }
    case 'port':
      return {
        anyOf: [
          { type: 'integer', minimum: 1, maximum: 65_535 },
          { type: 'string', pattern: PORT.source }
        ]
      }
  }
}
