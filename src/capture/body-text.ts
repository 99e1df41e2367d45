/**
 * A body as text that an editor can show and give back, and text as a body again. What would not come back byte for byte is not text: other encodings,
 * control characters, line ends that an editor would make equal, or a content coding that is unknown here.
 */
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib'

export interface BodyText {
  /** Lines end with LF. */
  readonly text: string
  /** How they end in the body. */
  readonly lineEnd: '\n' | '\r\n'
}

interface Codec {
  encode(bytes: Buffer): Buffer
  decode(bytes: Buffer): Buffer
}

/** A bomb is no text to edit. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
const limit = { maxOutputLength: MAX_TEXT_BYTES }
const gzip: Codec = { encode: bytes => gzipSync(bytes), decode: bytes => gunzipSync(bytes, limit) }
const CODECS: ReadonlyMap<string, Codec> = new Map([
  ['', { encode: bytes => bytes, decode: bytes => bytes }],
  ['identity', { encode: bytes => bytes, decode: bytes => bytes }],
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', { encode: bytes => deflateSync(bytes), decode: bytes => inflateSync(bytes, limit) }],
  ['br', { encode: bytes => brotliCompressSync(bytes), decode: bytes => brotliDecompressSync(bytes, limit) }]
])

const codecOf = (coding: string | undefined): Codec | undefined => CODECS.get((coding ?? '').trim().toLowerCase())

/** `coding`: the Content-Encoding. Undefined when the body cannot be edited as text. */
export function textOfBody(bytes: Buffer, coding: string | undefined): BodyText | undefined {
  const decoded = decode(bytes, coding)
  if (decoded === undefined || decoded.length > MAX_TEXT_BYTES) return undefined
  const text = decoded.toString('utf8')
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]/.test(text) || !Buffer.from(text, 'utf8').equals(decoded)) return undefined
  if (!text.includes('\r')) return { text, lineEnd: '\n' }
  // Every line end is CRLF, or none may be touched.
  return /\r(?!\n)|(?<!\r)\n/.test(text) ? undefined : { text: text.replaceAll('\r\n', '\n'), lineEnd: '\r\n' }
}

/** Undefined when the coding is unknown here. */
export function bodyOfText({ text, lineEnd }: BodyText, coding: string | undefined): Buffer | undefined {
  return codecOf(coding)?.encode(Buffer.from(lineEnd === '\n' ? text : text.replaceAll('\n', '\r\n'), 'utf8'))
}

function decode(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  try {
    return codecOf(coding)?.decode(bytes)
  } catch {
    return undefined // broken or too large: then the body stays as it is
  }
}
