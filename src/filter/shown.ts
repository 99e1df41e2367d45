/** A filter as others may read it: what it asks of headers that hold secrets is left out. */
import { SECRET_HEADERS } from '../http/secret-header.ts'
import { type Expression, printExpression } from './expression.ts'
import { parseExpression } from './parse.ts'

const HIDDEN = '\u2022\u2022\u2022\u2022\u2022\u2022'

export const shownFilter = (expression: Expression): string => printExpression(hidden(expression))

/** Of a text that somebody else wrote; one that cannot be read shows nothing. */
export function shownFilterText(text: string): string {
  try {
    return shownFilter(parseExpression(text))
  } catch {
    return HIDDEN
  }
}

/** True when a header that holds a secret is asked for a value. */
export function asksForSecret(expression: Expression): boolean {
  if (expression.kind === 'not') return asksForSecret(expression.part)
  if (expression.kind !== 'term') return expression.parts.some(asksForSecret)
  const { field } = expression
  return (field.kind === 'header' || field.kind === 'response') && SECRET_HEADERS.has(field.name)
}

function hidden(expression: Expression): Expression {
  if (expression.kind === 'not') return { ...expression, part: hidden(expression.part) }
  if (expression.kind !== 'term') return { ...expression, parts: expression.parts.map(hidden) }
  return asksForSecret(expression) ? { ...expression, pattern: { kind: 'text', parts: [HIDDEN] } } : expression
}
