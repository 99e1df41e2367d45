/** Patterns as tests of a text. Every test takes time in proportion to the text. */
import type { Pattern } from './expression.ts'
import type { Test } from './regex.ts'

/** `parts` in this order, the first at the start, the last at the end. */
export function textTest(parts: readonly string[]): Test {
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return text => text === first
  return text => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    const end = text.length - last.length
    let at = first.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found === -1 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}

/** Without case; the text may stand anywhere. */
export function containsTest(parts: readonly string[]): Test {
  const inside = textTest(['', ...parts.map(part => part.toLowerCase()), ''])
  return text => inside(text.toLowerCase())
}

export const ignoringCase = (parts: readonly string[]): Test => {
  const test = textTest(parts.map(part => part.toLowerCase()))
  return text => test(text.toLowerCase())
}

export function statusTest(pattern: Extract<Pattern, { kind: 'digits' | 'compare' }>): (status: number) => boolean {
  if (pattern.kind === 'digits') {
    const digits = new RegExp(`^${pattern.text.replaceAll('x', '\\d')}$`)
    return status => digits.test(String(status))
  }
  const { operator, number } = pattern
  switch (operator) {
    case '<':
      return status => status < number
    case '<=':
      return status => status <= number
    case '>':
      return status => status > number
    case '>=':
      return status => status >= number
  }
}

/**
 * Heads are kept byte for byte, as Latin-1; a person types what the bytes mean as UTF-8. Both readings count, where they differ.
 */
export const eitherReading = (test: Test): Test => {
  return text => test(text) || (/[\u0080-\u00ff]/.test(text) && test(Buffer.from(text, 'latin1').toString('utf8')))
}

/** `nginx.local:8080` is also `nginx.local`; an IPv6 address without brackets has no port. */
export const withAndWithoutPort = (test: Test): Test => {
  return text => test(text) || (/^(?:[^:]*|\[[^\]]*\]):\d*$/.test(text) && test(text.replace(/:\d*$/, '').replace(/^\[|\]$/g, '')))
}

/** `/cart?id=1` is also `/cart`. */
export const withAndWithoutQuery = (test: Test): Test => {
  return text => {
    if (test(text)) return true
    const query = text.indexOf('?')
    return query !== -1 && test(text.slice(0, query))
  }
}
