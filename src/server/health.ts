/** A port for the kubelet and Prometheus: `/healthz` (alive), `/readyz` (wanted by visitors) and `/metrics`. Plain HTTP, GET and HEAD only. */
import http from 'node:http'
import { closeOnce, type Closable } from '../base/closable.ts'
import type { Endpoint } from '../base/connection.ts'

export interface HealthOptions extends Endpoint {
  /** Why it is not ready, in words; undefined when it is. */
  unready: () => string | undefined
  metrics: () => Promise<{ type: string; text: string }>
}

export interface Health extends Closable {
  readonly port: number
}

/** A probe is a few hundred bytes; whoever sends slower is nobody that we wait for. */
const REQUEST_TIMEOUT_MS = 5_000
const MOST_CONNECTIONS = 100

/** Rejects with Node's error when the address cannot be listened on. */
export async function startHealth({ host, port, unready, metrics }: HealthOptions): Promise<Health> {
  const server = http.createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 8_192, keepAliveTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const say = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
        response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
        response.end(request.method === 'HEAD' ? '' : text)
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, 'GET and HEAD only\n')
      const path = request.url?.replace(/\?.*$/, '')
      if (path === '/healthz') return say(200, 'ok\n')
      if (path === '/readyz') {
        const why = unready()
        return why === undefined ? say(200, 'ok\n') : say(503, `${why}\n`)
      }
      if (path !== '/metrics') return say(404, 'there are /healthz, /readyz and /metrics\n')
      metrics().then(
        ({ type, text }) => say(200, text, type),
        (error: unknown) => say(500, `${String(error)}\n`)
      )
    }
  )
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === '' ? {} : { host }) }, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: closeOnce(
      () =>
        new Promise(resolve => {
          server.close(() => resolve())
          server.closeAllConnections()
        })
    )
  }
}
