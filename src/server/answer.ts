/**
 * The answers that the server gives itself. gost's are 502 and 503 with nothing else; ours say why, in one line and one `X-` header. No other header
 * than gost's: a session tells by that whether the app answered or the server.
 */
import { encodeResponse } from '../http/encode.ts'

export type Refusal =
  | 'bad-request'
  | 'no-route'
  | 'no-connector'
  | 'no-answer'
  | 'app-closed'
  | 'bad-response'
  | 'head-too-large'
  | 'head-timeout'

const SENTENCES: Readonly<Record<Refusal, string>> = {
  'bad-request': 'the request is malformed',
  'no-route': 'no tunnel is known for this host',
  'no-connector': 'no connector is registered for this host',
  'no-answer': 'the app did not answer in time',
  'app-closed': 'the app closed the connection without an answer',
  'bad-response': 'the answer of the app is malformed',
  'head-too-large': 'the request head is too large',
  'head-timeout': 'the request head did not arrive in time'
}

export const sentenceOf = (why: Refusal): string => SENTENCES[why]

export interface Answer {
  status: number
  why: Refusal
  keepAlive: boolean
  /** Instead of the sentence that belongs to `why`. */
  detail?: string
  /** A HEAD request: no body. */
  bodiless?: boolean
}

export function encodeAnswer({ status, why, keepAlive, detail, bodiless = false }: Answer): Buffer {
  const body = `${detail ?? SENTENCES[why]}\n`
  const headers: [string, string][] = [
    ['Content-Length', String(Buffer.byteLength(body))],
    ['X-Intercept-Error', why]
  ]
  if (!keepAlive) headers.push(['Connection', 'close'])
  return encodeResponse({ status, headers, body: bodiless ? '' : body })
}
