/**
 * A request as an HTTP message in a text file, for the person's editor, and back. Secrets never get into the file: a hidden value that is left alone
 * becomes the raw one again. So does every line that nobody touched; a body that is no text is one line, which stands for its bytes.
 */
import { InterceptError } from '../base/errors.ts'
import { formatBytes, printable } from '../base/format.ts'
import type { Header } from '../event/types.ts'
import { header } from '../http/header.ts'
import { type BodyText, bodyOfText, textOfBody } from './body-text.ts'
import type { KeptRequest } from './kept.ts'
import { MASKED_VALUE, type Mask } from './mask.ts'
import { readableText } from '../base/shell-quote.ts'

export interface EditedRequest {
  method: string
  target: string
  version: '1.0' | '1.1'
  /** As written: whoever sends it makes the length of the body true. */
  headers: Header[]
  body: Buffer
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const REQUEST_LINE = /^([^ \t]+)[ \t]+([^ \t]+)(?:[ \t]+([^ \t]+))?[ \t]*$/
const LOOKS_HIDDEN = '\\u2022'.repeat(MASKED_VALUE.length)
const HIDDEN = new RegExp(`^${MASKED_VALUE}(?: \\((\\d+)\\))?$`)

export function textFromRequest(request: KeptRequest, { mask }: { mask: Mask }): string {
  const headers = headerLines(request.headers, mask)
  const body = shownBody(request)
  const comments = [
    '# Edit the request, then save and close. Closed without a change, nothing is sent.',
    '# Lines with # above the request are ignored. The length of the body is counted again.'
  ]
  if (headers.some(line => line.includes(MASKED_VALUE))) comments.push(`# ${MASKED_VALUE} hides a value: left alone, the real one is sent.`)
  if (body?.lineEnd === '\r\n') comments.push('# The lines of the body will end with CRLF, as they did.')
  // Editors end the last line of a file; that line end is not the body's.
  return `${[...comments, requestLine(request), ...headers, '', body === undefined ? bodyLine(request) : body.text].join('\n')}\n`
}

/** Throws BAD_USAGE with the number of the line (`details.line`). */
export function requestFromText(text: string, original: KeptRequest): EditedRequest {
  const lines = text
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n')
    .split('\n')
  const first = lines.findIndex(line => line.trim() !== '' && !line.startsWith('#'))
  if (first === -1) throw badLine(lines.length, 'nothing is left of the request')
  const empty = lines.findIndex((line, index) => index > first && line.trim() === '')
  const end = empty === -1 ? lines.length : empty
  const raw = new RawHeaders(original.headers)
  const headers = lines.slice(first + 1, end).map((line, index) => raw.headerOf(line, first + 2 + index))
  const body = lines.slice(end + 1)
  if (body.length > 1 && body.at(-1) === '') body.pop()
  return { ...startOf(lines[first] ?? '', first + 1, original), headers, body: bodyFrom(body, { original, headers, line: end + 2 }) }
}

const requestLine = ({ method, target, version }: KeptRequest): string => `${shown(method)} ${shown(target)} HTTP/${version}`

/** Bytes that are no text are shown escaped, and so is what would look like a hidden value. */
const shown = (latin1: string): string => (readableText(latin1) ?? printable(latin1, latin1.length)).replaceAll(MASKED_VALUE, LOOKS_HIDDEN)
const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** Several hidden values of one name are numbered, so that one of them may be deleted. */
function headerLines(headers: readonly Header[], mask: Mask): string[] {
  const { headers: masked } = mask(headers)
  return headers.map(([name, value], index) => {
    if (masked[index]?.[1] === value) return value === '' ? `${name}:` : `${name}: ${shown(value)}`
    const nth = headers.slice(0, index + 1).filter(([other]) => other.toLowerCase() === name.toLowerCase()).length
    return `${name}: ${MASKED_VALUE}${nth > 1 ? ` (${nth})` : ''}`
  })
}

function shownBody({ headers, body }: KeptRequest): BodyText | undefined {
  if (body.size === 0) return { text: '', lineEnd: '\n' }
  return body.truncated ? undefined : textOfBody(body.bytes, header({ headers }, 'content-encoding'))
}

/** Stands for a body that is not shown. */
function bodyLine({ body: { bytes, size, truncated } }: KeptRequest): string {
  return truncated
    ? `# Only ${formatBytes(bytes.length)} of the ${formatBytes(size)} of the body were kept. Write another one in place of this line, or delete the line to send none.`
    : `# The body (${formatBytes(size)}) is no text and is sent as it was. Delete this line to send none, or write another body in its place.`
}

function startOf(line: string, number: number, original: KeptRequest): Pick<EditedRequest, 'method' | 'target' | 'version'> {
  const [, method, written, protocol = `HTTP/${original.version}`] = REQUEST_LINE.exec(line) ?? []
  if (method === undefined || written === undefined || !TOKEN.test(method))
    throw badLine(number, 'this is no request line', 'for example: POST /api/cart HTTP/1.1')
  const version = protocol === 'HTTP/1.0' ? '1.0' : protocol === 'HTTP/1.1' ? '1.1' : undefined
  if (version === undefined) throw badLine(number, `${quoted(protocol)} cannot be sent`, 'HTTP/1.1 and HTTP/1.0 can')
  const target = written === shown(original.target) ? original.target : asBytes(written)
  if (/[\0-\x20\x7f]/.test(target)) throw badLine(number, 'the target holds a control character', 'write it percent-encoded, as in %0A')
  return { method, target, version }
}

/** Finds the raw header of a line. */
class RawHeaders {
  readonly #original: readonly Header[]
  readonly #untouched = new Map<string, string[]>()

  constructor(original: readonly Header[]) {
    this.#original = original
    for (const [name, value] of original) {
      const key = keyOf(name, shown(value))
      this.#untouched.set(key, [...(this.#untouched.get(key) ?? []), value])
    }
  }

  headerOf(line: string, number: number): Header {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    if (!TOKEN.test(name)) throw badLine(number, `${quoted(line)} is no header`, 'write Name: value; an empty line ends the headers')
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')
    const hidden = HIDDEN.exec(value)
    if (hidden !== null) return [name, this.#hidden(name, Number(hidden[1] ?? 1), number)]
    if (value.includes(MASKED_VALUE))
      throw badLine(number, `${MASKED_VALUE} is part of the value`, 'leave the hidden value alone, or write all of it')
    const raw = this.#untouched.get(keyOf(name, value))?.shift() ?? asBytes(value)
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(raw)) throw badLine(number, 'the value holds a control character')
    return [name, raw]
  }

  #hidden(name: string, nth: number, number: number): string {
    const lower = name.toLowerCase()
    const found = this.#original.filter(([other]) => other.toLowerCase() === lower)[nth - 1]
    if (found === undefined)
      throw badLine(
        number,
        `${quoted(name)} had no value that is hidden`,
        `write the value; ${MASKED_VALUE} stands for one only behind its own name`
      )
    return found[1]
  }
}

const keyOf = (name: string, value: string): string => `${name.toLowerCase()}:${value}`

function bodyFrom(
  lines: readonly string[],
  { original, headers, line }: { original: KeptRequest; headers: readonly Header[]; line: number }
): Buffer {
  const text = lines.join('\n')
  const before = shownBody(original)
  if (before === undefined) {
    const stands = lines.indexOf(bodyLine(original))
    if (stands !== -1 && text.trim() !== lines[stands])
      throw badLine(line + stands, 'this line stands for the whole body', 'delete it, or what is around it')
    if (stands !== -1 && original.body.truncated)
      throw badLine(
        line + stands,
        'the body was kept in part only and cannot be sent',
        'write another body in place of this line, or delete the line'
      )
    if (stands !== -1) return original.body.bytes
  }
  const coding = header({ headers }, 'content-encoding')
  if (text === before?.text && coding === header(original, 'content-encoding')) return original.body.bytes
  if (text === '') return Buffer.alloc(0)
  const bytes = bodyOfText({ text, lineEnd: before?.lineEnd ?? '\n' }, coding)
  if (bytes === undefined)
    throw badLine(
      line,
      `the body cannot be encoded as ${quoted(coding ?? '')}`,
      'delete the line Content-Encoding, then it is sent as written'
    )
  return bytes
}

const quoted = (text: string): string => `"${printable(text, 60)}"`

function badLine(line: number, reason: string, hint = 'edit it again, or close the editor without a change'): InterceptError {
  return new InterceptError('BAD_USAGE', `line ${line} of the edited request: ${reason}`, { hint, details: { line } })
}
