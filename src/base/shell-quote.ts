/** Bytes as a word of a POSIX shell that is also safe to show and to paste: no control character, whatever the bytes are. */
import { printable } from './format.ts'

const BARE = /^[A-Za-z0-9_/:.,@%+=-]+$/

/** `text`: Latin-1, one character per byte. */
export function shellWord(text: string): string {
  if (BARE.test(text)) return text
  const readable = readableText(text)
  return readable === undefined ? `"$(printf '${printfFormat(text)}')"` : singleQuoted(readable)
}

export const singleQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The bytes as UTF-8 when they are, without anything that a terminal or an editor would change or hide. */
export function readableText(latin1: string): string | undefined {
  const text = Buffer.from(latin1, 'latin1').toString('utf8')
  if (Buffer.from(text, 'utf8').toString('latin1') !== latin1) return undefined
  return printable(text, text.length) === text ? text : undefined
}

/** Octal escapes are the only ones that every printf knows. An interactive bash would look for `!` in its history, double quotes or not. */
const printfFormat = (text: string): string =>
  text.replaceAll('%', '%%').replace(/[\\'!]|[^ -~]/g, char => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)
