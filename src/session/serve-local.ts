/**
 * Streams that stay on the laptop: the app is dialled, or asked on a connection that it has kept from an earlier request, and the two are
 * joined. Runs once per visitor. Knows nothing of decisions: whoever cannot be served here is handed back with a reason.
 */
import type { Bag, Bagged } from '../base/bag.ts'
import type { Clock } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { withoutAppendedClose } from '../http/appended-close.ts'
import { isPlainRequest } from '../http/plain-request.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { join } from '../transport/splice.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Answering } from './answering.ts'
import { CUT_OFF, type Exchanges, type StreamWatch } from './exchanges.ts'
import { firstBytes } from '../tunnel/first-bytes.ts'
import { PlainExchange } from '../tunnel/plain-exchange.ts'
import { idleConnections } from '../transport/idle-connections.ts'
import type { LocalApp } from '../transport/local-app.ts'

export interface Running extends Bagged {
  stop(reason: Error): void
}

export interface ServeLocalOptions {
  plan: TunnelPlan
  local: LocalApp
  answering: Answering
  exchanges: Exchanges
  clock: Clock
  /** What runs now, so that whoever leaves can end it. */
  running: Bag<Running>
  /** Set once nothing may run any more. */
  closed: () => Error | undefined
  /** Nobody accepts at the local port: nothing of it is answered. */
  onRefused: (serving: Serving, error: Error) => void
  /** A stock server resets the whole session over a silent TLS app at 15 s; close the stream before. */
  tlsSilenceMs?: number | undefined
}

export interface ServeLocal {
  /** `taken`: what was taken from the stream already. */
  serve(stream: TunnelStream, taken?: Partial<Serving>): void
  close(): void
}

export interface Serving {
  stream: TunnelStream
  /** Taken from the stream, to be sent first. */
  first: Buffer | undefined
  /** The server wants the stream to end with the answer; the app is not told. */
  single: boolean
}

type Serve = (serving: Serving, connection: Connection, how: { watch: StreamWatch; reused: boolean }) => void

const NOTHING = Buffer.alloc(0)
/** A visitor of HTTP speaks first; under load its request may come much later than its stream. */
const FIRST_BYTES_MS = 250
/** How long the app may go on writing after a stock server ended the stream and drops what we send. */
const LINGER_MS = 1_000
const MAX_LINGERING = 64

export function serveLocal(options: ServeLocalOptions): ServeLocal {
  const { plan, local, answering, exchanges, clock, running, onRefused } = options
  const isStock = plan.server.peer === 'gost'
  const idle = idleConnections(clock)
  let lingering = 0

  const begin = (stream: TunnelStream, { first: taken, single = false }: Partial<Serving> = {}): void => {
    if (taken !== undefined) {
      void dial({ stream, first: taken, single })
      return
    }
    if (plan.protocol !== 'http') {
      void dial({ stream, first: undefined, single: false })
      return
    }
    firstBytes(stream.bare, { clock, waitMs: FIRST_BYTES_MS }, bytes => {
      const first = bytes !== undefined && isStock ? withoutAppendedClose(bytes) : bytes
      const serving = { stream, first, single: first !== bytes }
      const plain = first !== undefined && isPlainRequest(first)
      const connection = idle.take()
      // An app that serves one connection after the other would wait for the idle one.
      if (!plain) connection?.destroy()
      // Behind a stock server another request may follow on the stream, unless it said that none will.
      const then = plain && (serving.single || !isStock) && !stream.bare.isConnection ? askApp : joinApp
      if (!plain || connection === undefined) void dial(serving, then)
      else then(serving, connection, { watch: exchanges.open({ ...serving, who: 'laptop', connectMs: 0 }), reused: true })
    })
  }

  const dial = async (serving: Serving, then: Serve = joinApp, open?: StreamWatch): Promise<void> => {
    const { stream } = serving
    const startedAt = clock.now()
    let connection: Connection
    try {
      connection = await local.dial()
    } catch (error) {
      open?.finish({ by: 'local', code: 'CLOSED' })
      onRefused(serving, asError(error))
      return
    }
    const closed = options.closed()
    if (closed !== undefined) {
      connection.destroy()
      stream.bare.destroy(closed)
      open?.finish(CUT_OFF)
      return
    }
    const watch = open ?? exchanges.open({ ...serving, who: 'laptop', connectMs: clock.now() - startedAt })
    then(serving, connection, { watch, reused: false })
  }

  /** The stream ends with the answer to its one request. */
  const askApp: Serve = (serving, connection, { watch, reused }) => {
    const { stream, first = NOTHING } = serving
    const asked = answering.asked()
    let stopped = false
    const handle = {
      place: -1,
      stop: (reason: Error): void => {
        stopped = true
        exchange.stop(reason)
      }
    }
    const over = (): void => {
      running.delete(handle)
      asked.dropped()
    }
    const exchange = new PlainExchange({
      stream: stream.bare,
      request: first,
      idle,
      watch: {
        push(chunk) {
          asked.answered()
          watch.onBytes('in', chunk)
        },
        onEnd(direction) {
          if (direction === 'in') asked.answered()
          watch.onEnd(direction)
        },
        get complete() {
          return watch.allAnswered
        },
        get keeps() {
          return watch.keepsApp
        }
      },
      left: isStock ? linger : used => void clock.after(LINGER_MS, () => used.destroy(), { unref: true }),
      again: reused
        ? () => {
            over()
            void dial(serving, askApp, watch)
          }
        : undefined,
      more: used => {
        over()
        joinApp({ ...serving, first: undefined }, used, { watch, reused: false })
      },
      done: result => {
        over()
        watch.finish(stopped ? CUT_OFF : result)
      }
    })
    running.add(handle)
    exchange.start(connection)
  }

  const joinApp: Serve = (serving, connection, { watch, reused }) => {
    const { stream, first, single } = serving
    if (first !== undefined) connection.write(first)
    const asked = answering.asked()
    let stopped = false
    let again = false
    const silence =
      plan.protocol === 'tls' && isStock
        ? clock.after(options.tlsSilenceMs ?? 14_000, () => stream.bare.destroy(), { unref: true })
        : undefined
    // Before the join, which ends at once when one of them is gone already.
    const handle = {
      place: -1,
      stop: (reason: Error): void => {
        stopped = true
        joined.stop(reason)
      }
    }
    running.add(handle)
    const joined = join(
      stream.connection,
      connection,
      {
        // The server ends a stream that it is done with, both ways: with nothing asked, nobody waits for the app's own end.
        completeAtEnd: () => watch.allAnswered,
        keep: used => watch.keepsApp && idle.put(used),
        again: () => (again = reused && !stopped),
        onBytes: (direction, chunk) => {
          if (direction === 'in') {
            asked.answered()
            silence?.cancel()
          }
          watch.onBytes(direction, chunk)
        },
        onEnd: direction => {
          if (direction === 'in') asked.answered()
          else if (isStock && !connection.readableEnded && !watch.allAnswered) linger(connection)
          watch.onEnd(direction)
        }
      },
      result => {
        running.delete(handle)
        asked.dropped()
        silence?.cancel()
        if (again) void dial(serving, joinApp, watch)
        else watch.finish(stopped ? CUT_OFF : result)
      }
    )
    if (single) watch.onLastByte(() => joined.complete())
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

  return { serve: begin, close: () => idle.close() }
}
