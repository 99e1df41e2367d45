/** Where two JSON values differ, as paths: `$.items[2].price: 3 → 4`. The order of keys does not count. Bounded in number and depth. */

const MAX_DIFFERENCES = 50
const MAX_DEPTH = 200

export function jsonDifferences(before: unknown, after: unknown): string[] {
  const found: string[] = []
  compare(before, after, { path: '$', depth: 0 }, found)
  return found
}

function compare(before: unknown, after: unknown, { path, depth }: { path: string; depth: number }, found: string[]): void {
  if (found.length >= MAX_DIFFERENCES || Object.is(before, after)) return
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
  if (depth >= MAX_DEPTH && JSON.stringify(before) === JSON.stringify(after)) return
  note(found, `${path}: ${short(before)} → ${short(after)}`)
}

function note(found: string[], text: string): void {
  if (found.length < MAX_DIFFERENCES) found.push(text)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const property = (key: string): string => (/^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`)

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** The same value in one form: keys sorted, one line each. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, inner: unknown) => (isObject(inner) && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(byName)) : inner),
    2
  )
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0)
