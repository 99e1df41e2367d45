/**
 * Heads of HTTP/1 messages as data: strict, after RFC 9112 §2–5 and RFC 9110 §5. What two recipients may read differently (folded lines,
 * blanks before the colon, lone CR or LF, control characters) is refused. Values are Latin-1 text, so that no byte gets lost.
 */
import { ProtocolError } from '../base/errors.ts'
import type { RequestHead, ResponseHead } from './message.ts'

type Headers = (readonly [name: string, value: string])[]

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d)\.(\d)$/
const STATUS_LINE = /^HTTP\/(\d)\.(\d) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Control characters, and CR or LF that are not a CRLF together. */
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/

/** Parses a whole head, incl. its empty line. Throws a ProtocolError: HTTP_START_LINE, HTTP_VERSION, HTTP_HEADER. */
export function parseRequestHead(raw: Buffer): RequestHead {
  const { start, headers } = parseLines(raw)
  const match = REQUEST_LINE.exec(start)
  if (match === null) throw new ProtocolError('HTTP_START_LINE', 'not a request line')
  const [, method = '', target = '', major, minor] = match
  return { method, target, version: parseVersion(major, minor), headers, raw }
}

/** As `parseRequestHead`. A missing reason phrase is allowed, with or without the blank before it (RFC 9112 §4). */
export function parseResponseHead(raw: Buffer): ResponseHead {
  const { start, headers } = parseLines(raw)
  const match = STATUS_LINE.exec(start)
  if (match === null) throw new ProtocolError('HTTP_START_LINE', 'not a status line')
  const [, major, minor, status, reason = ''] = match
  return { status: Number(status), reason, version: parseVersion(major, minor), headers, raw }
}

function parseVersion(major: string | undefined, minor: string | undefined): '1.0' | '1.1' {
  if (major !== '1' || (minor !== '0' && minor !== '1'))
    throw new ProtocolError('HTTP_VERSION', `HTTP/${major}.${minor} is not HTTP/1.0 or 1.1`)
  return minor === '0' ? '1.0' : '1.1'
}

function parseLines(raw: Buffer): { start: string; headers: Headers } {
  const text = raw.toString('latin1')
  if (!text.endsWith('\r\n\r\n')) throw new ProtocolError('HTTP_HEADER', 'the head has no end')
  if (FORBIDDEN.test(text)) throw new ProtocolError('HTTP_HEADER', 'the head holds a control character')
  // Empty lines before the start line are ignored (RFC 9112 §2.2).
  let from = 0
  while (text.startsWith('\r\n', from)) from += 2
  const startEnd = text.indexOf('\r\n', from)
  if (startEnd === -1) throw new ProtocolError('HTTP_START_LINE', 'the head is empty')
  const start = text.slice(from, startEnd)
  const headers: Headers = []
  const end = text.length - 2
  for (let at = startEnd + 2; at < end; ) {
    const lineEnd = text.indexOf('\r\n', at)
    headers.push(parseField(text, at, lineEnd))
    at = lineEnd + 2
  }
  return { start, headers }
}

function parseField(text: string, at: number, end: number): readonly [string, string] {
  const colon = text.indexOf(':', at)
  const name = colon === -1 || colon > end ? '' : text.slice(at, colon)
  // Refuses folded lines (they begin with a blank), blanks before the colon and empty lines within the head as well.
  if (!TOKEN.test(name)) throw new ProtocolError('HTTP_HEADER', 'a header field is malformed')
  let first = colon + 1
  let last = end
  while (first < last && isBlank(text.charCodeAt(first))) first += 1
  while (last > first && isBlank(text.charCodeAt(last - 1))) last -= 1
  return [name, text.slice(first, last)]
}

const isBlank = (code: number): boolean => code === 32 || code === 9
