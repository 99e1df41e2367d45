/**
 * Copies of requests and their answers, from our own server to a connector of ours that mirrors: one stream for `MIRROR_HOST` on each link, on which
 * the server writes and the connector only reads. Each message is a line of JSON; a copy's line is followed by its bytes. Codec only, no I/O.
 *
 *   {"type":"copy","source":"10.1.2.3:4567","ms":12,"request":120,"response":310}   then 120 and 310 bytes, as they travelled
 *   {"type":"dropped","slow":3,"large":1}                                             copies not sent since the last such line
 */
import { ByteQueue } from '../base/bytes.ts'
import { ProtocolError } from '../base/errors.ts'

/** The destination of the stream. `.invalid` is nobody's (RFC 2606 §2). */
export const MIRROR_HOST = 'mirror.invalid'

/** Of a copied request, head and body. */
export const COPY_REQUEST_LIMIT = 1_114_112
/** Of a copied answer, head and the beginning of the body. */
export const COPY_RESPONSE_LIMIT = 327_680
/** Of one line. */
const LINE_LIMIT = 2_048
const TEXT_LIMIT = 256
const NEWLINE = 0x0a

export interface CopyFacts {
  /** The visitor, as the server saw it. */
  source: string
  /** From the request's head to the end of the answer. */
  ms: number
  /** Who answered. */
  by?: string | undefined
  /** It was another laptop. */
  agent?: boolean
  /** Bytes of the whole answer as it travelled, where only its beginning is copied. */
  whole?: number | undefined
}

export interface Copy extends CopyFacts {
  type: 'copy'
  request: Buffer
  response: Buffer
}

export interface DroppedCopies {
  type: 'dropped'
  /** The connector did not take them fast enough. */
  slow: number
  /** Requests above the limit. */
  large: number
}

export type MirrorMessage = Copy | DroppedCopies

/** The line of a copy, ASCII only; its `request` and `response` bytes follow. */
export function copyLine({ source, ms, by, agent, whole }: CopyFacts, requestBytes: number, responseBytes: number): string {
  const more = `${by === undefined ? '' : `,"by":${asciiJson(by)}`}${agent === true ? ',"agent":true' : ''}${whole === undefined ? '' : `,"whole":${whole}`}`
  return `{"type":"copy","source":${asciiJson(source)},"ms":${ms}${more},"request":${requestBytes},"response":${responseBytes}}\n`
}

/** Addresses and names of pods need nothing more than quotes. */
const PLAIN = /^[\w.:@/[\]-]*$/
const asciiJson = (text: string): string =>
  PLAIN.test(text)
    ? `"${text}"`
    : JSON.stringify(text).replace(/[\u007f-\uffff]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)

export const encodeDropped = ({ slow, large }: Omit<DroppedCopies, 'type'>): Buffer =>
  Buffer.from(`${JSON.stringify({ type: 'dropped', slow, large })}\n`)

interface CopyLine extends CopyFacts {
  request: number
  response: number
}

export class MirrorDecoder {
  readonly #pending = new ByteQueue()
  /** Bytes of the pending line that hold no newline. */
  #searched = 0
  #copy: CopyLine | undefined

  /** The messages that became complete. Unknown types are left out (a newer peer). Throws ProtocolError on what is not ours. */
  push(chunk: Buffer): MirrorMessage[] {
    const messages: MirrorMessage[] = []
    this.#pending.push(Buffer.from(chunk)) // a connection may read into memory that is used again
    for (;;) {
      if (this.#copy === undefined) {
        const line = this.#line()
        if (line === undefined) return messages
        const read = parseLine(line)
        if (read === undefined) continue
        if ('type' in read) messages.push(read)
        else this.#copy = read
      } else {
        const { request, response, ...facts } = this.#copy
        if (this.#pending.length < request + response) return messages
        this.#copy = undefined
        messages.push({ type: 'copy', ...facts, request: this.#pending.take(request), response: this.#pending.take(response) })
      }
    }
  }

  #line(): string | undefined {
    const seen = this.#pending.peek(Math.min(this.#pending.length, LINE_LIMIT))
    const end = seen.indexOf(NEWLINE, this.#searched)
    if (end < 0) {
      if (seen.length >= LINE_LIMIT) throw new ProtocolError('MIRROR_LINE_LENGTH', `mirror line longer than ${LINE_LIMIT} bytes`)
      this.#searched = seen.length
      return undefined
    }
    this.#searched = 0
    return this.#pending.take(end + 1).toString()
  }
}

type Fields = Readonly<Record<string, unknown>>

function parseLine(line: string): CopyLine | DroppedCopies | undefined {
  const fields = fieldsOf(line)
  if (fields['type'] === 'dropped') return { type: 'dropped', slow: countOf(fields['slow']), large: countOf(fields['large']) }
  if (fields['type'] !== 'copy') return undefined
  const { by, agent, source, whole } = fields
  return {
    source: textOf(source),
    ms: numberOf(fields['ms']),
    ...(by !== undefined && { by: textOf(by) }),
    ...(agent === true && { agent }),
    ...(whole !== undefined && { whole: countOf(whole) }),
    request: lengthOf(fields['request'], COPY_REQUEST_LIMIT),
    response: lengthOf(fields['response'], COPY_RESPONSE_LIMIT)
  }
}

function fieldsOf(line: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw new ProtocolError('MIRROR_JSON', 'mirror line that is not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null) throw new ProtocolError('MIRROR_SHAPE', 'mirror line that is no object')
  return { ...value }
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value.length <= TEXT_LIMIT) return value
  throw new ProtocolError('MIRROR_FIELD', `mirror line with a text that is none, or longer than ${TEXT_LIMIT} characters`)
}

function numberOf(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new ProtocolError('MIRROR_FIELD', 'mirror line with a number that is none')
}

function countOf(value: unknown): number {
  const count = numberOf(value)
  if (Number.isSafeInteger(count)) return count
  throw new ProtocolError('MIRROR_FIELD', 'mirror line with a count that is none')
}

function lengthOf(value: unknown, limit: number): number {
  const length = countOf(value)
  if (length <= limit) return length
  throw new ProtocolError('MIRROR_LENGTH', `mirror line that announces ${length} bytes`)
}
