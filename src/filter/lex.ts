/**
 * The words of a filter. A word ends at a blank or at a bracket that it has not opened itself, so `~^/(a|b)$` needs no quotes. Quotes make
 * what they enclose literal, as in a shell; a regular expression keeps all of its backslashes.
 */
import { unreadable } from './unreadable.ts'

/** The literal texts between the stars, or the source behind `~`. */
export type Value =
  | { readonly kind: 'text'; readonly parts: readonly string[]; readonly quoted: boolean }
  | { readonly kind: 'regex'; readonly source: string }

export interface Word {
  readonly kind: 'word'
  readonly at: number
  /** As typed, without the colon. */
  readonly key: string | undefined
  readonly valueAt: number
  readonly value: Value
}

export type Token = Word | { readonly kind: '(' | ')'; readonly at: number }

/** A field's name and its colon; the beginning of a URL is no such thing. */
const KEY = /(?!(?:http|ws)s?:\/\/)(?:[a-z]+|(?:header|response|request)\.[^\s():"]*):/iy
/** `not(a or b)`: the bracket is no part of the word. */
const KEYWORD = /(?:and|or|not)(?=\()/iy
const BLANK = /\s/

export function lex(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? ''
    if (BLANK.test(char)) at += 1
    else if (char === '(' || char === ')') {
      tokens.push({ kind: char, at })
      at += 1
    } else {
      const { word, end } = takeWord(text, at)
      tokens.push(word)
      at = end
    }
  }
  return tokens
}

function takeWord(text: string, at: number): { word: Word; end: number } {
  KEYWORD.lastIndex = at
  const keyword = KEYWORD.exec(text)?.[0]
  if (keyword !== undefined) {
    const value = { kind: 'text' as const, parts: [keyword], quoted: false }
    return { word: { kind: 'word', at, key: undefined, valueAt: at, value }, end: at + keyword.length }
  }
  KEY.lastIndex = at
  const key = KEY.exec(text)?.[0].slice(0, -1)
  const valueAt = key === undefined ? at : at + key.length + 1
  const { value, end } = takeValue(text, valueAt)
  return { word: { kind: 'word', at, key, valueAt, value }, end }
}

/** A whole text as a value: nothing but stars and a `~` in front is special. */
export const valueOf = (text: string): Value =>
  text.startsWith('~') ? { kind: 'regex', source: text.slice(1) } : { kind: 'text', parts: text.split('*'), quoted: true }

function takeValue(text: string, at: number): { value: Value; end: number } {
  if (text[at] === '~') return takeRegex(text, at + 1)
  const parts: string[] = []
  let part = ''
  let quoted = false
  let end = at
  for (const ends = wordEnd(); end < text.length && !ends(text[end] ?? ''); ) {
    const char = text[end] ?? ''
    if (char === '"') {
      const quote = takeQuoted(text, end)
      part += quote.inner.replace(/\\(["\\])/g, '$1')
      quoted = true
      end = quote.end
      continue
    }
    if (char === '*') {
      parts.push(part)
      part = ''
    } else part += char
    end += 1
  }
  return { value: { kind: 'text', parts: [...parts, part], quoted }, end }
}

function takeRegex(text: string, at: number): { value: Value; end: number } {
  let end = at
  let source: string
  if (text[at] === '"') {
    const quote = takeQuoted(text, at)
    source = quote.inner
    end = quote.end
    if (end < text.length && !/[\s)]/.test(text[end] ?? ''))
      throw unreadable('something follows the closing quote', end, 'put all of the regular expression between the quotes')
  } else {
    for (const ends = wordEnd(); end < text.length; end += 1) {
      if (text[end] === '\\') end += 1
      else if (ends(text[end] ?? '')) break
    }
    end = Math.min(end, text.length)
    source = text.slice(at, end)
  }
  // A quote is nothing special to the expression itself, so that one way to write it is enough.
  return { value: { kind: 'regex', source: source.replace(/\\([\s\S])/g, (pair, char) => (char === '"' ? '"' : pair)) }, end }
}

/** Tells of one character after the other whether the word has ended before it. */
function wordEnd(): (char: string) => boolean {
  let open = 0
  return char => {
    if (char === '(') open += 1
    if (char === ')') open -= 1
    return open < 0 || BLANK.test(char)
  }
}

function takeQuoted(text: string, at: number): { inner: string; end: number } {
  for (let end = at + 1; end < text.length; end += 1) {
    if (text[end] === '\\') end += 1
    else if (text[end] === '"') return { inner: text.slice(at + 1, end), end: end + 1 }
  }
  throw unreadable('the quote is not closed', at, 'close it: header.x-user:"Ada Lovelace"')
}
