/**
 * A body as text that an editor can show and give back, and text as a body again. What would not come back byte for byte is not text: other encodings,
 * control characters, line ends that an editor would make equal, or a content coding that is unknown here.
 */
import { isUtf8 } from 'node:buffer'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { decodeBody } from './decode-body.ts'

export interface BodyText {
  /** Lines end with LF. */
  readonly text: string
  /** How they end in the body. */
  readonly lineEnd: '\n' | '\r\n'
}

/** A bomb is no text to edit. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
const asItIs = (bytes: Buffer): Buffer => bytes
const ENCODERS: ReadonlyMap<string, (bytes: Buffer) => Buffer> = new Map([
  ['', asItIs],
  ['identity', asItIs],
  ['gzip', bytes => gzipSync(bytes)],
  ['x-gzip', bytes => gzipSync(bytes)],
  ['deflate', bytes => deflateSync(bytes)],
  ['br', bytes => brotliCompressSync(bytes)]
])

const encoderOf = (coding: string | undefined): ((bytes: Buffer) => Buffer) | undefined => ENCODERS.get((coding ?? '').trim().toLowerCase())

/** `coding`: the Content-Encoding. Undefined when the body cannot be edited as text. */
export function textOfBody(bytes: Buffer, coding: string | undefined): BodyText | undefined {
  if (encoderOf(coding) === undefined) return undefined
  const { bytes: decoded, note } = decodeBody(bytes, coding, { maxBytes: MAX_TEXT_BYTES })
  // Broken or too large: then the body stays as it is.
  if (note !== undefined || decoded.length > MAX_TEXT_BYTES) return undefined
  if (!isUtf8(decoded)) return undefined
  const text = decoded.toString('utf8')
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]/.test(text)) return undefined
  if (!text.includes('\r')) return { text, lineEnd: '\n' }
  // Every line end is CRLF, or none may be touched.
  return /\r(?!\n)|(?<!\r)\n/.test(text) ? undefined : { text: text.replaceAll('\r\n', '\n'), lineEnd: '\r\n' }
}

/** Undefined when the coding is unknown here. */
export function bodyOfText({ text, lineEnd }: BodyText, coding: string | undefined): Buffer | undefined {
  return encoderOf(coding)?.(Buffer.from(lineEnd === '\n' ? text : text.replaceAll('\n', '\r\n'), 'utf8'))
}
