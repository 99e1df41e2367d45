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

interface Serving {
  stream: TunnelStream
  /** Taken from the stream, to be sent first. */
  first: Buffer | undefined
  /** `first` is one whole request that may be sent twice. */
  plain: boolean
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
      void dial({ stream, first: undefined, plain: false }, joinNew)
      return
    }
    firstBytes(stream.bare, { clock, waitMs: isHttp ? REQUEST_MS : FIRST_BYTES_MS }, bytes => {
      const first = bytes !== undefined && isStock() ? withoutAppendedClose(bytes) : bytes
      if (first === undefined || !isPlainRequest(first)) {
        // An app that serves one connection after the other would wait for the idle one.
        idle.take()?.destroy()
        void dial({ stream, first, plain: false }, joinNew)
        return
      }
      isHttp = true
      if (first !== bytes || !isStock()) ask({ stream, first, plain: true }, first)
      else joinKept({ stream, first, plain: true })
    })
  }

  const dial = async (serving: Serving, then: (serving: Serving, connection: Connection) => void): Promise<void> => {
    const limit = deadline(clock, dialTimeoutMs, () => new Error('the app did not accept in time'))
    let connection: Connection
    try {
      connection = await app.dial(limit.signal)
    } catch (error) {
      log.info('app not reached', { error: asError(error) })
      serving.stream.decline()
      return
    } finally {
      limit.done()
    }
    then(serving, connection)
  }

  /** The stream ends with the answer to its one request: ours opens one for each, and a stock server said so. */
  const ask = (serving: Serving, request: Buffer): void => {
    const { stream } = serving
    const exchange = (again: (() => void) | undefined): PlainExchange =>
      new PlainExchange({
        stream: stream.bare,
        request,
        watch: new PlainAnswer(methodOf(request)),
        idle,
        left: used => void clock.after(LEFT_MS, () => used.destroy(), { unref: true }),
        again,
        more: used => joinApp({ stream, first: undefined, plain: false }, used, false),
        done: () => {}
      })
    const anew = (): void =>
      void dial(serving, (_, connection) => {
        const asking = exchange(undefined)
        idle.adopt(connection, asking)
        asking.start(connection)
      })
    const first = exchange(anew)
    const kept = idle.take(first)
    if (kept === undefined) anew()
    else first.start(kept)
  }

  const joinNew = (serving: Serving, connection: Connection): void => joinApp(serving, connection, false)

  /** Another request may follow on this stream. */
  const joinKept = (serving: Serving): void => {
    const kept = idle.take()
    if (kept === undefined) void dial(serving, joinNew)
    else joinApp(serving, kept, true)
  }

  const joinApp = (serving: Serving, connection: Connection, reused: boolean): void => {
    const { stream, first, plain } = serving
    const answer = plain && first !== undefined ? new PlainAnswer(methodOf(first)) : undefined
    let left: Timer | undefined
    let again = false
    if (first !== undefined) connection.write(first)
    const joined = join(
      stream.connection,
      connection,
      {
        completeAtEnd: () => answer?.complete === true,
        keep: used => answer?.keeps === true && idle.put(used),
        again: () => (again = reused),
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
        if (again) void dial(serving, joinNew)
      }
    )
  }

  return { serve: begin, close: () => idle.close() }
}

const methodOf = (request: Buffer): string => request.toString('latin1', 0, request.indexOf(' '))
