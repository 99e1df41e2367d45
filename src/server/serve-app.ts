/**
 * A sidecar's streams and the app beside it: each stream is spliced with a connection of its own, or, when its first bytes are one whole request that
 * may be sent twice, with one that the app has kept from an earlier answer. Opening connections costs more than all the rest of a small request.
 */
import { type Clock, deadline, type Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { withoutAppendedClose } from '../http/appended-close.ts'
import { PlainAnswer } from '../http/plain-answer.ts'
import { isPlainRequest } from '../http/plain-request.ts'
import { idleConnections } from '../transport/idle-connections.ts'
import type { LocalApp } from '../transport/local-app.ts'
import { join } from '../transport/splice.ts'
import { firstBytes } from '../tunnel/first-bytes.ts'
import { PlainExchange } from '../tunnel/plain-exchange.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

export interface ServeAppOptions {
  app: LocalApp
  /** To connect to the app. */
  dialTimeoutMs: number
  /** Behind a stock server, which asks for a new connection with each request. */
  isStock: () => boolean
  /** False: every stream gets a connection of its own. */
  keepsApp: boolean
  clock: Clock
  log: Logger
}

export interface ServeApp {
  serve(stream: TunnelStream): void
  close(): void
}

interface Joining {
  stream: TunnelStream
  /** Taken from the stream, to be sent first. */
  first: Buffer | undefined
  /** `first` is one whole request that may be sent twice. */
  plain?: boolean
  /** The connection is used anew: what to do when it ends before its first byte. */
  again?: () => void
}

/** An app that speaks first is waited for no longer than this. */
const FIRST_BYTES_MS = 10
/** Where requests have come before, nobody waits for the app to speak; under load a request may come much later than its stream. */
const REQUEST_MS = 250
/** What an app gets to notice that the server ended the stream: nothing it still writes would arrive. */
const LEFT_MS = 1_000

export function serveApp({ app, dialTimeoutMs, isStock, keepsApp, clock, log }: ServeAppOptions): ServeApp {
  const idle = idleConnections(clock)
  let isHttp = false

  const begin = (stream: TunnelStream): void => {
    if (!keepsApp) {
      void dial(stream, connection => joinApp({ stream, first: undefined }, connection))
      return
    }
    firstBytes(stream.bare, { clock, waitMs: isHttp ? REQUEST_MS : FIRST_BYTES_MS }, bytes => {
      const first = bytes !== undefined && isStock() ? withoutAppendedClose(bytes) : bytes
      if (first === undefined || !isPlainRequest(first)) {
        // An app that serves one connection after the other would wait for the idle one.
        idle.take()?.destroy()
        void dial(stream, connection => joinApp({ stream, first }, connection))
        return
      }
      isHttp = true
      if (first !== bytes || !isStock()) ask(stream, first)
      else joinPlain(stream, first)
    })
  }

  const dial = async (stream: TunnelStream, then: (connection: Connection) => void): Promise<void> => {
    const limit = deadline(clock, dialTimeoutMs, () => new Error('the app did not accept in time'))
    let connection: Connection
    try {
      connection = await app.dial(limit.signal)
    } catch (error) {
      log.info('app not reached', { error: asError(error) })
      stream.decline()
      return
    } finally {
      limit.done()
    }
    then(connection)
  }

  /** The stream ends with the answer to its one request: ours opens one for each, and a stock server said so. */
  const ask = (stream: TunnelStream, request: Buffer): void => {
    const start = (connection: Connection, again?: () => void): void =>
      new PlainExchange({
        stream: stream.bare,
        request,
        watch: new PlainAnswer(methodOf(request)),
        idle,
        left: used => void clock.after(LEFT_MS, () => used.destroy(), { unref: true }),
        again,
        more: used => joinApp({ stream, first: undefined }, used),
        done: () => {}
      }).start(connection)
    useKept(start, () => void dial(stream, connection => start(connection)))
  }

  /** Another request may follow on this stream. */
  const joinPlain = (stream: TunnelStream, first: Buffer): void => {
    const start = (connection: Connection, again?: () => void): void =>
      joinApp({ stream, first, plain: true, ...(again === undefined ? {} : { again }) }, connection)
    useKept(start, () => void dial(stream, connection => start(connection)))
  }

  const useKept = (start: (connection: Connection, again: () => void) => void, anew: () => void): void => {
    const kept = idle.take()
    if (kept === undefined) anew()
    else start(kept, anew)
  }

  const joinApp = ({ stream, first, plain = false, again }: Joining, connection: Connection): void => {
    const answer = plain && first !== undefined ? new PlainAnswer(methodOf(first)) : undefined
    let left: Timer | undefined
    let asksAgain = false
    if (first !== undefined) connection.write(first)
    const joined = join(
      stream.connection,
      connection,
      {
        completeAtEnd: () => answer?.complete === true,
        keep: used => answer?.keeps === true && idle.put(used),
        again: () => (asksAgain = again !== undefined),
        onBytes: (direction, chunk) => {
          if (direction === 'in') answer?.push(chunk)
          else answer?.spoil()
        },
        onEnd: direction => {
          if (direction === 'in' || !stream.connection.peerEnded || answer?.complete === true) return
          left = clock.after(LEFT_MS, () => joined.stop(), { unref: true })
        }
      },
      () => {
        left?.cancel()
        if (asksAgain) again?.()
      }
    )
  }

  return { serve: begin, close: () => idle.close() }
}

const methodOf = (request: Buffer): string => request.toString('latin1', 0, request.indexOf(' '))
