/** What the proxy itself says to an HTTP client: one line of text. */
import { printable } from '../base/format.ts'
import { encodeResponse } from '../http/encode.ts'

export function plainAnswer(status: number, line: string, close: boolean): Buffer {
  return encodeResponse({
    status,
    headers: [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      ...(close ? ([['Connection', 'close']] as const) : [])
    ],
    body: `kubectl intercept access: ${printable(line, 1_000)}\n`
  })
}

export const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1')
