/** HTTP/2 visitors by node:http2: one request, and everything that came back for it. */
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'

export interface Http2Answer {
  status: number
  headers: IncomingHttpHeaders
  /** Interim responses. */
  interim: IncomingHttpHeaders[]
  trailers: IncomingHttpHeaders | undefined
  body: Buffer
  text: string
}

export interface Http2VisitOptions {
  body?: Buffer | string
  trailers?: OutgoingHttpHeaders
}

/** A session that is destroyed by `using`. */
export async function openHttp2(url: string, options: http2.SecureClientSessionOptions = {}): Promise<ClientHttp2Session & Disposable> {
  const session = http2.connect(url, options)
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
  })
  session.on('error', () => {}) // its streams tell
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() })
}

/** Rejects when the stream is reset; the error carries its code as `rstCode`. */
export function visitHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  options: Http2VisitOptions = {}
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const { body, trailers } = options
    const stream = session.request(headers, {
      endStream: body === undefined && trailers === undefined,
      waitForTrailers: trailers !== undefined
    })
    const answer: Http2Answer = { status: 0, headers: {}, interim: [], trailers: undefined, body: Buffer.alloc(0), text: '' }
    const chunks: Buffer[] = []
    stream.on('headers', interim => void answer.interim.push(interim))
    stream.once('wantTrailers', () => stream.sendTrailers(trailers ?? {}))
    stream.once('response', received => {
      answer.headers = received
      answer.status = received[':status'] ?? 0
    })
    stream.once('trailers', received => {
      answer.trailers = received
    })
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.once('error', error => reject(Object.assign(error, { rstCode: stream.rstCode })))
    stream.once('close', () => {
      answer.body = Buffer.concat(chunks)
      answer.text = answer.body.toString()
      if (answer.status === 0 || stream.rstCode !== 0)
        reject(Object.assign(new Error('no whole answer'), { rstCode: stream.rstCode, answer }))
      else resolve(answer)
    })
    if (body !== undefined || trailers !== undefined) stream.end(body)
  })
}
