/** A visitor: one HTTP request to an entrypoint, on a connection of its own unless an agent is given. */
import http from 'node:http'

export interface VisitOptions {
  /** The Host header, which selects the tunnel. */
  host?: string
  method?: string
  headers?: Readonly<Record<string, string>>
  body?: string | Buffer
  /** Keeps connections, when given. */
  agent?: http.Agent
  /** Gives up after this long (20 s). */
  timeoutMs?: number
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
  readonly text: string
  /** From sending to the end of the body. */
  readonly ms: number
}

/** Makes the request to `http://127.0.0.1:PORT/path` with that Host; rejects when the connection breaks or the time is up. */
export function visit(url: string, options: VisitOptions = {}): Promise<Answer> {
  const started = performance.now()
  const { host, method = 'GET', headers = {}, body, agent = new http.Agent({ maxSockets: 1 }), timeoutMs = 20_000 } = options
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method, agent, headers: { ...(host === undefined ? {} : { host }), ...headers }, signal: AbortSignal.timeout(timeoutMs) },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const whole = Buffer.concat(chunks)
          if (options.agent === undefined) agent.destroy()
          const { statusCode = 0, headers: answered, trailers } = response
          resolve({ status: statusCode, headers: answered, trailers, body: whole, text: whole.toString(), ms: performance.now() - started })
        })
      }
    )
    request.once('error', reject)
    request.end(body)
  })
}
