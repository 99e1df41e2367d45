/**
 * A WebSocket to the API server with one of Kubernetes' subprotocols. `ws` refuses the name `SPDY/3.1+portforward.k8s.io` (it holds a `/`), so
 * the header is set by hand and the server's choice is checked before `ws` sees it.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { type ClientOptions, WebSocket } from 'ws'
import { type Clock, deadline } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { type ApiClient, readText, saidOf } from './api-client.ts'
import { type Asked, parseStatus, statusError, unreachable } from './errors.ts'

export interface ApiWebSocketRequest {
  /** Path and query, escaped. */
  path: string
  subprotocol: string
  asked: Asked
  clock: Clock
  signal: AbortSignal
}

/** Paused, so that no message is lost before its taker listens and resumes. */
export interface ApiWebSocket {
  ws: WebSocket
  socket: Connection
}

/** The server does not speak this subprotocol here: another one may work. */
export class SubprotocolRefused extends Error {
  override readonly name = 'SubprotocolRefused'
  readonly status: number

  constructor(subprotocol: string, status: number) {
    super(`the API server does not offer ${subprotocol} (HTTP ${status})`)
    this.status = status
  }
}

const HANDSHAKE_TIMEOUT_MS = 15_000
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024

/** Rejects with SubprotocolRefused, an InterceptError, or the signal's reason. */
export async function openApiWebSocket(client: ApiClient, wanted: ApiWebSocketRequest): Promise<ApiWebSocket> {
  const late = (): Error =>
    new InterceptError(
      'CLUSTER_UNREACHABLE',
      `the API server at ${client.server} did not open the WebSocket within ${HANDSHAKE_TIMEOUT_MS / 1000} s`,
      {
        hint: 'does a proxy or load balancer in front of it pass WebSockets?'
      }
    )
  const limit = deadline(wanted.clock, HANDSHAKE_TIMEOUT_MS, late, wanted.signal)
  try {
    const first = await attempt(client, wanted, limit.signal)
    if ('ws' in first) return first
    const second = first.status === 401 && client.credentials.renew() ? await attempt(client, wanted, limit.signal) : first
    if ('ws' in second) return second
    throw refusal(client, wanted, second)
  } catch (error) {
    limit.signal.throwIfAborted()
    throw error instanceof SubprotocolRefused ? error : unreachable(error, client.server)
  } finally {
    limit.done()
  }
}

interface Refused {
  status: number
  body: string
}

/** 403 without a `Status` is how old kubelets refuse a subprotocol (x/net/websocket), not a matter of permissions. */
function refusal(client: ApiClient, { subprotocol, asked }: ApiWebSocketRequest, { status, body }: Refused): Error {
  const known = parseStatus(body)
  const final = status === 401 || (known !== undefined && (status === 403 || status === 404))
  return final ? statusError(status, body, asked, client) : new SubprotocolRefused(subprotocol, status)
}

async function attempt(client: ApiClient, wanted: ApiWebSocketRequest, signal: AbortSignal): Promise<ApiWebSocket | Refused> {
  const auth = await client.credentials.headers()
  const socket = await client.dial(signal)
  return new Promise((resolve, reject) => {
    const ws = new WebSocket('ws://api.invalid/', clientOptions(socket, { client, wanted, auth }))
    const said = saidOf({ log: client.log, clock: wanted.clock, server: client.server }, { method: 'GET', path: wanted.path })
    const settle = (): void => signal.removeEventListener('abort', onAbort)
    const fail = (error: unknown): void => {
      settle()
      said({ error })
      ws.on('error', () => {}) // destroying the socket makes `ws` report once more
      socket.destroy()
      reject(error)
    }
    const onAbort = (): void => fail(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    ws.once('error', fail)
    ws.once('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
      said({ status: response.statusCode })
      readText(response).then(body => {
        settle()
        ws.on('error', () => {})
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, body })
      }, fail)
    })
    ws.once('open', () => {
      settle()
      said({ status: 101 })
      ws.removeListener('error', fail)
      ws.pause()
      resolve({ ws, socket })
    })
  })
}

interface Upgrade {
  client: ApiClient
  wanted: ApiWebSocketRequest
  auth: Readonly<Record<string, string | string[]>>
}

function clientOptions(socket: Connection, { client, wanted, auth }: Upgrade): ClientOptions {
  return {
    // @types/node wants a net.Socket here, node:http itself takes any Duplex.
    createConnection: (() => socket) as unknown as NonNullable<ClientOptions['createConnection']>,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: MAX_MESSAGE_BYTES,
    headers: { Host: client.host },
    finishRequest: (request, ws) => {
      request.path = `${client.basePath}${wanted.path}`
      for (const [name, value] of Object.entries(auth)) request.setHeader(name, value)
      request.setHeader('Sec-WebSocket-Protocol', wanted.subprotocol)
      request.prependListener('upgrade', response => {
        if (response.headers['sec-websocket-protocol'] !== wanted.subprotocol) {
          ws.emit('error', new SubprotocolRefused(wanted.subprotocol, 101))
        }
        delete response.headers['sec-websocket-protocol']
      })
      request.end()
    }
  }
}
