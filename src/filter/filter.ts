/**
 * The one match grammar, of flags, screen, recordings and shares: `path:/api/* and not status:2xx`. docs/filter.md explains it. Pure; what a
 * filter looks at is a `Subject`, which a request head fills in part and an answered exchange wholly.
 */
import { compileExpression, needsAnswer } from './compile.ts'
import { type Expression, printExpression } from './expression.ts'
import { parseExpression } from './parse.ts'

export interface Subject {
  method?: string
  /** With its query. */
  path?: string
  host?: string
  status?: number
  who?: string
  protocol?: string
  source?: string
  /** All values of that name; the filter asks in lower case. */
  header(name: string): readonly string[]
  responseHeader(name: string): readonly string[]
}

export interface Filter {
  readonly expression: Expression
  /** Reads back as the same filter. */
  readonly text: string
  /** What is not known (yet) does not match. */
  matches(subject: Subject): boolean
  /** It cannot be decided by the request head alone. */
  readonly needsAnswer: boolean
}

/** Throws BAD_USAGE: what cannot be read, and at which character (`details.at`, from 0). An empty text is no filter. */
export function parseFilter(text: string): Filter {
  return filterOf(parseExpression(text), text.trim())
}

/** Throws BAD_USAGE for a regular expression that is none. */
export function filterOf(expression: Expression, text: string = printExpression(expression)): Filter {
  return { expression, text, matches: compileExpression(expression), needsAnswer: needsAnswer(expression) }
}
