/**
 * Decides for each stream where it goes: this laptop, back to a pod, or a probe's answer. With no decision pending it is not in the way: the
 * local app is dialled and the stream spliced. Otherwise it reads one head, decides, and puts the exact bytes back (design.md §1).
 */
import type { Clock } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { encodeResponse } from '../http/encode.ts'
import type { Connection } from '../base/connection.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { nonceOf } from '../route/relay-probe.ts'
import { WHO_HOST } from '../route/who-else.ts'
import { splice } from '../transport/splice.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Answering } from './answering.ts'
import type { Exchanges, StreamWatch } from './exchanges.ts'
import type { LocalApp } from './local-app.ts'
import { peekHead } from './peek-head.ts'
import { PATH_PREFIX, type ProbeBoard } from './probe-board.ts'
import { proxyHeader } from './proxy-header.ts'
import { ReturnOverflow, type Returned, type ReturnPath } from './return-path.ts'
import { serveRequests } from './serve-requests.ts'

export type ReturnReason = 'thinned' | 'local-down' | 'local-paused'
export type Decision = { to: 'local' } | { to: 'return'; why: ReturnReason }

export interface GateOptions {
  plan: TunnelPlan
  local: LocalApp
  /** Undefined without a cluster, or with `--no-fallback`. */
  returnPath: ReturnPath | undefined
  answering: Answering
  board: ProbeBoard
  exchanges: Exchanges
  clock: Clock
  log: Logger
  decide: () => Decision
  /** Whether requests of one stream may go different ways (a thinned share behind a keep-alive pool). */
  perRequest: () => boolean
  /** One line for another session that asks who takes the visitors. */
  who: () => string
  /** The return path is over its limits, or has nobody to go to. */
  onGiveUp: (why: string) => void
  /** A stock server resets the whole session over a silent TLS app at 15 s; close the stream before. */
  tlsSilenceMs?: number
}

export interface Gate {
  serve(stream: TunnelStream, replica: string): void
  /** Ends what is still open. */
  close(): void
}

interface Joined {
  stream: TunnelStream
  connection: Connection
  watch: StreamWatch
  signal: AbortSignal
}

const HEAD_TIMEOUT_MS = 10_000
/** How long the app may go on writing after a stock server ended the stream and drops what we send. */
const LINGER_MS = 1_000
const MAX_LINGERING = 64
/** Whoever leaves before an answer is there has cut it off himself. */
const CUT_OFF = { by: 'agent', code: 'LEFT' } as const

export function gate(options: GateOptions): Gate {
  const { plan, local, returnPath, answering, board, exchanges, clock, log } = options
  /** One per open stream: the listeners of one shared signal hang together, and a dead one that has grown old keeps all later ones alive. */
  const running = new Set<AbortController>()
  let closed: Error | undefined
  let lingering = 0

  const stoppable = async (run: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const stop = new AbortController()
    if (closed !== undefined) stop.abort(closed)
    running.add(stop)
    try {
      await run(stop.signal)
    } finally {
      running.delete(stop)
    }
  }

  const serve = async (stream: TunnelStream, replica: string): Promise<void> => {
    if (stream.destination.host === WHO_HOST) {
      stream.connection.resume()
      stream.connection.end(options.who())
      return
    }
    const nonce = nonceOf(stream.destination.host)
    if (nonce !== undefined && board.arrive(nonce, replica)) {
      stream.connection.destroy()
      return
    }
    if (board.pendingPaths > 0 && plan.protocol === 'http' && (await answerProbe(stream, replica))) return
    if (plan.protocol === 'http' && options.perRequest()) {
      const ways = (signal: AbortSignal) => ({ toLocal: () => local.dial(signal), toPod: () => openReturn(stream, signal) })
      await stoppable(signal => serveRequests(stream, { decide: options.decide, ...ways(signal), exchanges, signal }))
      return
    }
    const decision = options.decide()
    await stoppable(signal => (decision.to === 'return' ? giveBack(stream, decision.why, signal) : keep(stream, signal)))
  }

  /** True when the stream was a path probe of ours. */
  const answerProbe = async (stream: TunnelStream, replica: string): Promise<boolean> => {
    const head = await peekHead(stream.connection, { clock, timeoutMs: HEAD_TIMEOUT_MS })
    if (head?.target.startsWith(PATH_PREFIX) !== true || !board.arrive(head.target.slice(PATH_PREFIX.length), replica)) return false
    stream.connection.resume()
    stream.connection.end(encodeResponse({ status: 204, headers: [['X-Answered-By', 'kubectl-intercept']] }))
    return true
  }

  const keep = async (stream: TunnelStream, signal: AbortSignal): Promise<void> => {
    const started = clock.now()
    let connection: Connection
    try {
      connection = await local.dial(signal)
    } catch (error) {
      if (returnPath?.available === true) await giveBack(stream, 'local-down', signal)
      else refuse(stream, asError(error), 'local')
      return
    }
    const watch = exchanges.open({ stream, who: 'laptop', connectMs: clock.now() - started })
    await joinLocal({ stream, connection, watch, signal })
  }

  const joinLocal = async ({ stream, connection, watch, signal }: Joined): Promise<void> => {
    const asked = answering.asked()
    const silence =
      plan.protocol === 'tls' && plan.server.peer === 'gost'
        ? clock.after(options.tlsSilenceMs ?? 14_000, () => stream.connection.destroy(), { unref: true })
        : undefined
    const result = await splice(stream.connection, connection, {
      signal,
      // A stock server ends a stream that it is done with, both ways: with nothing asked, nobody waits for the app's own end.
      completeAtEnd: () => plan.server.peer === 'gost' && watch.allAnswered,
      onBytes: (direction, chunk) => {
        if (direction === 'in') {
          asked.answered()
          silence?.cancel()
        }
        watch.onBytes(direction, chunk)
      },
      onEnd: direction => {
        if (direction === 'in') asked.answered()
        else if (plan.server.peer === 'gost' && !connection.readableEnded && !watch.allAnswered) linger(connection)
        watch.onEnd(direction)
      }
    })
    asked.dropped()
    silence?.cancel()
    watch.finish(signal.aborted ? CUT_OFF : result)
  }

  /** After the visitor's end a stock server drops whatever we send: the app gets a moment, then its connection is closed. */
  const linger = (connection: Connection): void => {
    const close = (): void => {
      if (connection.destroyed) return
      // A silent app that comes back answers its oldest request first: that is how its return is seen.
      if (answering.paused && lingering < MAX_LINGERING) {
        lingering += 1
        const leave = (): void => {
          lingering -= 1
          again.cancel()
          connection.off('close', leave)
          close()
        }
        const again = clock.after(LINGER_MS, leave, { unref: true })
        connection.once('close', leave)
        return
      }
      connection.destroy()
    }
    const first = clock.after(LINGER_MS, close, { unref: true })
    connection.once('close', () => first.cancel())
  }

  const openReturn = async (stream: TunnelStream, signal: AbortSignal): Promise<Returned> => {
    if (returnPath === undefined) throw new Error('no return path')
    const returned = await returnPath.open(signal)
    const { proxyProtocol } = returned.target
    if (proxyProtocol !== 0) returned.connection.write(proxyHeader(proxyProtocol, stream.source))
    return returned
  }

  const giveBack = async (stream: TunnelStream, why: ReturnReason, signal: AbortSignal): Promise<void> => {
    const started = clock.now()
    try {
      const { connection, release } = await openReturn(stream, signal)
      const watch = exchanges.open({ stream, who: 'returned', why, connectMs: clock.now() - started })
      // A port-forward tells of an app's end a second late: the exchange's own end is what frees the place.
      const complete = new AbortController()
      watch.onLastByte(() => complete.abort())
      try {
        const { onBytes, onEnd } = watch
        const result = await splice(stream.connection, connection, { signal, complete: complete.signal, onBytes, onEnd })
        watch.finish(signal.aborted ? CUT_OFF : result)
      } finally {
        release()
      }
    } catch (error) {
      if (error instanceof ReturnOverflow) options.onGiveUp(error.message)
      // Not one request is lost to a share: what cannot go back stays here.
      if (why === 'thinned' && local.up && !stream.connection.destroyed) await keep(stream, signal)
      else refuse(stream, asError(error), error instanceof ReturnOverflow ? 'limit' : 'agent')
    }
  }

  const refuse = (stream: TunnelStream, error: Error, by: 'local' | 'limit' | 'agent'): void => {
    exchanges.refused({ stream, by, error })
    stream.connection.destroy()
    if (by === 'local') options.onGiveUp(error.message)
  }

  return {
    serve(stream, replica) {
      stream.connection.on('error', () => {}) // the splice sees it too; before the splice it only means the visitor left
      serve(stream, replica).catch(error => {
        log.warn('stream failed', { error: asError(error) })
        stream.connection.destroy()
      })
    },
    close() {
      closed ??= new Error('the session ended')
      for (const stop of running) stop.abort(closed)
    }
  }
}
