/**
 * HTTP/2 visitors, with prior knowledge or by ALPN: one session of node:http2 per connection, bounded in streams, header bytes, control frames and
 * resets; each request is served by itself (`http2-exchange.ts`, `grpc-exchange.ts`).
 */
import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions
} from 'node:http2'
import type { Timer } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { ServerContext, Visitor } from './context.ts'
import { serveGrpc } from './grpc-exchange.ts'
import { readHttp2Request, serveHttp2Request } from './http2-exchange.ts'
import { AS_OFTEN_AS_SAID } from './http2-options.ts'
import type { ServerLimits } from './limits.ts'
import { rateLimit } from './rate-limit.ts'

const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM

/** Resolves when the visitor's connection is over. */
export function serveHttp2(visitor: Visitor, context: ServerContext): Promise<void> {
  const { connection, reader } = visitor
  const rest = reader.release()
  if (rest.length > 0) connection.unshift(rest)
  return serveHttp2Session(visitor, context)
}

/** The same where no byte was read yet. */
export function serveHttp2Session(visitor: Visitor, context: ServerContext): Promise<void> {
  return visitor.connection.destroyed ? Promise.resolve() : new Http2Visitor(visitor, context).closed
}

class Http2Visitor {
  readonly closed: Promise<void>
  readonly #visitor: Visitor
  readonly #context: ServerContext
  readonly #session: ServerHttp2Session
  #open = 0
  #timer: Timer | undefined

  constructor(visitor: Visitor, context: ServerContext) {
    const { limits, clock } = context
    this.#visitor = visitor
    this.#context = context
    const session = performServerHandshake(visitor.connection, sessionOptions(limits))
    this.#session = session
    session.setLocalWindowSize(limits.http2SessionWindowBytes)
    const calm = rateLimit({ perSecond: limits.http2ControlPerSecond, clock })
    const count = (): void => {
      if (!calm()) session.destroy(new Error('too many control frames'), constants.NGHTTP2_ENHANCE_YOUR_CALM)
    }
    session.on('ping', count).on('remoteSettings', count)
    session.on('error', (error: Error) => context.log.debug('HTTP/2 session failed', { error }))
    session.on('stream', (stream: ServerHttp2Stream, _headers: IncomingHttpHeaders, flags: number, raw?: string[]) =>
      this.#serve(stream, { raw: raw ?? [], ended: (flags & END_STREAM) !== 0 })
    )
    // Half-closed is of no use to HTTP/2.
    visitor.connection.once('end', () => session.destroy())
    this.closed = new Promise(resolve => {
      session.once('close', () => {
        this.#timer?.cancel()
        visitor.connection.destroy()
        resolve()
      })
    })
    visitor.drain = () => this.#drain()
    this.#wait(limits.headTimeoutMs)
  }

  #serve(stream: ServerHttp2Stream, fields: { raw: readonly string[]; ended: boolean }): void {
    const { limits, log } = this.#context
    stream.on('error', (error: Error) => log.debug('HTTP/2 stream failed', { error })) // `close` follows
    this.#timer?.cancel()
    this.#open += 1
    this.#visitor.busy = true
    stream.once('close', () => {
      this.#open -= 1
      if (this.#open === 0) this.#wait(limits.idleTimeoutMs)
    })
    if (this.#context.draining()) this.#drain()
    this.#exchange(stream, fields).catch((error: unknown) => {
      log.error('HTTP/2 request failed', { error: asError(error) })
      stream.destroy(asError(error))
    })
  }

  async #exchange(stream: ServerHttp2Stream, fields: { raw: readonly string[]; ended: boolean }): Promise<void> {
    const request = readHttp2Request(stream, fields, this.#context)
    if (request === undefined) return
    const serving = { visitor: this.#visitor, context: this.#context }
    if (request.grpc) await serveGrpc(stream, { request, ...serving })
    else await serveHttp2Request(stream, request, serving)
  }

  /** Nobody stays without a request in progress, whatever bytes come. */
  #wait(ms: number): void {
    this.#visitor.busy = false
    this.#timer?.cancel()
    this.#timer = this.#context.clock.after(ms, () => this.#end(), { unref: true })
  }

  #end(): void {
    const { clock, limits } = this.#context
    this.#session.close()
    this.#timer = clock.after(limits.lingerMs, () => this.#session.destroy(), { unref: true })
  }

  /**
   * Asks for no more, and names the last request that is served: the visitor may send later ones elsewhere. In one step, since nghttp2 takes no stream
   * after a GOAWAY whatever that names (RFC 9113 §6.8 would have two).
   */
  #drain(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close()
  }
}

const sessionOptions = (limits: ServerLimits): ServerOptions => ({
  ...AS_OFTEN_AS_SAID,
  settings: {
    enablePush: false,
    enableConnectProtocol: true,
    maxConcurrentStreams: limits.http2Streams,
    initialWindowSize: limits.http2StreamWindowBytes,
    // Beyond it a stream is reset; up to it, a head that is too large is answered with 431.
    maxHeaderListSize: 2 * limits.headBytes
  },
  maxHeaderListPairs: limits.http2Fields,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 10,
  maxSessionRejectedStreams: 100,
  streamResetBurst: limits.http2ResetBurst,
  streamResetRate: limits.http2ResetsPerSecond
})
