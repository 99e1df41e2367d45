/** The grammar of a filter: `or` binds loosest, then `and` (which may be left out), then `not`; brackets group. */
import type { Expression } from './expression.ts'
import { lex, type Token, type Word } from './lex.ts'
import { termFrom } from './term.ts'
import { unreadable } from './unreadable.ts'

const MAX_LENGTH = 4_096
const MAX_TERMS = 100
const MAX_DEPTH = 50

/** Throws BAD_USAGE. */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_LENGTH) throw unreadable(`it is longer than ${MAX_LENGTH} characters`, MAX_LENGTH)
  const parser = new Parser(lex(text), text.length)
  return parser.all()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #end: number
  #next = 0
  #terms = 0
  #depth = 0

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens
    this.#end = end
  }

  all(): Expression {
    if (this.#tokens.length === 0) throw unreadable('it is empty', 0)
    const expression = this.#or()
    const left = this.#tokens[this.#next]
    if (left !== undefined)
      throw unreadable('a bracket closes that was never opened', left.at, 'quote a bracket that belongs to a value: "a)"')
    return expression
  }

  #or(): Expression {
    const parts = [this.#and()]
    while (this.#take('or')) parts.push(this.#and())
    return joined('or', parts)
  }

  #and(): Expression {
    const parts = [this.#not()]
    while (this.#take('and') || this.#atOperand()) parts.push(this.#not())
    return joined('and', parts)
  }

  #not(): Expression {
    if (!this.#take('not')) return this.#operand()
    return this.#deeper(() => ({ kind: 'not', part: this.#not() }))
  }

  #operand(): Expression {
    const token = this.#tokens[this.#next]
    if (token === undefined || token.kind === ')' || keyword(token) !== undefined) throw this.#missing(token)
    this.#next += 1
    if (token.kind === 'word') return this.#term(token)
    const inner = this.#deeper(() => this.#or())
    if (this.#tokens[this.#next]?.kind !== ')')
      throw unreadable('the bracket is not closed', token.at, 'for example: (status:404 or status:5xx) method:POST')
    this.#next += 1
    return inner
  }

  #term(word: Word): Expression {
    this.#terms += 1
    if (this.#terms > MAX_TERMS)
      throw unreadable(`it has more than ${MAX_TERMS} terms`, word.at, 'a regular expression may say it in one: path:~^/(a|b|c)$')
    return termFrom(word)
  }

  #deeper(inner: () => Expression): Expression {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw unreadable(`it is nested deeper than ${MAX_DEPTH} levels`, this.#tokens[this.#next]?.at ?? this.#end)
    const expression = inner()
    this.#depth -= 1
    return expression
  }

  #missing(token: Token | undefined): Error {
    const before = this.#tokens[this.#next - 1]
    const word = token === undefined || token.kind === '(' ? undefined : (keyword(token) ?? token.kind)
    const what = before === undefined ? 'nothing stands before' : 'something is missing before'
    if (word === undefined) return unreadable('something is missing at the end', this.#end)
    return unreadable(
      `${what} ${word}`,
      token?.at ?? this.#end,
      `for example: status:5xx or method:POST; to look for the word itself, quote it: "${word}"`
    )
  }

  #atOperand(): boolean {
    const token = this.#tokens[this.#next]
    if (token === undefined || token.kind === ')') return false
    const word = keyword(token)
    return word === undefined || word === 'not'
  }

  #take(word: 'and' | 'or' | 'not'): boolean {
    const token = this.#tokens[this.#next]
    if (token === undefined || keyword(token) !== word) return false
    this.#next += 1
    return true
  }
}

/** One within the other is one: `a and (b and c)` has three parts. */
function joined(kind: 'and' | 'or', parts: readonly Expression[]): Expression {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  return { kind, parts: parts.flatMap(part => (part.kind === kind ? part.parts : [part])) }
}

function keyword(token: Token): 'and' | 'or' | 'not' | undefined {
  if (token.kind !== 'word' || token.key !== undefined || token.value.kind !== 'text') return undefined
  const { parts, quoted } = token.value
  if (quoted || parts.length > 1) return undefined
  const lower = parts[0]?.toLowerCase()
  return lower === 'and' || lower === 'or' || lower === 'not' ? lower : undefined
}
