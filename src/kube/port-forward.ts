/**
 * Dials ports of one pod. One SPDY session carries all connections; another is opened beside it only while a slow reader blocks it. A lost
 * session is replaced by the next dial. API servers that do not offer SPDY in a WebSocket get one WebSocket per connection.
 */
import { type Clock, sleep } from '../base/clock.ts'
import { closeOnce } from '../base/closable.ts'
import type { Connection } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { ApiClient } from './api-client.ts'
import { openApiWebSocket, SubprotocolRefused } from './api-websocket.ts'
import { forwardLost } from './errors.ts'
import type { ForwardedConnection } from './forwarded-connection.ts'
import { V4, v4Connection } from './port-forward-v4.ts'
import { type SpdyLimits, SpdySession } from './spdy-session.ts'
import type { PodForwarder } from './types.ts'
import { withQuery } from './resources.ts'

export const SPDY = 'SPDY/3.1+portforward.k8s.io'

export interface ForwardOptions {
  client: ApiClient
  namespace: string
  pod: string
  clock: Clock
  log: Logger
  /** Shared by all forwarders of a cluster: what its API server turned out to speak. */
  dialect: { spdy: boolean }
  limits?: Partial<SpdyLimits> | undefined
  confirmMs?: number | undefined
}

/** More are of no use: only a stalled reader makes a second one. */
const MAX_SESSIONS = 4
const IDLE_MS = 300_000
/**
 * A refusal follows the acceptance of the stream within a few milliseconds, a success is silent. So a dial to a port that has not answered yet
 * waits this long for bad news; a port that has answered is dialled without waiting.
 */
const CONFIRM_MS = 50

export function podForwarder(options: ForwardOptions): PodForwarder {
  const { pod, clock } = options
  const stop = new AbortController()
  const pool = sessionPool(options, stop.signal)
  /** Ports that gave at least one byte and refused nobody since. */
  const proven = new Set<number>()

  const dialSpdy = async (port: number, signal: AbortSignal): Promise<Connection> => {
    const session = await pool.take(signal)
    signal.throwIfAborted()
    const connection = session.open(port)
    const onAbort = (): void => void connection.destroy(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    watchPort(connection, port)
    try {
      await connection.accepted
      if (!proven.has(port)) await confirmed(connection, { clock, confirmMs: options.confirmMs ?? CONFIRM_MS })
      // A refusal may have come in one go with the acceptance, before anybody could listen for it.
      if (connection.errored !== null) throw connection.errored
      return connection
    } catch (error) {
      signal.throwIfAborted()
      throw error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  const watchPort = (connection: ForwardedConnection, port: number): void => {
    void connection.answered.then(() => connection.bytesIn > 0 && proven.add(port))
    connection.once('error', error => errnoOf(error) === 'ECONNREFUSED' && proven.delete(port))
  }

  return {
    async dial(port, signal) {
      signal.throwIfAborted()
      if (stop.signal.aborted) throw forwardLost(pod)
      if (options.dialect.spdy) {
        try {
          return await dialSpdy(port, signal)
        } catch (error) {
          if (!(error instanceof SubprotocolRefused)) throw error
          options.log.info('port-forward falls back to one WebSocket per connection', { status: error.status })
          options.dialect.spdy = false
        }
      }
      return dialV4(options, port, AbortSignal.any([signal, stop.signal]))
    },
    close: closeOnce(() => {
      stop.abort(forwardLost(pod))
      pool.close()
    })
  }
}

/** Resolves when the first byte or bad news came, or `confirmMs` passed. */
async function confirmed(connection: ForwardedConnection, { clock, confirmMs }: { clock: Clock; confirmMs: number }): Promise<void> {
  const done = new AbortController()
  await Promise.race([connection.answered, sleep(clock, confirmMs, done.signal).catch(() => {})])
  done.abort()
}

const portForwardPath = ({ namespace, pod }: ForwardOptions, port?: number): string =>
  withQuery(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`, { ports: port })

const asked = ({ namespace, pod }: ForwardOptions) => ({ verb: 'create', resource: 'pods/portforward', namespace, name: pod })

async function dialV4(options: ForwardOptions, port: number, signal: AbortSignal): Promise<Connection> {
  const api = await openApiWebSocket(options.client, {
    path: portForwardPath(options, port),
    subprotocol: V4,
    asked: asked(options),
    clock: options.clock,
    signal
  })
  return v4Connection(api, { pod: options.pod, port, secure: options.client.secure, clock: options.clock })
}

interface SessionPool {
  take(signal: AbortSignal): Promise<SpdySession>
  close(): void
}

function sessionPool(options: ForwardOptions, stop: AbortSignal): SessionPool {
  const sessions = new Set<SpdySession>()
  let opening: Promise<SpdySession> | undefined
  const usable = (): SpdySession[] => [...sessions].filter(session => !session.finished)

  const open = async (): Promise<SpdySession> => {
    const api = await openApiWebSocket(options.client, {
      path: portForwardPath(options),
      subprotocol: SPDY,
      asked: asked(options),
      clock: options.clock,
      signal: stop
    })
    const { pod, clock, log } = options
    const session = new SpdySession(api, {
      pod,
      clock,
      log,
      secure: options.client.secure,
      ...(options.limits === undefined ? {} : { limits: options.limits })
    })
    sessions.add(session)
    void session.closed.then(cause => {
      sessions.delete(session)
      if (cause !== undefined) log.debug('port-forward session ended', { pod, cause })
    })
    retireWhenIdle(session, { clock, spare: () => usable().length > 1 })
    return session
  }

  return {
    async take(signal) {
      const free = usable().find(session => !session.busy)
      if (free !== undefined) return free
      const open_ = usable()
      if (open_.length >= MAX_SESSIONS) return open_.reduce((a, b) => (b.connections < a.connections ? b : a))
      // Whoever comes meanwhile waits for the same one. Its life is not bound to the first caller's signal.
      opening ??= open().finally(() => {
        opening = undefined
      })
      return untilAborted(opening, signal)
    },
    close() {
      for (const session of sessions) session.close()
    }
  }
}

/** A session without connections ends: at once when it is spare or said goodbye, else after five quiet minutes. */
function retireWhenIdle(session: SpdySession, { clock, spare }: { clock: Clock; spare: () => boolean }): void {
  let quiet: { cancel(): void } | undefined
  session.onIdle = () => {
    quiet?.cancel()
    if (session.connections > 0) return
    if (session.finished || spare()) return session.close()
    quiet = clock.after(IDLE_MS, () => session.connections === 0 && session.close(), { unref: true })
  }
  void session.closed.then(() => quiet?.cancel())
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
