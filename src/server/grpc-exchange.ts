/**
 * One gRPC call: HTTP/2 from the visitor to the app, so that messages flow both ways at once, and status, trailers, cancellation and reset codes
 * arrive as they were sent. Deadlines are the app's and the visitor's (`grpc-timeout` passes); none is added. A refusal of ours is a gRPC status
 * (UNAVAILABLE) with its sentence, as clients show it. Each call is given to a connector by itself; sessions with its app are shared (`grpc-apps.ts`).
 */
import { constants, type ServerHttp2Stream } from 'node:http2'
import { formatEndpoint } from '../base/connection.ts'
import { type Refusal, sentenceOf } from './answer.ts'
import { chooseConnector } from './choice.ts'
import { countRefusal, type ServerContext, type Visitor } from './context.ts'
import { answerWith } from './grpc-answer.ts'
import type { AppPlace } from './grpc-apps.ts'
import { GrpcUpload } from './grpc-upload.ts'
import { AS_SAID, grouped } from './http2-options.ts'
import type { Http2Request } from './http2-request.ts'
import { type Asked, askedByRequest } from './personal.ts'
import type { Connector, StreamOpen } from './registry.ts'
import { portOf, stripPort } from './routes.ts'

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants
const UNAVAILABLE = '14'

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

/** A connector is tried as long as its app has not taken the call, and all that came of it is still there. */
async function serveRouted(stream: ServerHttp2Stream, tunnelId: string, call: GrpcCall): Promise<void> {
  const { request, visitor, context } = call
  const { authority, method, path, fields } = request
  const { limits, registry, random, exclusive } = context
  const open: StreamOpen = { source: visitor.source, destination: { host: stripPort(authority), port: portOf(authority, 80) } }
  const tried = new Set<Connector>()
  const asked = (): Asked => askedByRequest({ method, path, host: authority, headers: fields }, formatEndpoint(visitor.source))
  const choose = (draw: () => number): Connector | undefined =>
    chooseConnector(registry.connectors(tunnelId), { network: 'tcp', random: draw, except: tried, asked, exclusive })
  const hasOther = (): boolean => tried.size < limits.attempts && choose(() => 0)?.condition === 'live'
  const upload = new GrpcUpload(stream, { ended: request.ended, limits, held: context.held })
  let why: Refusal | 'refused' = 'no-connector'
  try {
    for (let attempt = 0; attempt < limits.attempts && !stream.destroyed; ) {
      const connector =
        choose(random) ??
        (await context.waiting.wait(
          tunnelId,
          () => choose(random),
          leave => stream.once('close', leave)
        ))
      if (connector === undefined) break
      tried.add(connector)
      const place = await takePlace(connector, { open, hasOther, context })
      if (place === undefined) continue
      attempt += 1
      if (attempt > 1) context.counters.retried += 1
      if (typeof place === 'string') {
        why = place === 'unanswered' ? 'no-answer' : place
        if (place === 'no-answer') break
        continue
      }
      if ((await pass(stream, { ...place, upload, connector, call })) === 'done') return
      why = 'refused'
      if (upload.lost) break
      // Its app goes away, and another may be there already.
      if (place.session.retired) tried.delete(connector)
    }
  } finally {
    upload.release()
  }
  if (stream.destroyed) context.counters.aborted += 1
  else if (why === 'refused') stream.close(NGHTTP2_REFUSED_STREAM)
  else refuse(stream, why, context)
}

/** Undefined: closed in this moment, or full. */
async function takePlace(
  connector: Connector,
  { open, hasOther, context }: { open: StreamOpen; hasOther: () => boolean; context: ServerContext }
): Promise<Awaited<ReturnType<ServerContext['apps']['take']>> | undefined> {
  try {
    return await context.apps.take(connector, open, hasOther)
  } catch {
    return undefined
  }
}

/** With the fields of `forwarding.ts`, where they are wanted, in the lower case of HTTP/2. */
function tellWhoAsked({ fields, authority: host }: Http2Request, visitor: Visitor, { forwarding }: ServerContext): Http2Request['fields'] {
  const { source, secure = false } = visitor
  return forwarding?.(fields, { source, host, secure }).map(([name, value]) => [name.toLowerCase(), value] as const) ?? fields
}

interface Way extends AppPlace {
  upload: GrpcUpload
  connector: Connector
  call: GrpcCall
}

async function pass(stream: ServerHttp2Stream, { session, release, upload, connector, call }: Way): Promise<'done' | 'refused'> {
  const { request, visitor, context } = call
  const { method, path, authority } = request
  const startedAt = context.clock.now()
  try {
    if (stream.destroyed) {
      context.counters.aborted += 1
      return 'done'
    }
    const asked = session.request(
      { ':method': method, ':path': path, ':authority': authority, ...grouped(tellWhoAsked(request, visitor, context)) },
      { endStream: request.ended }
    )
    if (asked === undefined) return 'refused'
    asked.on('error', error => context.log.debug('call to the app failed', { error })) // `close` follows
    asked.once('response', headers => {
      upload.release()
      connector.tally?.answered(headers[':status'] ?? 0, context.clock.now() - startedAt)
    })
    upload.sendTo(asked)
    const end = await answerWith(stream, asked)
    upload.stop()
    if (end === 'left') context.counters.aborted += 1
    else if (end === 'unanswered' && session.hasRefused(asked)) return 'refused'
    else if (end === 'unanswered' && session.destroyed) refuse(stream, 'app-closed', context)
    else if (end === 'unanswered' || end === 'cut')
      stream.close(asked.rstCode === NGHTTP2_NO_ERROR ? constants.NGHTTP2_INTERNAL_ERROR : asked.rstCode)
    return 'done'
  } finally {
    release()
  }
}

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
