/** One small HTTP/1.1 request over a connection of ours, for probes: head out, head in, done. Bodies are not read. */
import type { Dial } from '../base/connection.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseResponseHead } from '../http/head.ts'
import type { HttpAnswer } from '../kube/types.ts'
import type { VisitorRequest } from './types.ts'

/** Rejects when the connection fails or ends before a whole head; `signal` bounds the wait. */
export async function requestOver(dial: Dial, request: VisitorRequest, signal: AbortSignal): Promise<HttpAnswer> {
  const connection = await dial(signal)
  try {
    const headers = { Host: request.host, 'User-Agent': 'kubectl-intercept', Connection: 'close', ...request.headers }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    connection.write(`${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return await new Promise<HttpAnswer>((resolve, reject) => {
      const reader = new HeadReader()
      connection.on('data', (chunk: Buffer) => {
        try {
          const read = reader.push(chunk)
          if (read === undefined) return
          const head = parseResponseHead(read.raw)
          resolve({ status: head.status, headers: head.headers })
        } catch (error) {
          reject(error)
        }
      })
      connection.on('end', () => reject(new Error('the connection ended before an answer')))
      connection.on('error', reject)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      if (signal.aborted) reject(signal.reason)
    })
  } finally {
    connection.on('error', () => {}) // we are done with it
    connection.destroy()
  }
}
