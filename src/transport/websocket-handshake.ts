/** The HTTP/1.1 upgrade to a WebSocket (RFC 6455 §4), both ends of it: what is sent and what is checked. No subprotocols, no extensions. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const KEY = /^[+/0-9A-Za-z]{22}==$/

const acceptOf = (key: string): string => createHash('sha1').update(`${key}${MAGIC}`).digest('base64')

export const randomKey = (): string => randomBytes(16).toString('base64')

export const upgradeHeaders = (key: string): Record<string, string> => ({
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': key,
  Connection: 'Upgrade',
  Upgrade: 'websocket'
})

/** Why the answer 101 is not one to our request, with `code` `WS_HANDSHAKE`. */
export function refusalOf({ headers }: IncomingMessage, key: string): Error | undefined {
  const wrong =
    headers.upgrade?.toLowerCase() !== 'websocket'
      ? 'Upgrade'
      : headers['sec-websocket-accept'] !== acceptOf(key)
        ? 'Sec-WebSocket-Accept'
        : // Neither was asked for.
          ['Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'].find(name => headers[name.toLowerCase()] !== undefined)
  if (wrong === undefined) return undefined
  return Object.assign(new Error(`the upgrade was answered with a wrong ${wrong} header`), { code: 'WS_HANDSHAKE' })
}

/** The answer to a request for an upgrade, in full; `accepted` tells whether the WebSocket begins behind it. */
export function answerUpgrade({ method, headers }: IncomingMessage): { accepted: boolean; text: string } {
  const key = headers['sec-websocket-key'] ?? ''
  const version = headers['sec-websocket-version']
  if (method !== 'GET') return { accepted: false, text: plain('405 Method Not Allowed') }
  if (headers.upgrade?.toLowerCase() !== 'websocket' || !KEY.test(key)) return { accepted: false, text: plain('400 Bad Request') }
  if (version !== '13') return { accepted: false, text: plain('400 Bad Request', 'Sec-WebSocket-Version: 13\r\n') }
  const head = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`
  return { accepted: true, text: `HTTP/1.1 101 Switching Protocols\r\n${head}` }
}

/** A whole answer that ends the connection. */
export function plain(status: string, headers = '', body = `${status.slice(4)}\n`): string {
  const type = 'Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n'
  return `HTTP/1.1 ${status}\r\n${type}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
