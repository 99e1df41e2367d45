/** `--header 'X-User: a' --path '/api/*'` as a filter: each flag is one term, all must match. */
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { Expression, Field, Term } from './expression.ts'
import { type Filter, filterOf } from './filter.ts'
import { valueOf } from './lex.ts'
import { headerName, patternFrom } from './term.ts'
import { quoted, unreadable } from './unreadable.ts'

export interface FilterFlags {
  headers?: readonly string[]
  paths?: readonly string[]
  methods?: readonly string[]
  hosts?: readonly string[]
}

const EXAMPLES = { header: "'X-User: ada'", path: "'/api/*'", method: 'POST', host: 'nginx.local' } as const
type Flag = keyof typeof EXAMPLES

/** Undefined without any flag. Values are patterns as in a filter, without quotes: stars, and a `~` in front, are all that is special. Throws BAD_USAGE. */
export function filterFromFlags({ headers = [], paths = [], methods = [], hosts = [] }: FilterFlags): Filter | undefined {
  const parts = [
    ...headers.map(headerTerm),
    ...paths.map(text => term('path', text)),
    ...methods.map(text => term('method', text)),
    ...hosts.map(text => term('host', text))
  ]
  const [first] = parts
  if (first === undefined) return undefined
  const expression: Expression = parts.length === 1 ? first : { kind: 'and', parts }
  return filterOf(expression)
}

function headerTerm(text: string): Term {
  const colon = text.indexOf(':')
  return inFlag('header', text, () => {
    if (colon < 1) throw unreadable('a header is a name, a colon and a value', 0)
    const name = text.slice(0, colon).trim()
    if (text.slice(colon + 1).trim() === '')
      throw unreadable(
        'a value is missing',
        0,
        `for any value: --header '${printable(name, 60)}: *'; for an empty one: --header '${printable(name, 60)}: ~^$'`
      )
    const field = { kind: 'header', name: headerName(name, 0) } as const
    return termOf(field, text.slice(colon + 1).trim())
  })
}

const term = (flag: 'path' | 'method' | 'host', text: string): Term =>
  inFlag(flag, text, () => {
    if (text.trim() === '') throw unreadable('a value is missing', 0)
    // `*` alone is asked for by OPTIONS; the rest of a regular expression is its own affair.
    if (flag === 'path' && !/^[/*~\\]/.test(text.trim()))
      throw unreadable('every path begins with /, so this matches nothing', 0, `for example: --path ${shellQuoted(`/${text.trim()}`)}`)
    return termOf({ kind: flag }, text.trim())
  })

/** Made into a filter here already, so that a bad regular expression names its flag. */
function termOf(field: Field, text: string): Term {
  const result: Term = { kind: 'term', at: 0, field, pattern: patternFrom(field, valueOf(text), 0) }
  filterOf(result)
  return result
}

const shellQuoted = (text: string): string => `'${printable(text, 60).replaceAll("'", `'\\''`)}'`

function inFlag(flag: Flag, text: string, make: () => Term): Term {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof InterceptError)) throw error
    const { reason } = error.details
    throw new InterceptError('BAD_USAGE', `--${flag} ${quoted(text)} cannot be read: ${String(reason)}`, {
      hint: error.hint?.includes('--') === true ? error.hint : `for example: --${flag} ${EXAMPLES[flag]}`,
      cause: error
    })
  }
}
