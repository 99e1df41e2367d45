/**
 * One kept-alive stream, request by request: each head is read, decided on, and sent on with its exact bytes; bodies are framed both ways to find
 * the next head. What cannot be framed with certainty, and upgrades, end the loop: the rest of the stream goes where that request went.
 */
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { BodyFramer } from '../http/framer.ts'
import { certain, keepsAlive, requestFraming, responseFraming } from '../http/framing.ts'
import { HeadReader } from '../http/head-reader.ts'
import { parseRequestHead, parseResponseHead } from '../http/head.ts'
import type { RequestHead, ResponseHead } from '../http/message.ts'
import { splice } from '../transport/splice.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Guest } from './guests.ts'
import type { Exchanges } from './exchanges.ts'
import type { Decision } from './gate.ts'

export interface ServeRequestsOptions {
  decide: (head: RequestHead) => Decision
  toLocal: () => Promise<Connection>
  toPod: () => Promise<{ connection: Connection; release: () => void }>
  toGuest: (guest: Guest) => Promise<Connection>
  exchanges: Exchanges
  /** Aborted when the session lets go of everything. */
  signal: AbortSignal
}

interface Upstream {
  connection: Connection
  who: 'laptop' | 'returned' | 'other'
  answeredBy?: string
  /** Which one is kept for further requests: of a guest there may be several. */
  key: string
  release: () => void
}

/** Returns when the stream is done; throws what broke it. */
export async function serveRequests(stream: TunnelStream, options: ServeRequestsOptions): Promise<void> {
  const visitor = stream.connection
  const kept = new Map<string, Upstream>()
  const onAbort = (): void => void visitor.destroy(new Error('the session ended'))
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    for (let more = true; more; ) {
      const raw = await readHead(visitor)
      if (raw === undefined) return
      more = await serveOne(stream, { ...options, kept, raw })
    }
    visitor.end()
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    for (const upstream of kept.values()) close(upstream)
    if (!visitor.writableEnded) visitor.destroy()
  }
}

/** True when another request may follow on this stream. */
async function serveOne(
  stream: TunnelStream,
  options: ServeRequestsOptions & { kept: Map<string, Upstream>; raw: Buffer }
): Promise<boolean> {
  const { kept, raw } = options
  const visitor = stream.connection
  const head = parseRequestHead(raw)
  const decision = options.decide(head)
  const upstream = await upstreamFor(decision, options, kept)
  const why =
    upstream.who === 'laptop'
      ? {}
      : { why: decision.to === 'return' ? decision.why : decision.to === 'guest' ? ('filter' as const) : ('local-down' as const) }
  const watch = options.exchanges.open({ stream, who: upstream.who, answeredBy: upstream.answeredBy, ...why, connectMs: 0 })
  try {
    watch.onBytes('out', raw)
    upstream.connection.write(raw)
    if (!certain(head) || head.method === 'CONNECT' || head.headers.some(([name]) => name.toLowerCase() === 'upgrade')) {
      watch.finish(await splice(visitor, upstream.connection, watch))
      return false
    }
    const [, again] = await Promise.all([
      pass(visitor, upstream.connection, { framer: new BodyFramer(requestFraming(head)), seen: chunk => watch.onBytes('out', chunk) }),
      passResponse(upstream.connection, visitor, { head, seen: chunk => watch.onBytes('in', chunk) })
    ])
    watch.finish({ bytesIn: 0, bytesOut: 0 })
    if (!again) {
      kept.delete(upstream.key)
      close(upstream)
    }
    return again && keepsAlive(head)
  } catch (thrown) {
    const side = visitor.destroyed ? 'a' : 'b'
    watch.finish(
      options.signal.aborted ? { by: 'agent', code: 'LEFT' } : { bytesIn: 0, bytesOut: 0, error: { side, cause: asError(thrown) } }
    )
    throw thrown
  }
}

async function upstreamFor(decision: Decision, options: ServeRequestsOptions, kept: Map<string, Upstream>): Promise<Upstream> {
  const open = kept.get(keyOf(decision))
  if (open !== undefined && !open.connection.destroyed && !open.connection.readableEnded) return open
  const fresh = await openUpstream(decision, options)
  fresh.connection.on('error', () => {}) // seen by whoever reads or writes it
  kept.set(fresh.key, fresh)
  return fresh
}

const keyOf = (decision: Decision): string =>
  decision.to === 'local' ? 'laptop' : decision.to === 'return' ? 'returned' : `guest ${decision.guest.session}`

/**
 * The other way round where the wanted one cannot take it: a share costs nobody a request, nor does a closed port. What a filter keeps away is
 * never served here.
 */
async function openUpstream(decision: Decision, { toLocal, toPod, toGuest }: ServeRequestsOptions): Promise<Upstream> {
  const local = async (): Promise<Upstream> => ({ connection: await toLocal(), who: 'laptop', key: 'laptop', release: () => {} })
  const pod = async (): Promise<Upstream> => ({ who: 'returned', key: 'returned', ...(await toPod()) })
  if (decision.to === 'return' && (decision.why === 'filter' || decision.why === 'mirror')) return pod()
  if (decision.to === 'guest') {
    const passed = async (): Promise<Upstream> => ({
      connection: await toGuest(decision.guest),
      who: 'other',
      answeredBy: decision.guest.user,
      key: keyOf(decision),
      release: () => {}
    })
    return passed().catch(pod)
  }
  const [first, second] = decision.to === 'local' ? [local, pod] : [pod, local]
  try {
    return await first()
  } catch (error) {
    return second().catch(() => {
      throw error
    })
  }
}

function close(upstream: Upstream): void {
  upstream.connection.destroy()
  upstream.release()
}

/** True when another exchange may follow on this upstream. */
async function passResponse(
  from: Connection,
  to: Connection,
  options: { head: RequestHead; seen: (chunk: Buffer) => void }
): Promise<boolean> {
  for (;;) {
    const raw = await readHead(from)
    if (raw === undefined) throw new Error('the app closed the connection without an answer')
    const head: ResponseHead = parseResponseHead(raw)
    options.seen(raw)
    await write(to, raw)
    if (head.status < 200 && head.status !== 101) continue
    const framing = responseFraming(head, options.head.method)
    await pass(from, to, { framer: new BodyFramer(framing), seen: options.seen, toEnd: framing.kind === 'close' })
    return framing.kind !== 'close' && keepsAlive(head)
  }
}

/** Undefined at a clean end before the first byte of a message. */
async function readHead(from: Connection): Promise<Buffer | undefined> {
  const reader = new HeadReader()
  for (;;) {
    const chunk = await read(from)
    if (chunk === undefined) {
      if (reader.length === 0) return undefined
      throw new Error('the connection ended within a head')
    }
    const done = reader.push(chunk)
    if (done === undefined) continue
    if (done.rest.length > 0) from.unshift(done.rest)
    return done.raw
  }
}

async function pass(
  from: Connection,
  to: Connection,
  options: { framer: BodyFramer; seen: (chunk: Buffer) => void; toEnd?: boolean }
): Promise<void> {
  const { framer, seen, toEnd = false } = options
  while (!framer.done) {
    const chunk = await read(from)
    if (chunk === undefined) {
      if (toEnd) return
      throw new Error('the connection ended within a body')
    }
    const { consumed, rest } = framer.push(chunk)
    const body = consumed === chunk.length ? chunk : chunk.subarray(0, consumed)
    seen(body)
    await write(to, body)
    if (rest.length > 0) from.unshift(rest)
  }
}

function read(from: Connection): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      from.off('readable', onReadable).off('end', onEnd).off('close', onClose).off('error', onError)
      finish()
    }
    const onReadable = (): void => {
      const chunk: Buffer | null = from.read()
      if (chunk !== null) settle(() => resolve(chunk))
    }
    const onEnd = (): void => settle(() => resolve(undefined))
    const onError = (error: Error): void => settle(() => reject(error))
    const onClose = (): void =>
      settle(() => (from.readableEnded ? resolve(undefined) : reject(from.errored ?? new Error('connection closed'))))
    from.on('readable', onReadable).on('end', onEnd).on('close', onClose).on('error', onError)
    if (from.readableEnded) onEnd()
    else if (from.destroyed) onClose()
    else onReadable()
  })
}

function write(to: Connection, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    to.write(chunk, error => (error === null || error === undefined ? resolve() : reject(error)))
  })
}
