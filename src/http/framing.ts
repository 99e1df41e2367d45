/**
 * How the body of a message ends (RFC 9112 §6.3), and whether another message may follow. Stricter where the RFC lets a recipient guess: whoever
 * guesses otherwise than the next recipient lets a request be smuggled in, so doubt is an error. Following a body to its end: `framer.ts`.
 */
import { ProtocolError } from '../base/errors.ts'
import { hasToken, header, trimBlanks } from './header.ts'
import type { Framing, RequestHead, ResponseHead } from './message.ts'

/** Throws a ProtocolError when the length is in doubt: HTTP_LENGTH, HTTP_AMBIGUOUS, HTTP_TRANSFER_CODING. */
export function requestFraming(head: RequestHead): Framing {
  const coding = transferCoding(head)
  if (coding === 'chunked') return { kind: 'chunked' }
  if (coding !== undefined)
    throw new ProtocolError('HTTP_TRANSFER_CODING', 'a request body in another coding than chunked has no certain end')
  const length = contentLength(head)
  return length === undefined || length === 0 ? { kind: 'none' } : { kind: 'length', length }
}

/** As `requestFraming`; `requestMethod` decides for HEAD and CONNECT. */
export function responseFraming(head: ResponseHead, requestMethod: string): Framing {
  const { status } = head
  if (status === 101 || (requestMethod === 'CONNECT' && status >= 200 && status < 300)) return { kind: 'tunnel' }
  if (requestMethod === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' }
  const coding = transferCoding(head)
  if (coding !== undefined) return /(?:^|,)[\t ]*chunked$/.test(coding) ? { kind: 'chunked' } : { kind: 'close' }
  const length = contentLength(head)
  if (length === undefined) return { kind: 'close' }
  return length === 0 ? { kind: 'none' } : { kind: 'length', length }
}

/**
 * True when the end of this request, and so the start of the next one, is beyond doubt, and it stays HTTP/1: no upgrade, no CONNECT, not
 * the HTTP/2 preface. Else whoever decides per request has to decide once for the whole stream.
 */
export function certain(head: RequestHead): boolean {
  if (head.method === 'CONNECT' || head.method === 'PRI' || hasToken(head, 'connection', 'upgrade')) return false
  try {
    requestFraming(head)
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}

/** True when the connection may carry another message after this one (RFC 9112 §9.3). */
export function keepsAlive(head: RequestHead | ResponseHead): boolean {
  if (hasToken(head, 'connection', 'close')) return false
  return head.version === '1.1' || hasToken(head, 'connection', 'keep-alive')
}

/** Lower case; undefined without the header. */
function transferCoding(head: RequestHead | ResponseHead): string | undefined {
  const coding = header(head, 'transfer-encoding')?.toLowerCase()
  if (coding === undefined) return undefined
  if (header(head, 'content-length') !== undefined) throw new ProtocolError('HTTP_AMBIGUOUS', 'both Content-Length and Transfer-Encoding')
  if (head.version === '1.0') throw new ProtocolError('HTTP_TRANSFER_CODING', 'HTTP/1.0 has no Transfer-Encoding')
  if (coding.split('chunked').length > 2) throw new ProtocolError('HTTP_TRANSFER_CODING', 'chunked more than once')
  return coding
}

function contentLength(head: RequestHead | ResponseHead): number | undefined {
  const text = header(head, 'content-length')
  if (text === undefined) return undefined
  // Several equal values are one (RFC 9110 §8.6).
  const values = new Set(text.split(',').map(trimBlanks))
  const [value = ''] = values
  const length = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (values.size !== 1 || !Number.isSafeInteger(length)) throw new ProtocolError('HTTP_LENGTH', 'Content-Length is not one number')
  return length
}
