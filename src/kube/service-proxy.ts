/**
 * Reaching a Service through the API server, `services/http:NAME:PORT/proxy/PATH`: one request, or a WebSocket whose messages are a byte stream.
 * The backend sees our Host and headers; the API server keeps Authorization for itself. It ends both directions as soon as one ends.
 */
import type { Clock } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { dialWebSocket, WebSocketRefused } from '../transport/websocket.ts'
import type { ApiClient, ApiRequest } from './api-client.ts'
import { type Asked, parseStatus, statusError, unreachable } from './errors.ts'
import type { Cluster, HttpAnswer, ServiceTarget } from './types.ts'

/** The unescaped path; `path` may hold a query. */
function proxyPath({ namespace, service, port }: ServiceTarget, path: string): string {
  const rooted = path.startsWith('/') ? path : `/${path}`
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/http:${encodeURIComponent(service)}:${encodeURIComponent(port)}/proxy${rooted}`
}

const asked = ({ namespace, service }: ServiceTarget, verb: string): Asked => ({
  verb,
  resource: 'services/proxy',
  namespace,
  name: service
})

export function serviceProxySocket(client: ApiClient, clock: Clock): Cluster['serviceProxySocket'] {
  return (target, path, headers): Dial =>
    async signal => {
      try {
        return await open(client, { target, path, headers, clock, signal })
      } catch (error) {
        signal.throwIfAborted()
        throw refusalOf(error, client, target)
      }
    }
}

interface Socket {
  target: ServiceTarget
  path: string
  headers: Readonly<Record<string, string>>
  clock: Clock
  signal: AbortSignal
}

async function open(client: ApiClient, { target, path, headers, clock, signal }: Socket) {
  const attempt = async () => {
    const { Host, host, ...others } = headers
    const auth = (await client.credentials.headers()) as Record<string, string>
    const hostHeader = Host ?? host ?? client.host
    return dialWebSocket(client.dial, {
      host: hostHeader,
      path: `${client.basePath}${proxyPath(target, path)}`,
      headers: { ...others, ...auth },
      clock
    })(signal)
  }
  try {
    return await attempt()
  } catch (error) {
    if (error instanceof WebSocketRefused && error.status === 401 && parseStatus(error.body) !== undefined && client.credentials.renew())
      return attempt()
    throw error
  }
}

/** What the API server itself says becomes an InterceptError; what the backend answers stays a WebSocketRefused with its status. */
function refusalOf(error: unknown, client: ApiClient, target: ServiceTarget): unknown {
  if (!(error instanceof WebSocketRefused)) return unreachable(error, client.server)
  return parseStatus(error.body) === undefined ? error : statusError(error.status, error.body, asked(target, 'get'), client)
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  OPTIONS: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete'
}

const isMethod = (method: string): method is ApiRequest['method'] => method in VERBS

export function serviceProxyRequest(client: ApiClient): Cluster['serviceProxyRequest'] {
  return async (target, { method, path, headers }, signal): Promise<HttpAnswer> => {
    if (!isMethod(method)) throw new InterceptError('BAD_USAGE', `the API server does not pass ${method} on`)
    const answer = await client.send({ method, path: proxyPath(target, path), headers: { ...headers }, signal })
    const start: Buffer[] = []
    let length = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (length < 65_536) start.push(chunk)
      length += chunk.length
    }
    const status = answer.statusCode ?? 0
    const body = Buffer.concat(start).toString('utf8')
    // The backend's own errors pass through; only a Status object is the API server speaking.
    if (status >= 400 && parseStatus(body) !== undefined) throw statusError(status, body, asked(target, VERBS[method] ?? 'get'), client)
    return { status, headers: pairs(answer.rawHeaders) }
  }
}

function pairs(raw: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) out.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return out
}
