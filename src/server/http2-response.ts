/**
 * Bytes of an HTTP/1.1 response → an HTTP/2 one on a stream: interim responses, head, body and trailers, each as soon as it is there. What belongs to
 * one HTTP/1.1 connection stays behind (RFC 9113 §8.2.2).
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2'
import { ProtocolError } from '../base/errors.ts'
import { BodyFramer } from '../http/framer.ts'
import { responseFraming } from '../http/framing.ts'
import { parseResponseHead } from '../http/head.ts'
import { HeadReader } from '../http/head-reader.ts'
import type { ResponseHead } from '../http/message.ts'
import { AS_SAID } from './http2-options.ts'
import { connectionFields } from './request-plan.ts'

export interface Http2ResponseOptions {
  /** Of the request; CONNECT for a WebSocket. */
  method: string
  headBytes: number
  /** Waits in memory for the visitor: ask for no more until `onRoom`. */
  onFull: () => void
  onRoom: () => void
}

const UNSENT_BYTES = 131_072

export class Http2Response {
  readonly #stream: ServerHttp2Stream
  readonly #options: Http2ResponseOptions
  readonly #heads: HeadReader
  #body: BodyFramer | undefined
  #trailers: OutgoingHttpHeaders | undefined
  /** The bytes of a WebSocket follow. */
  #raw = false
  #mayTrail = false
  done = false

  constructor(stream: ServerHttp2Stream, options: Http2ResponseOptions) {
    this.#stream = stream
    this.#options = options
    this.#heads = new HeadReader(options.headBytes)
  }

  /** The body ends with the connection. */
  get untilEnd(): boolean {
    return this.#raw || this.#body?.untilClose === true
  }

  /** Something comes behind the body. */
  get hasTrailers(): boolean {
    return this.#mayTrail
  }

  /** Throws ProtocolError on what is no response. */
  push(chunk: Buffer): void {
    let rest = chunk
    while (this.#body === undefined && !this.#raw && !this.done) {
      const read = this.#heads.push(rest)
      if (read === undefined) return
      rest = read.rest
      this.#head(parseResponseHead(read.raw))
    }
    if (rest.length === 0 || this.done) return
    if (this.#raw) this.#send(rest)
    else if (this.#body?.push(rest).done === true) this.finish()
  }

  /** The response is complete. */
  finish(): void {
    if (this.done) return
    this.done = true
    if (this.#open) this.#stream.end()
  }

  get #open(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed
  }

  #head(head: ResponseHead): void {
    if (!this.#open) return
    const { method } = this.#options
    const webSocket = method === 'CONNECT'
    const framing = responseFraming(head, webSocket ? 'GET' : method)
    if (framing.kind === 'tunnel') {
      if (!webSocket) throw new ProtocolError('HTTP_UPGRADE', 'the app switched protocols unasked')
      this.#raw = true
      this.#respond({ ':status': 200, ...fieldsOf(head, UPGRADE_FIELDS) }, {})
      return
    }
    const fields = { ':status': head.status, ...fieldsOf(head) }
    if (head.status < 200) {
      try {
        this.#stream.additionalHeaders(fields)
      } catch {
        // HTTP/2 cannot say it, and nobody has to rely on one.
      }
      return
    }
    const endStream = framing.kind === 'none'
    this.#mayTrail = framing.kind === 'chunked'
    this.#respond(fields, { endStream, waitForTrailers: this.#mayTrail })
    if (endStream) this.done = true
    else this.#follow(new BodyFramer(framing, { payload: bytes => this.#send(bytes), trailers: raw => this.#keepTrailers(raw) }))
  }

  /** node:http2 refuses what HTTP/2 cannot say, such as two fields of a kind that has one value. */
  #respond(fields: OutgoingHttpHeaders, options: ServerStreamResponseOptions): void {
    try {
      this.#stream.respond(fields, { ...options, ...AS_SAID })
    } catch (cause) {
      throw new ProtocolError('HTTP_HEADER', 'the head of the app cannot be said in HTTP/2', { cause })
    }
  }

  #follow(body: BodyFramer): void {
    this.#body = body
    this.#stream.once('wantTrailers', () => {
      try {
        this.#stream.sendTrailers(this.#trailers ?? {})
      } catch {
        this.#stream.sendTrailers({}) // as above
      }
    })
  }

  #keepTrailers(raw: Buffer): void {
    const head = parseResponseHead(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), raw]))
    this.#trailers = fieldsOf(head, NEVER_TRAILERS)
  }

  #send(bytes: Buffer): void {
    if (!this.#open || bytes.length === 0) return
    if (this.#stream.writableLength + bytes.length < UNSENT_BYTES) {
      this.#stream.write(bytes)
      return
    }
    this.#options.onFull()
    this.#stream.write(bytes, () => this.#options.onRoom())
  }
}

const OF_CONNECTION = ['transfer-encoding', 'upgrade', 'http2-settings', 'te']
const UPGRADE_FIELDS = ['sec-websocket-accept', 'content-length']
const NEVER_TRAILERS = ['content-length', 'host', 'trailer']

/** Lower-case names; a name that comes more than once has all its values, in their order. */
function fieldsOf(head: ResponseHead, without: readonly string[] = []): OutgoingHttpHeaders {
  const dropped = new Set(connectionFields(head))
  for (const name of [...OF_CONNECTION, ...without]) dropped.add(name)
  const fields = new Map<string, string[]>()
  for (const [name, value] of head.headers) {
    const key = name.toLowerCase()
    if (dropped.has(key)) continue
    const values = fields.get(key)
    if (values === undefined) fields.set(key, [value])
    else values.push(value)
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}
