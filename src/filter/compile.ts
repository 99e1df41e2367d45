/** A filter's tree as a function of a subject. */
import type { Expression, Field, Term } from './expression.ts'
import type { Subject } from './filter.ts'
import { containsTest, eitherReading, ignoringCase, statusTest, textTest, withAndWithoutPort, withAndWithoutQuery } from './match.ts'
import { Regexes, type Test } from './regex.ts'

export type Predicate = (subject: Subject) => boolean

/** Throws BAD_USAGE for a regular expression that is none, or too large. */
export function compileExpression(expression: Expression, regexes = new Regexes()): Predicate {
  switch (expression.kind) {
    case 'term':
      return compileTerm(expression, regexes)
    case 'not': {
      const part = compileExpression(expression.part, regexes)
      return subject => !part(subject)
    }
    case 'and': {
      const parts = expression.parts.map(part => compileExpression(part, regexes))
      return subject => parts.every(part => part(subject))
    }
    case 'or': {
      const parts = expression.parts.map(part => compileExpression(part, regexes))
      return subject => parts.some(part => part(subject))
    }
  }
}

/** Fields that only the answer, or who gave it, decides. A protocol is known for certain when both sides have spoken. */
const OF_THE_ANSWER: ReadonlySet<Field['kind']> = new Set(['status', 'response', 'who', 'protocol'])

export function needsAnswer(expression: Expression): boolean {
  if (expression.kind === 'term') return OF_THE_ANSWER.has(expression.field.kind)
  return expression.kind === 'not' ? needsAnswer(expression.part) : expression.parts.some(needsAnswer)
}

function compileTerm({ at, field, pattern }: Term, regexes: Regexes): Predicate {
  switch (pattern.kind) {
    case 'digits':
    case 'compare': {
      const test = statusTest(pattern)
      return ({ status }) => status !== undefined && test(status)
    }
    case 'regex':
      return fieldPredicate(field, regexes.make(pattern.source, at))
    case 'text':
      return fieldPredicate(field, textFor(field, pattern.parts))
  }
}

/** Names of methods, hosts and protocols are typed in any case; paths and values of headers count exactly. */
function textFor({ kind }: Field, parts: readonly string[]): Test {
  if (kind === 'any') return containsTest(parts)
  if (kind === 'protocol') return ignoringCase(PROTOCOLS.get(parts.join('*').toLowerCase()) ?? parts)
  return kind === 'path' || kind === 'header' || kind === 'response' ? textTest(parts) : ignoringCase(parts)
}

/** Short words for protocols, as patterns. */
const PROTOCOLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ws', ['websocket']],
  ['http', ['http/', '']]
])

function fieldPredicate(field: Field, plain: Test): Predicate {
  const test = eitherReading(plain)
  const known = (text: string | undefined, check: Test): boolean => text !== undefined && check(text)
  switch (field.kind) {
    case 'any':
      return ({ path, host, method }) => known(path, test) || known(host, test) || known(method, test)
    case 'header':
      return subject => subject.header(field.name).some(test)
    case 'response':
      return subject => subject.responseHeader(field.name).some(test)
    case 'path': {
      const check = withAndWithoutQuery(test)
      return ({ path }) => known(path, check)
    }
    case 'host':
    case 'source': {
      const { kind } = field
      const check = withAndWithoutPort(test)
      return subject => known(subject[kind], check)
    }
    case 'status':
      return ({ status }) => status !== undefined && test(String(status))
    case 'method':
    case 'who':
    case 'protocol': {
      const { kind } = field
      return subject => known(subject[kind], test)
    }
  }
}
