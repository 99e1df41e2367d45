/** `services/…/proxy` of the fake API server: HTTP and upgrades to a local port, credentials taken off. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net from 'node:net'
import type { Duplex } from 'node:stream'

const OWN = /^(?:authorization|impersonate-.*)$/i

function forwarded(request: IncomingMessage): string[] {
  const out: string[] = []
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? ''
    if (!OWN.test(name)) out.push(name, request.rawHeaders[at + 1] ?? '')
  }
  return out
}

export function proxyRequest(request: IncomingMessage, response: ServerResponse, to: { port: number; path: string }): void {
  const sent = http.request({
    host: '127.0.0.1',
    port: to.port,
    path: to.path,
    method: request.method ?? 'GET',
    headers: forwarded(request),
    setHost: false
  })
  sent.on('response', answer => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  sent.on('error', error => {
    response.writeHead(503, { 'Content-Type': 'application/json' })
    response.end(
      JSON.stringify({
        kind: 'Status',
        code: 503,
        reason: 'ServiceUnavailable',
        message: `error trying to reach service: ${error.message}`
      })
    )
  })
  request.pipe(sent)
}

/** Bytes both ways; both end as soon as one does. */
export function proxyUpgrade(request: IncomingMessage, client: Duplex, to: { port: number; path: string }): void {
  const backend = net.connect({ host: '127.0.0.1', port: to.port }, () => {
    const headers = forwarded(request)
    const lines = headers.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1] ?? ''}`] : []))
    backend.write(`${request.method ?? 'GET'} ${to.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    client.pipe(backend)
    backend.pipe(client)
  })
  const end = (): void => {
    client.destroy()
    backend.destroy()
  }
  backend.on('error', end)
  backend.on('close', end)
  client.on('error', end)
  client.on('close', end)
}
