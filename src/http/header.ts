/** Looking things up in a head. Names compare without case (RFC 9110 §5.1). */

interface HasHeaders {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/** The value, several fields of the name joined with a comma (RFC 9110 §5.3); undefined when there is none. */
export function header(head: HasHeaders, name: string): string | undefined {
  const wanted = name.toLowerCase()
  let found: string | undefined
  for (const [key, value] of head.headers) {
    if (key.length === wanted.length && key.toLowerCase() === wanted) found = found === undefined ? value : `${found}, ${value}`
  }
  return found
}

/** True when the comma-separated header holds the token, e.g. `Connection: keep-alive, Upgrade`. */
export function hasToken(head: HasHeaders, name: string, token: string): boolean {
  const value = header(head, name)
  if (value === undefined) return false
  const wanted = token.toLowerCase()
  return value.split(',').some(part => trimBlanks(part).toLowerCase() === wanted)
}

/** Blank and tab alone (RFC 9110 §5.6.3): `trim` takes other bytes away too, 0xa0 for one, which a recipient may see as part of the value. */
export const trimBlanks = (text: string): string => text.replace(/^[\t ]+|[\t ]+$/g, '')

/** Whether a name is one of these (in lower case). Looks at the length first: it is asked of every field that passes. */
export function oneOf(names: Iterable<string>): (name: string) => boolean {
  const known = new Set(names)
  const lengths = new Set([...known].map(({ length }) => length))
  return name => lengths.has(name.length) && known.has(name.toLowerCase())
}
