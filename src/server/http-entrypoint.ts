/**
 * HTTP/1 visitors: request after request on a kept-alive connection, each routed by its own Host and given to a connector of its own
 * (gost: x/handler/tunnel/entrypoint ephttp.go). Heads are read strictly and within limits; one request at a time, pipelined ones wait.
 */
import { ProtocolError } from '../base/errors.ts'
import { LazyTimer } from '../base/lazy-timer.ts'
import { HeadReader } from '../http/head-reader.ts'
import { encodeAnswer } from './answer.ts'
import type { ServerContext, Visitor } from './context.ts'
import type { Ending } from './http-outcome.ts'
import { answer, keepsAfterRefusal, runExchange } from './http-exchange.ts'
import { planRequest, type PlannedRequest, RequestRefused } from './request-plan.ts'

/** Resolves when the visitor's connection is over. */
export async function serveHttp(visitor: Visitor, context: ServerContext): Promise<void> {
  const { limits } = context
  const timer = new LazyTimer(context.clock)
  for (let waitMs = limits.headTimeoutMs; ; waitMs = limits.idleTimeoutMs) {
    const ending = await serveNext(visitor, context, { waitMs, timer })
    if (ending === 'keep' && !context.draining()) continue
    timer.stop()
    if (ending === 'gone') visitor.connection.destroy()
    else closeGently(visitor, context)
    return
  }
}

/** How long to wait for a next head, and what watches it. */
interface Wait {
  waitMs: number
  timer: LazyTimer
}

async function serveNext(visitor: Visitor, context: ServerContext, wait: Wait): Promise<Ending> {
  try {
    const raw = await readHead(visitor, context, wait)
    if (raw === undefined) return 'gone'
    context.counters.requests += 1
    return await serveRequest(visitor, planRequest(raw, tellOf(visitor, context)), { context, timer: wait.timer })
  } catch (error) {
    const given = refusalFor(error)
    if (given === undefined) throw error
    return answer(visitor, { ...given, keepAlive: false }, context)
  }
}

/** Undefined where nobody is told who asked. */
function tellOf({ source, secure = false }: Visitor, { forwarding }: ServerContext): Parameters<typeof planRequest>[1] {
  return forwarding === undefined ? undefined : (fields, host) => forwarding(fields, { source, host, secure })
}

async function serveRequest(
  visitor: Visitor,
  request: PlannedRequest,
  rest: { context: ServerContext; timer: LazyTimer }
): Promise<Ending> {
  const { context, timer } = rest
  const route = context.routes.find(request.host)
  if (route === undefined || route.private) {
    const keepAlive = keepsAfterRefusal(request, context)
    return answer(visitor, { status: 502, why: 'no-route', keepAlive, bodiless: request.head.method === 'HEAD' }, context)
  }
  visitor.busy = true
  context.active.count += 1
  try {
    return await runExchange({ visitor, request, tunnelId: route.tunnelId, context, timer })
  } finally {
    context.active.count -= 1
    visitor.busy = false
  }
}

function refusalFor(error: unknown): { status: number; why: 'bad-request' | 'head-too-large'; detail?: string } | undefined {
  if (error instanceof RequestRefused) return { status: error.status, why: 'bad-request', detail: error.message }
  if (!(error instanceof ProtocolError)) return undefined
  if (error.code === 'HTTP_HEAD_TOO_LARGE') return { status: 431, why: 'head-too-large' }
  return { status: 400, why: 'bad-request', detail: error.message }
}

/** The next head; undefined when the visitor left or took too long (told with 408 when it had begun). */
async function readHead(visitor: Visitor, context: ServerContext, { waitMs, timer }: Wait): Promise<Buffer | undefined> {
  const { limits } = context
  const { reader, connection } = visitor
  const heads = new HeadReader(limits.headBytes)
  const expire = (): void => {
    if (heads.length > 0) connection.write(encodeAnswer({ status: 408, why: 'head-timeout', keepAlive: false }), () => connection.destroy())
    else connection.destroy()
  }
  visitor.idle = reader.available === 0
  timer.set(waitMs, expire)
  try {
    for (;;) {
      const chunk = reader.take()
      if (chunk === undefined) {
        if (await reader.more()) continue
        return undefined
      }
      visitor.idle = false
      const begun = heads.length > 0
      const read = heads.push(chunk)
      if (read !== undefined) {
        if (read.rest.length > 0) reader.putBack(read.rest)
        return read.raw
      }
      if (!begun) timer.set(limits.headTimeoutMs, expire)
    }
  } finally {
    timer.clear()
  }
}

/** Ends our side, then waits for the visitor: closing over its unread bytes would reset the connection, and with it our last answer. */
export function closeGently({ connection, reader }: Visitor, { clock, limits }: ServerContext): void {
  reader.release()
  if (connection.destroyed) return
  connection.end()
  const timer = clock.after(limits.lingerMs, () => connection.destroy(), { unref: true })
  connection.once('close', () => timer.cancel())
  connection.once('end', () => connection.destroy())
  connection.resume()
}
