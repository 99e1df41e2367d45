/**
 * Decides for each stream where it goes: this laptop, back to a pod, or a probe's answer. With no decision pending it is not in the way: the
 * local app is dialled and the stream spliced. Otherwise it reads one head, decides, and puts the exact bytes back (design.md §1).
 */
import { Bag } from '../base/bag.ts'
import type { Clock } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { encodeResponse } from '../http/encode.ts'
import { header } from '../http/header.ts'
import type { RequestHead } from '../http/message.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { WHO_HOST } from '../route/who-else.ts'
import { nonceOf, pathNonceOf } from '../tunnel/probe-names.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Answering } from './answering.ts'
import type { Exchanges } from './exchanges.ts'
import type { LocalApp } from '../transport/local-app.ts'
import type { Guest } from './guests.ts'
import { peekHead, peekHello } from './peek.ts'
import type { ProbeBoard } from './probe-board.ts'
import { proxyHeader } from './proxy-header.ts'
import { ReturnOverflow, type Returned, type ReturnPath } from './return-path.ts'
import { serveGuest } from './serve-guest.ts'
import { type Running, serveLocal } from './serve-local.ts'
import { type Giving, servePod } from './serve-pod.ts'
import { serveRequests } from './serve-requests.ts'

export type ReturnReason = 'filter' | 'mirror' | 'thinned' | 'local-down' | 'local-paused'
export type Decision = { to: 'local' } | { to: 'return'; why: ReturnReason } | { to: 'guest'; guest: Guest }

/** What a decision may depend on. */
export interface Asking {
  /** Of the request, where it is looked at. */
  head: RequestHead | undefined
  source: Endpoint
  /** Another session passed it on to us. */
  passed: boolean
}

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
  decide: (asking: Asking) => Decision
  /** A connection to the app of another session. */
  toGuest: (guest: Guest, stream: TunnelStream, signal: AbortSignal) => Promise<Connection>
  /** Whether it depends on the request where it goes: a filter that the server does not know. */
  looks: () => boolean
  /** Whether requests of one stream may go different ways (a filter or a thinned share behind a keep-alive pool). */
  perRequest: () => boolean
  /** One line for another session that asks who takes the visitors. */
  who: () => string
  /** The return path is over its limits, or has nobody to go to. */
  onGiveUp: (why: string) => void
  /** A stock server resets the whole session over a silent TLS app at 15 s; close the stream before. */
  tlsSilenceMs?: number
}

export interface Gate {
  /** `connector`: the key of the one over which it came. */
  serve(stream: TunnelStream, connector: string, passed?: boolean): void
  /** Ends what is still open. */
  close(): void
}

const HEAD_TIMEOUT_MS = 10_000
/** A stock server sets it to the name that it gave itself when it started, whatever the visitor wrote there. */
const NODE_HEADER = 'gost-forwarded-node'

export function gate(options: GateOptions): Gate {
  const { plan, local, returnPath, answering, board, exchanges, clock, log } = options
  const running = new Bag<Running>()
  let closed: Error | undefined

  /** A signal of its own for each stream: listeners of one shared signal hang together, and a dead one that has grown old keeps all later ones alive. */
  const stoppable = async (run: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const controller = new AbortController()
    if (closed !== undefined) controller.abort(closed)
    const handle = { place: -1, stop: (reason: Error) => controller.abort(reason) }
    running.add(handle)
    try {
      await run(controller.signal)
    } finally {
      running.delete(handle)
    }
  }

  const here = serveLocal({
    plan,
    local,
    answering,
    exchanges,
    clock,
    running,
    closed: () => closed,
    tlsSilenceMs: options.tlsSilenceMs,
    onRefused: (serving, error) => {
      if (returnPath?.available === true) failing(serving.stream, giveBack({ ...serving, why: 'local-down' }))
      else refuse(serving.stream, error, 'local')
    }
  })

  /** In the tick in which the stream came, where nothing has to be read first. */
  const serve = (stream: TunnelStream, connector: string, passed: boolean): void => {
    const { host } = stream.destination
    const nonce = nonceOf(host)
    if (host === WHO_HOST) {
      stream.connection.resume()
      stream.connection.end(options.who())
    } else if (nonce !== undefined && board.arrive(nonce, connector)) stream.bare.destroy()
    else if (board.pendingPaths > 0 && (plan.protocol === 'http' || plan.protocol === 'tls'))
      failing(stream, unlessProbe(stream, connector, passed))
    else pass(stream, passed)
  }

  const pass = (stream: TunnelStream, passed: boolean): void => {
    if (plan.protocol === 'http' && options.perRequest()) {
      const ways = (signal: AbortSignal) => ({
        toLocal: () => local.dial(signal),
        toPod: () => openReturn(stream, signal),
        toGuest: (guest: Guest) => options.toGuest(guest, stream, signal)
      })
      const decide = (head: RequestHead): Decision => options.decide({ head, source: stream.source, passed })
      failing(
        stream,
        stoppable(signal => serveRequests(stream, { decide, ...ways(signal), exchanges, signal }))
      )
      return
    }
    if (plan.protocol === 'http' && options.looks()) failing(stream, look(stream, passed))
    else go(stream, options.decide({ head: undefined, source: stream.source, passed }))
  }

  const go = (stream: TunnelStream, decision: Decision): void => {
    if (decision.to === 'local') here.serve(stream)
    else if (decision.to === 'guest') failing(stream, passOn(stream, decision.guest))
    else failing(stream, giveBack({ stream, why: decision.why }))
  }

  /** What cannot be read is nobody's in particular: it goes where all others go. */
  const look = async (stream: TunnelStream, passed: boolean): Promise<void> => {
    const head = await peekHead(stream.connection, { clock, timeoutMs: HEAD_TIMEOUT_MS })
    if (stream.bare.destroyed) return
    go(stream, options.decide({ head, source: stream.source, passed }))
  }

  /** Answers a path probe of ours; everything else goes its way. */
  const unlessProbe = async (stream: TunnelStream, connector: string, passed: boolean): Promise<void> => {
    if (plan.protocol === 'tls') {
      const hello = await peekHello(stream.connection, { clock, timeoutMs: HEAD_TIMEOUT_MS })
      if (hello !== undefined && board.arrive(hello.sessionId, connector)) stream.bare.destroy()
      else pass(stream, passed)
      return
    }
    const head = await peekHead(stream.connection, { clock, timeoutMs: HEAD_TIMEOUT_MS })
    const nonce = head === undefined ? undefined : pathNonceOf(head.target)
    if (head === undefined || nonce === undefined || !board.arrive(nonce, connector, header(head, NODE_HEADER))) {
      pass(stream, passed)
      return
    }
    stream.connection.resume()
    stream.connection.end(encodeResponse({ status: 204, headers: [['X-Answered-By', 'kubectl-intercept']] }))
  }

  const openReturn = async (stream: TunnelStream, signal: AbortSignal): Promise<Returned> => {
    if (returnPath === undefined) throw new Error('no return path')
    const returned = await returnPath.open(signal)
    const { proxyProtocol } = returned.target
    if (proxyProtocol !== 0) returned.connection.write(proxyHeader(proxyProtocol, stream.source))
    return returned
  }

  const giveBack = (giving: Giving): Promise<void> => {
    const { stream, why } = giving
    return stoppable(async signal => {
      try {
        if (returnPath === undefined) throw new Error('no return path')
        await servePod(giving, { plan, returnPath, exchanges, clock }, signal)
      } catch (error) {
        if (error instanceof ReturnOverflow) options.onGiveUp(error.message)
        // Not one request is lost to a share: what cannot go back stays here.
        if (why === 'thinned' && local.up && !stream.bare.destroyed) here.serve(stream, giving)
        else refuse(stream, asError(error), error instanceof ReturnOverflow ? 'limit' : 'agent')
      }
    })
  }

  const passOn = (stream: TunnelStream, guest: Guest): Promise<void> =>
    stoppable(async signal => {
      try {
        await serveGuest(stream, { user: guest.user, connect: until => options.toGuest(guest, stream, until), exchanges, clock }, signal)
      } catch (error) {
        log.info('not passed on: back to a pod', { error: asError(error), to: guest.user })
        if (!stream.bare.destroyed) failing(stream, giveBack({ stream, why: 'filter' }))
      }
    })

  const refuse = (stream: TunnelStream, error: Error, by: 'local' | 'limit' | 'agent'): void => {
    exchanges.refused({ stream, by, error })
    stream.decline()
    if (by === 'local') options.onGiveUp(error.message)
  }

  const failing = (stream: TunnelStream, work: Promise<void>): void => {
    work.catch(error => {
      log.warn('stream failed', { error: asError(error) })
      stream.bare.destroy()
    })
  }

  return {
    serve(stream, connector, passed = false) {
      serve(stream, connector, passed)
    },
    close() {
      closed ??= new Error('the session ended')
      here.close()
      for (const handle of running.values()) handle.stop(closed)
    }
  }
}
