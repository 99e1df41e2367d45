/** JSON of a body as a value, and where two of them differ, as paths: `$.items[2].price: 3 → 4`. The order of keys does not count. Bounded in number and depth. */

const MAX_DIFFERENCES = 50
const MAX_DEPTH = 200
/** Deeper ones would exhaust the stack that writes them down again. */
const MAX_NESTING = 500

/** As `JSON.parse`, with whole numbers beyond 2^53 kept exact (as bigint). Undefined for what is no JSON, or nests absurdly deep. */
export function parseJson(text: string): { value: unknown } | undefined {
  if (nestsTooDeep(text)) return undefined
  try {
    return { value: LONG_NUMBER.test(text) ? parseExact(text, exact) : (JSON.parse(text) as unknown) }
  } catch {
    return undefined
  }
}

/** The value of a body that says it is JSON, or begins like it; undefined when it is none after all. */
export const jsonOf = (text: string, contentType: string): { value: unknown } | undefined =>
  /\bjson\b/i.test(contentType) || /^\s*[[{]/.test(text) ? parseJson(text) : undefined

const LONG_NUMBER = /\d{16}/
const parseExact = JSON.parse as (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown) => unknown

const exact = (_key: string, value: unknown, { source = '' }: { source?: string }): unknown =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value

/** In one pass: a pattern could be made to start over at every quote. */
function nestsTooDeep(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (inString && char === '\\') at += 1
    else if (char === '"') inString = !inString
    else if (!inString && (char === '[' || char === '{')) depth += 1
    else if (!inString && (char === ']' || char === '}')) depth -= 1
    if (depth > MAX_NESTING) return true
  }
  return false
}

export function jsonDifferences(before: unknown, after: unknown): string[] {
  const found: string[] = []
  compare(before, after, { path: '$', depth: 0 }, found)
  return found
}

function compare(before: unknown, after: unknown, { path, depth }: { path: string; depth: number }, found: string[]): void {
  if (found.length >= MAX_DIFFERENCES || before === after) return
  if (depth < MAX_DEPTH && isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    for (const key of keys) {
      const inner = { path: Array.isArray(before) ? `${path}[${key}]` : `${path}${property(key)}`, depth: depth + 1 }
      if (!Object.hasOwn(before, key)) note(found, `${inner.path}: new, ${short(after[key])}`)
      else if (!Object.hasOwn(after, key)) note(found, `${inner.path}: gone, was ${short(before[key])}`)
      else compare(before[key], after[key], inner, found)
    }
    return
  }
  if (depth >= MAX_DEPTH && JSON.stringify(before, writable) === JSON.stringify(after, writable)) return
  note(found, `${path}: ${short(before)} → ${short(after)}`)
}

function note(found: string[], text: string): void {
  if (found.length < MAX_DIFFERENCES) found.push(text)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const property = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`)

function short(value: unknown): string {
  const text = JSON.stringify(value, writable) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

// Not yet in TypeScript's library.
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (text: string) => unknown }
const writable = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? rawJson(String(value)) : value)

/** The same value in one form: keys sorted, one line each. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(
    value,
    (key, inner: unknown) =>
      isObject(inner) && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(byName)) : writable(key, inner),
    2
  )
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0)
