/**
 * WebSocket client as gost dials one (x/dialer/ws): an HTTP/1.1 upgrade over whatever connection a `Dial` gives, no subprotocol, no
 * compression. Bytes from then on: `websocket-stream.ts`.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type Clock, deadline, systemClock } from '../base/clock.ts'
import { type Connection, type Dial, formatEndpoint } from '../base/connection.ts'
import type { WebSocketOptions } from './types.ts'
import { randomKey, refusalOf, upgradeHeaders } from './websocket-handshake.ts'
import { type WebSocketConnection, WebSocketStream } from './websocket-stream.ts'

/** Something answered the upgrade with a plain HTTP response. */
export class WebSocketRefused extends Error {
  override readonly name = 'WebSocketRefused'
  readonly code = 'WS_REFUSED'
  readonly status: number
  /** The first 4 KiB. */
  readonly body: string

  constructor(status: number, body: string) {
    super(`the WebSocket upgrade was answered with HTTP ${status}`)
    this.status = status
    this.body = body
  }
}

export interface WebSocketDialOptions extends WebSocketOptions {
  clock?: Clock
}

export type DialWebSocket = (signal: AbortSignal) => Promise<WebSocketConnection>

const HANDSHAKE_TIMEOUT_MS = 15_000
const BODY_LIMIT = 4_096

/** Rejects with `WebSocketRefused`, the dial's own error, or the signal's reason. */
export function dialWebSocket(dial: Dial, options: WebSocketDialOptions = {}): DialWebSocket {
  const { clock = systemClock, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = options
  return async signal => {
    const timeoutError = (): Error =>
      Object.assign(new Error(`no WebSocket handshake within ${handshakeTimeoutMs} ms`), { code: 'ETIMEDOUT' })
    const limit = deadline(clock, handshakeTimeoutMs, timeoutError, signal)
    try {
      const socket = await dial(limit.signal)
      return await upgrade(socket, options, limit.signal)
    } finally {
      limit.done()
    }
  }
}

function upgrade(socket: Connection, options: WebSocketDialOptions, signal: AbortSignal): Promise<WebSocketConnection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      socket.destroy()
      reject(signal.reason)
      return
    }
    const key = randomKey()
    const asked = ask(socket, options, key)
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('error', fail)
    }
    const fail = (error: unknown): void => {
      settle()
      socket.destroy()
      reject(error)
    }
    const onAbort = (): void => fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('error', fail)
    asked.on('error', fail) // stays: destroying the socket makes it report once more
    asked.once('response', response => {
      readStart(response).then(body => fail(new WebSocketRefused(response.statusCode ?? 0, body)), fail)
    })
    asked.once('upgrade', (response, _socket, head) => {
      const refusal = refusalOf(response, key)
      if (refusal !== undefined) {
        fail(refusal)
        return
      }
      settle()
      const masking = socket.opaque === true ? 'zero' : 'random'
      resolve(new WebSocketStream(socket, { masking, head, clock: options.clock }))
    })
    asked.end()
  })
}

function ask(socket: Connection, options: WebSocketOptions, key: string): ClientRequest {
  const host = options.host ?? (socket.remote === undefined ? 'localhost' : formatEndpoint(socket.remote))
  return request({
    createConnection: () => socket,
    path: encodePath(options.path ?? '/ws'),
    headers: { Host: host, ...upgradeHeaders(key), ...options.headers }
  })
}

/** A path as Go's URL.EscapedPath writes it, so that `?` or a blank in gost's `path` means the same to its server. */
export function encodePath(path: string): string {
  const escaped = path.replace(/[^A-Za-z0-9\-_.~$&+,/:;=@]/gu, char =>
    [...Buffer.from(char)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  )
  return escaped.startsWith('/') ? escaped : `/${escaped}`
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= BODY_LIMIT) break
  }
  return Buffer.concat(chunks).subarray(0, BODY_LIMIT).toString()
}
