/** One small HTTP/1.1 request over a connection of ours, for probes: head out, head in, done. Bodies are not read. */
import type { Dial } from '../base/connection.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseResponseHead } from '../http/head.ts'
import type { HttpAnswer } from '../kube/types.ts'
import { ask } from './ask.ts'
import type { VisitorRequest } from './types.ts'

/** Rejects when the connection fails or ends before a whole head; `signal` bounds the wait. */
export function requestOver(dial: Dial, request: VisitorRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const headers = { Host: request.host, 'User-Agent': 'kubectl-intercept', Connection: 'close', ...request.headers }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const reader = new HeadReader()
  const read = (chunk: Buffer): HttpAnswer | undefined => {
    const done = reader.push(chunk)
    if (done === undefined) return undefined
    const head = parseResponseHead(done.raw)
    return { status: head.status, headers: head.headers }
  }
  return ask(dial, { bytes: `${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`, read }, signal)
}
