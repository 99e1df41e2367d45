/**
 * One gRPC call: HTTP/2 from the visitor to the app, in a stream of its own, so that messages flow both ways at once, and status, trailers,
 * cancellation and reset codes arrive as they were sent. Deadlines are the app's and the visitor's (`grpc-timeout` passes); none is added. A refusal
 * of ours is a gRPC status (UNAVAILABLE) with its sentence, as clients show it.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type Http2Stream,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream
} from 'node:http2'
import { formatEndpoint } from '../base/connection.ts'
import { type Refusal, sentenceOf } from './answer.ts'
import { chooseConnector } from './choice.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import { connectApp } from './grpc-app.ts'
import type { Http2Request } from './http2-request.ts'
import { type OpenedStream, openStream } from './open-stream.ts'
import { type Asked, askedByRequest } from './personal.ts'
import type { Connector } from './registry.ts'
import { portOf, stripPort } from './routes.ts'

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_FLAG_END_STREAM } = constants
const UNAVAILABLE = '14'
const UNSENT_BYTES = 131_072
/** As the app said it: no Date of ours. The option is not in node's types. */
const AS_SAID = { sendDate: false }

export interface GrpcCall {
  request: Http2Request
  visitor: Visitor
  context: ServerContext
}

/** Resolves when the call is over. */
export async function serveGrpc(stream: ServerHttp2Stream, call: GrpcCall): Promise<void> {
  const { request, context } = call
  context.counters.requests += 1
  const route = context.routes.find(request.authority)
  if (route === undefined || route.private) {
    refuse(stream, 'no-route', context)
    return
  }
  context.active.count += 1
  try {
    await serveRouted(stream, route.tunnelId, call)
  } finally {
    context.active.count -= 1
  }
}

/** A connector is tried as long as its app has not been given the request. */
async function serveRouted(stream: ServerHttp2Stream, tunnelId: string, { request, visitor, context }: GrpcCall): Promise<void> {
  const { authority, method, path, fields } = request
  const open = { source: visitor.source, destination: { host: stripPort(authority), port: portOf(authority, 80) } }
  const tried = new Set<Connector>()
  const asked = (): Asked => askedByRequest({ method, path, host: authority, headers: fields }, formatEndpoint(visitor.source))
  const hasOther = (): boolean =>
    tried.size < context.limits.attempts &&
    chooseConnector(context.registry.connectors(tunnelId), { network: 'tcp', random: () => 0, except: tried, asked })?.condition === 'live'
  let why: Refusal = 'no-connector'
  while (tried.size < context.limits.attempts && !stream.destroyed) {
    const opened = openStream(context, tunnelId, { open, tried, asked })
    if (opened === undefined) break
    if (tried.size > 1) context.counters.retried += 1
    const app = await connectApp(opened, { context, hasOther })
    if (typeof app !== 'string') {
      await pass(stream, { app, opened, request: { ...request, fields: tellWhoAsked(request, visitor, context) }, context })
      return
    }
    why = app === 'unanswered' ? 'no-answer' : app
    if (app === 'no-answer') break
  }
  if (stream.destroyed) context.counters.aborted += 1
  else refuse(stream, why, context)
}

/** With the fields of `forwarding.ts`, where they are wanted, in the lower case of HTTP/2. */
function tellWhoAsked({ fields, authority: host }: Http2Request, visitor: Visitor, { forwarding }: ServerContext): Http2Request['fields'] {
  const { source, secure = false } = visitor
  return forwarding?.(fields, { source, host, secure }).map(([name, value]) => [name.toLowerCase(), value] as const) ?? fields
}

interface Way {
  app: ClientHttp2Session
  opened: OpenedStream
  request: Http2Request
  context: ServerContext
}

async function pass(stream: ServerHttp2Stream, { app, opened, request, context }: Way): Promise<void> {
  try {
    if (stream.destroyed) return
    const startedAt = context.clock.now()
    const call = app.request(
      { ':method': request.method, ':path': request.path, ':authority': request.authority, ...grouped(request.fields) },
      { endStream: request.ended }
    )
    call.on('error', error => context.log.debug('call to the app failed', { error })) // `close` follows
    call.once('response', headers => opened.connector.tally?.answered(headers[':status'] ?? 0, context.clock.now() - startedAt))
    if (!request.ended) pump(stream, call)
    answerWith(stream, call, { app, context })
    await Promise.all([closed(stream), closed(call)])
  } finally {
    app.destroy()
    opened.connection.destroy()
  }
}

/** Everything that the app says, in its order; how it ends is how the visitor's stream ends. */
function answerWith(stream: ServerHttp2Stream, call: ClientHttp2Stream, { app, context }: Pick<Way, 'app' | 'context'>): void {
  let trailers: OutgoingHttpHeaders | undefined
  let ended = false
  let reset = false
  stream.once('wantTrailers', () => {
    if (!reset) stream.sendTrailers(trailers ?? {})
  })
  call.on('headers', headers => {
    if (!stream.destroyed) stream.additionalHeaders(withoutSymbols(headers))
  })
  call.once('response', (headers, flags) => {
    if (stream.destroyed || stream.headersSent) return
    const endStream = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    ended = endStream
    stream.respond(withoutSymbols(headers), { endStream, waitForTrailers: !endStream, ...AS_SAID })
    if (!endStream) pump(call, stream)
  })
  call.once('trailers', headers => {
    trailers = withoutSymbols(headers)
  })
  call.once('end', () => {
    ended ||= call.rstCode === NGHTTP2_NO_ERROR
  })
  call.once('close', () => {
    if (ended && call.rstCode === NGHTTP2_NO_ERROR) {
      // The app has said all, and wants no more of the visitor.
      if (!stream.readableEnded && !stream.destroyed) stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
    } else if (!stream.destroyed && app.destroyed && !stream.headersSent) refuse(stream, 'app-closed', context)
    else if (!stream.destroyed) {
      reset = true
      stream.close(call.rstCode === NGHTTP2_NO_ERROR ? constants.NGHTTP2_INTERNAL_ERROR : call.rstCode)
    }
  })
  stream.once('close', () => {
    if (call.closed || call.destroyed) return
    context.counters.aborted += 1
    call.close(stream.rstCode === NGHTTP2_NO_ERROR ? NGHTTP2_CANCEL : stream.rstCode)
  })
}

/** Bytes as they come, and the end; reads no faster than the other side takes. */
function pump(from: Http2Stream, to: Http2Stream): void {
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed || to.writableEnded) return
    if (to.writableLength + chunk.length < UNSENT_BYTES) {
      to.write(chunk)
      return
    }
    from.pause()
    to.write(chunk, () => from.resume())
  })
  from.once('end', () => {
    if (from.rstCode === NGHTTP2_NO_ERROR && !to.destroyed && !to.writableEnded) to.end()
  })
}

const closed = (stream: Http2Stream): Promise<void> =>
  new Promise(resolve => {
    if (stream.destroyed) resolve()
    else stream.once('close', () => resolve())
  })

function refuse(stream: ServerHttp2Stream, why: Refusal, context: ServerContext): void {
  countRefusal(context, why)
  if (stream.destroyed || stream.headersSent) return
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': UNAVAILABLE,
      'grpc-message': encodeURIComponent(sentenceOf(why)).replaceAll('%20', ' '),
      'x-intercept-error': why
    },
    { endStream: true, ...AS_SAID }
  )
  if (!stream.readableEnded) stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR))
}

/** A name that comes more than once has all its values, in their order. */
function grouped(fields: readonly (readonly [string, string])[]): OutgoingHttpHeaders {
  const groups = new Map<string, string[]>()
  for (const [name, value] of fields) groups.set(name, [...(groups.get(name) ?? []), value])
  return Object.fromEntries([...groups].map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}

/** node:http2 marks sensitive fields by a symbol, which it takes back only as an array of its own. */
const withoutSymbols = (headers: object): OutgoingHttpHeaders => Object.fromEntries(Object.entries(headers))
