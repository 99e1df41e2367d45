/** Writing the few messages that this program answers or asks itself. */
import { ProtocolError } from '../base/errors.ts'

export interface ResponseToEncode {
  status: number
  headers?: ReadonlyArray<readonly [name: string, value: string]>
  body?: Buffer | string
}

export interface RequestToEncode {
  method: string
  /** The request target, exactly as it shall travel. */
  target: string
  headers: ReadonlyArray<readonly [name: string, value: string]>
  body?: Buffer | string
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  200: 'OK',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  417: 'Expectation Failed',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported'
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** A whole response; Content-Length is added where a body may be and none is given. Throws on values that would break the head. */
export function encodeResponse({ status, headers = [], body = '' }: ResponseToEncode): Buffer {
  const start = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Unknown'}`
  const bodiless = status < 200 || status === 204 || status === 304
  return encode(start, headers, { bytes: bodiless ? Buffer.alloc(0) : Buffer.from(body), withLength: !bodiless })
}

/** A whole request; Content-Length is added when there is a body. */
export function encodeRequest({ method, target, headers, body }: RequestToEncode): Buffer {
  if (!TOKEN.test(method) || !/^[\x21-\x7e\x80-\xff]+$/.test(target))
    throw new ProtocolError('HTTP_START_LINE', 'method or target cannot be sent')
  return encode(`${method} ${target} HTTP/1.1`, headers, { bytes: Buffer.from(body ?? ''), withLength: body !== undefined })
}

function encode(
  start: string,
  headers: ReadonlyArray<readonly [name: string, value: string]>,
  { bytes, withLength }: { bytes: Buffer; withLength: boolean }
): Buffer {
  const lines = [start]
  let framed = false
  for (const [name, value] of headers) {
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new ProtocolError('HTTP_HEADER', `header ${JSON.stringify(name)} cannot be sent`)
    framed ||= /^(?:content-length|transfer-encoding)$/i.test(name)
    lines.push(`${name}: ${value}`)
  }
  if (withLength && !framed) lines.push(`Content-Length: ${bytes.length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  return bytes.length === 0 ? head : Buffer.concat([head, bytes])
}
