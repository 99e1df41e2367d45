/** A filter as a tree, and as the text that reads back as the same tree. */

export const SIMPLE_FIELDS = ['method', 'path', 'host', 'status', 'who', 'protocol', 'source'] as const
/** `any`: a bare word, looked for in path, host and method. `name`: of the header, in lower case. */
export type Field =
  | { readonly kind: 'any' | (typeof SIMPLE_FIELDS)[number] }
  | { readonly kind: 'header' | 'response'; readonly name: string }

export type Comparison = '<' | '<=' | '>' | '>='

export type Pattern =
  /** The literal texts between the stars: one is an exact value, `/api/*` is two, the second one empty. */
  | { readonly kind: 'text'; readonly parts: readonly string[] }
  | { readonly kind: 'regex'; readonly source: string }
  /** Of a status: `404`, `5xx`. */
  | { readonly kind: 'digits'; readonly text: string }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly number: number }

export interface Term {
  readonly kind: 'term'
  /** Where its value stands in the text. */
  readonly at: number
  readonly field: Field
  readonly pattern: Pattern
}

export type Expression =
  | Term
  | { readonly kind: 'not'; readonly part: Expression }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }

/** What needs no quotes wherever it stands. */
const PLAIN = /^[^\s()"~*:!&|]+$/
const PLAIN_VALUE = /^[^\s()"~*][^\s()"*]*$/
const PLAIN_REGEX = /^[^\s()"][^\s()]*$/
const KEYWORD = /^(?:and|or|not)$/i

export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'term':
      return printTerm(expression)
    case 'not':
      return `not ${print(expression.part, ['and', 'or'])}`
    case 'and':
      return expression.parts.map(part => print(part, ['and', 'or'])).join(' and ')
    case 'or':
      return expression.parts.map(part => print(part, ['or'])).join(' or ')
  }
}

/** In brackets where it would bind otherwise. */
const print = (expression: Expression, loose: readonly Expression['kind'][]): string =>
  loose.includes(expression.kind) ? `(${printExpression(expression)})` : printExpression(expression)

function printTerm({ field, pattern }: Term): string {
  if (field.kind === 'any') return printPattern(pattern, text => PLAIN.test(text) && !KEYWORD.test(text))
  const name = field.kind === 'header' || field.kind === 'response' ? `${field.kind}.${field.name}` : field.kind
  return `${name}:${printPattern(pattern)}`
}

function printPattern(pattern: Pattern, isPlain = (text: string): boolean => PLAIN_VALUE.test(text)): string {
  switch (pattern.kind) {
    case 'text': {
      const [only = '', ...more] = pattern.parts
      if (more.length === 0) return isPlain(only) ? only : quote(only)
      return pattern.parts.map(part => (part === '' || isPlain(part) ? part : quote(part))).join('*')
    }
    case 'regex':
      return `~${PLAIN_REGEX.test(pattern.source) ? pattern.source : quoteRegex(pattern.source)}`
    case 'digits':
      return pattern.text
    case 'compare':
      return `${pattern.operator}${pattern.number}`
  }
}

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

/** Only the quotes are escaped: all other backslashes belong to the regular expression. */
const quoteRegex = (source: string): string => `"${source.replace(/\\[\s\S]|"/g, part => (part === '"' ? '\\"' : part))}"`
