/** Regular expressions in linear time: no pattern that a person types may hang a session, whatever the visitors send. */
import { RE2JS, RE2JSException } from 're2js'
import { printable } from '../base/format.ts'
import { quoted, unreadable } from './unreadable.ts'

/** Of one filter in all, in instructions of the matcher: the time for a text is at most this, times its length. */
const MAX_INSTRUCTIONS = 500
const MAX_SOURCE = 1_000

export type Test = (text: string) => boolean

/** Makes the regular expressions of one filter. */
export class Regexes {
  #left = MAX_INSTRUCTIONS

  /** Throws BAD_USAGE. */
  make(source: string, at: number): Test {
    if (source === '') throw unreadable('a regular expression is missing', at, 'for example: path:~^/v[12]/')
    if (source.length > MAX_SOURCE) throw tooLarge(at)
    const regex = compile(source, at)
    this.#left -= regex.programSize()
    if (this.#left < 0) throw tooLarge(at)
    return text => regex.test(text)
  }
}

function compile(source: string, at: number): RE2JS {
  try {
    return RE2JS.compile(source)
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    throw unreadable(`${quoted(source)} is no regular expression: ${whyNot(error.message, source)}`, at, HINT)
  }
}

/** `missing closing )`, and where in it, as far as is said: people count from 1. */
function whyNot(message: string, source: string): string {
  const [, why = message, part = ''] = /^(?:error parsing regexp: )?(.*?)(?:: `([^]*)`)?$/.exec(message) ?? []
  const at = part === source ? -1 : source.indexOf(part)
  const place = part === '' || at < 0 ? '' : `, ${quoted(part)} at its character ${at + 1}`
  return `${printable(why, 100)}${place}`
}

const HINT = 'regular expressions are RE2\'s, without look-around and back-references; quote blanks: path:~"^/a b/"'
const tooLarge = (at: number) =>
  unreadable('the regular expressions are too large', at, 'write shorter ones, with smaller repetitions than {100}')
