/**
 * One request of an HTTP/2 visitor. It becomes an HTTP/1.1 visitor of its own, in memory, and `http-entrypoint.ts` serves that one: routes, choice,
 * retries, refusals, limits and counters are the same by construction. Bodies flow as they come, with back-pressure both ways.
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { ProtocolError } from '../base/errors.ts'
import type { Connection } from '../base/connection.ts'
import { memoryPair } from '../transport/memory.ts'
import { encodeAnswer } from './answer.ts'
import { ByteReader } from './byte-reader.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import { serveHttp } from './http-entrypoint.ts'
import { Http2Response } from './http2-response.ts'
import { type Http2Fields, type Http2Request, planHttp2Request } from './http2-request.ts'
import { RequestRefused } from './request-plan.ts'

const UNSENT_BYTES = 131_072

/** Undefined when the request was refused, and the visitor told. */
export function readHttp2Request(stream: ServerHttp2Stream, fields: Http2Fields, context: ServerContext): Http2Request | undefined {
  try {
    return planHttp2Request(fields)
  } catch (error) {
    if (!(error instanceof RequestRefused)) throw error
    context.counters.requests += 1
    countRefusal(context, 'bad-request')
    const response = responseOn(stream, 'GET', { context, onFull: () => {}, onRoom: () => {} })
    response.push(encodeAnswer({ status: error.status, why: 'bad-request', detail: error.message, keepAlive: true }))
    return undefined
  }
}

/** Resolves when the exchange is over. */
export async function serveHttp2Request(
  stream: ServerHttp2Stream,
  request: Http2Request,
  { visitor, context }: { visitor: Visitor; context: ServerContext }
): Promise<void> {
  const [near, far] = memoryPair()
  const response = responseOn(stream, request.method, { context, onFull: () => near.pause(), onRoom: () => near.resume() })
  const fail = (): void => {
    // Not `close`, which would first end the stream: a body without a length would look whole.
    if (!response.done) stream.destroy(new Error('the response was cut short'))
    near.destroy(new Error('the response was cut short'))
  }
  near.on('data', (chunk: Buffer) => {
    try {
      response.push(chunk)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      context.log.info('answer not passed on over HTTP/2', { error, code: error.code })
      fail()
    }
    if (response.done) near.destroy()
  })
  near.once('end', () => {
    if (response.untilEnd) response.finish()
    fail()
  })
  near.once('close', fail)
  stream.once('close', () => {
    // An error tells the other side that nobody reads on; after a complete response there is nothing to tell.
    if (response.done) near.destroy()
    else near.destroy(new Error('the visitor reset its stream'))
  })
  // The visitor may stop sending what nobody wants any more (RFC 9113 §8.1).
  stream.once('finish', () => {
    if (response.done && !response.hasTrailers && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
  })
  near.write(request.head)
  sendBody(stream, near, request)
  await serveHttp({ ...visitor, connection: far, reader: new ByteReader(far), idle: false }, context)
}

function responseOn(
  stream: ServerHttp2Stream,
  method: string,
  rest: { context: ServerContext; onFull: () => void; onRoom: () => void }
): Http2Response {
  const { context, onFull, onRoom } = rest
  return new Http2Response(stream, { method, headBytes: context.limits.responseHeadBytes, onFull, onRoom })
}

/** The visitor's body, in chunks where HTTP/1.1 needs them, and its trailers. */
function sendBody(stream: ServerHttp2Stream, to: Connection, { chunked, webSocket }: Http2Request): void {
  let trailers: readonly string[] = []
  stream.once('trailers', (_headers: object, _flags: number, raw?: readonly string[]) => {
    trailers = raw ?? []
  })
  const write = (bytes: Buffer): void => {
    if (to.destroyed || to.writableEnded) return
    if (to.writableLength + bytes.length < UNSENT_BYTES) {
      to.write(bytes)
      return
    }
    stream.pause()
    to.write(bytes, () => stream.resume())
  }
  stream.on('data', (chunk: Buffer) => write(chunked ? framed(chunk) : chunk))
  stream.once('end', () => {
    if (chunked) write(lastChunk(trailers))
    else if (webSocket) to.end()
  })
}

const framed = (chunk: Buffer): Buffer => Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])

const NEVER_TRAILERS = new Set(['content-length', 'transfer-encoding', 'host', 'trailer', 'connection', 'te', 'upgrade'])
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Trailers that could be taken for something else are left out: nobody has to rely on one (RFC 9110 §6.5). */
function lastChunk(trailers: readonly string[]): Buffer {
  const lines: string[] = []
  for (let at = 0; at + 1 < trailers.length; at += 2) {
    const [name = '', value = ''] = [trailers[at], trailers[at + 1]]
    if (TOKEN.test(name) && VALUE.test(value) && !NEVER_TRAILERS.has(name)) lines.push(`${name}: ${value}\r\n`)
  }
  return Buffer.from(`0\r\n${lines.join('')}\r\n`, 'latin1')
}
