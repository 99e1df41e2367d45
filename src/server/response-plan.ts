/** The app's response head → what the visitor gets, and how the body ends. As faithful as `request-plan.ts`. Pure. */
import { ProtocolError } from '../base/errors.ts'
import { responseFraming } from '../http/framing.ts'
import { parseResponseHead } from '../http/head.ts'
import { trimBlanks } from '../http/header.ts'
import type { Framing, ResponseHead } from '../http/message.ts'
import { connectionFields, lengthsOf, passesUnchanged, type PlannedRequest } from './request-plan.ts'

export interface PlannedResponse {
  status: number
  framing: Framing
  /** The head to send to the visitor. Interim responses and 101 travel as they came. */
  forward: Buffer
  /** The visitor's connection may carry another request. */
  keepAlive: boolean
}

/** Throws ProtocolError when the app's head cannot be passed on with certainty. */
export function planResponse(raw: Buffer, request: PlannedRequest, mayKeep: boolean): PlannedResponse {
  const head = parseResponseHead(raw)
  const framing = responseFraming(head, request.head.method)
  if (framing.kind === 'tunnel' && !request.upgrade) throw new ProtocolError('HTTP_UPGRADE', 'the app switched protocols unasked')
  if (head.status < 200) return { status: head.status, framing, forward: head.raw, keepAlive: false }
  if (framing.kind === 'chunked' && request.head.version === '1.0') {
    throw new ProtocolError('HTTP_TRANSFER_CODING', 'the app sent a chunked body to an HTTP/1.0 visitor')
  }
  const keepAlive = mayKeep && request.keepAlive && framing.kind !== 'close'
  return { status: head.status, framing, forward: forwardHead(head, keepAlive), keepAlive }
}

function forwardHead(head: ResponseHead, keepAlive: boolean): Buffer {
  if (keepAlive && head.status !== 204 && hasOneLength(head) && passesUnchanged(head)) return head.raw
  const dropped = connectionFields(head)
  const lines = [`HTTP/${head.version} ${head.status} ${head.reason}`]
  let hasLength = head.status === 204
  for (const [name, value] of head.headers) {
    const key = name.toLowerCase()
    if (dropped.has(key) || (key === 'transfer-encoding' && head.status === 204)) continue
    if (key !== 'content-length') lines.push(`${name}: ${value}`)
    // Equal ones become one (RFC 9110 §8.6). Behind a 204 a length would have somebody wait for a body, and take the next answer for it.
    else if (!hasLength) lines.push(`${name}: ${trimBlanks(value.split(',', 1)[0] ?? '')}`)
    hasLength ||= key === 'content-length'
  }
  // An HTTP/1.0 app's answer goes out as 1.0: a visitor keeps such a connection only when told to.
  if (!keepAlive) lines.push('Connection: close')
  else if (head.version === '1.0') lines.push('Connection: keep-alive')
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** Or none. */
function hasOneLength(head: ResponseHead): boolean {
  const [first, second] = lengthsOf(head)
  return second === undefined && first?.[1].includes(',') !== true
}
