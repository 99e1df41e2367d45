/**
 * Which of two filters says more, and whether two say the same. More terms that must all match come first, then more exact values, then more
 * globs; a regular expression and what is ruled out by `not` say least. Of an `or` the alternative counts that says least. Pure.
 */
import { type Expression, printExpression, type Term } from './expression.ts'

/** Terms, exact ones, globs. */
type Specificity = readonly [terms: number, exact: number, globs: number]

/** Above 0: `a` says more than `b`; 0: as much. */
export function compareSpecificity(a: Expression, b: Expression): number {
  return compare(specificityOf(a), specificityOf(b))
}

function specificityOf(expression: Expression): Specificity {
  switch (expression.kind) {
    case 'term':
      return ofTerm(expression)
    case 'not':
      return [1, 0, 0]
    case 'and':
      return expression.parts.map(specificityOf).reduce<Specificity>((sum, [a, b, c]) => [sum[0] + a, sum[1] + b, sum[2] + c], [0, 0, 0])
    case 'or':
      return expression.parts.map(specificityOf).reduce((least, each) => (compare(each, least) < 0 ? each : least))
  }
}

function ofTerm({ field, pattern }: Term): Specificity {
  if (pattern.kind !== 'text') return [1, 0, 0]
  return pattern.parts.length === 1 && field.kind !== 'any' ? [1, 1, 0] : [1, 0, 1]
}

const compare = (a: Specificity, b: Specificity): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]

/** The same text for filters that differ in the order of their terms only. Reads back as the same filter. */
export const sameFilterKey = (expression: Expression): string => printExpression(inOrder(expression))

function inOrder(expression: Expression): Expression {
  if (expression.kind === 'term') return expression
  if (expression.kind === 'not') return { ...expression, part: inOrder(expression.part) }
  const parts = new Map(expression.parts.map(inOrder).map(part => [printExpression(part), part]))
  const sorted = [...parts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part)
  const [only] = sorted
  return sorted.length === 1 && only !== undefined ? only : { kind: expression.kind, parts: sorted }
}
