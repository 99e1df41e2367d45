/** A body for reading: JSON with folding, forms as a list, text as it is, anything else as hex; decoded where it came packed. */
import { formatBytes, printable } from '../base/format.ts'
import { decodeBody } from '../capture/decode-body.ts'
import { jsonOf } from '../capture/diff-json.ts'
import type { KeptBody } from '../capture/kept.ts'
import type { Header } from '../event/types.ts'
import { header } from '../http/header.ts'
import { hexLines } from './hex-lines.ts'
import { type JsonLine, jsonLines } from './json-lines.ts'
import { keepLast } from './keep-last.ts'
import { toned } from './line.ts'

const MAX_LINES = 5_000

interface Message {
  readonly headers: readonly Header[]
  readonly body: KeptBody
}

/** Lines with the JSON paths that can be folded; none for an empty body. A body that still arrives grows in place. */
export const bodyLines = keepLast(layOut, (message, folded) => [message, message.body.size, folded])

function layOut(message: Message, folded: ReadonlySet<string>): readonly JsonLine[] {
  const { body } = message
  if (body.size === 0) return []
  const { bytes, note } = decodeBody(body.bytes, header(message, 'content-encoding'), { truncated: body.truncated })
  const notes: JsonLine[] = note === undefined ? [] : [{ line: [toned('yellow', `(${printable(note)})`)] }]
  if (body.truncated)
    notes.push({ line: [toned('yellow', `(the first ${formatBytes(body.bytes.length)} of ${formatBytes(body.size)} were kept)`)] })
  return [...notes, ...contentLines(bytes, header(message, 'content-type') ?? '', folded)]
}

function contentLines(bytes: Buffer, type: string, folded: ReadonlySet<string>): JsonLine[] {
  const text = textOf(bytes)
  if (text === undefined) return hexLines(bytes).map(line => ({ line }))
  const json = jsonOf(text, type)
  if (json !== undefined) return jsonLines(json.value, folded)
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return formLines(text)
  return textLines(text)
}

/** Undefined for what is no text. */
export function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  if (/[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text)) return undefined
  // A few bytes that are no UTF-8 are shown as such; a lot of them are no text.
  const broken = text.split('\ufffd').length - 1
  return broken > Math.max(2, text.length / 50) ? undefined : text
}

function formLines(text: string): JsonLine[] {
  return [...new URLSearchParams(text)]
    .slice(0, MAX_LINES)
    .map(([name, value]) => ({ line: [toned('cyan', printable(name, 200)), { text: ` = ${printable(value)}` }] }))
}

const textLines = (text: string): JsonLine[] =>
  text.split(/\r\n|\n|\r/, MAX_LINES).map(line => ({ line: [{ text: printable(line.replaceAll('\t', '    ')) }] }))
