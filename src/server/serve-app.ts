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
  /** The server wants the stream to end with the answer; the app is not told. */
  single: boolean
}

/** An app that speaks first is waited for no longer than this. */
const FIRST_BYTES_MS = 10
/** What an app gets to notice that the server ended the stream: nothing it still writes would arrive. */
const LEFT_MS = 1_000

export function serveApp({ app, dialTimeoutMs, isStock, keepsApp, clock, log }: ServeAppOptions): ServeApp {
  const idle = idleConnections(clock)

  const begin = (stream: TunnelStream): void => {
    if (!keepsApp) {
      void dial({ stream, first: undefined, plain: false, single: false })
      return
    }
    firstBytes(stream.connection, { clock, waitMs: FIRST_BYTES_MS }, bytes => {
      const first = bytes !== undefined && isStock() ? withoutAppendedClose(bytes) : bytes
      const plain = first !== undefined && isPlainRequest(first)
      const serving = plain ? { stream, first, plain, single: first !== bytes } : { stream, first: bytes, plain, single: false }
      const kept = idle.take()
      // An app that serves one connection after the other would wait for the idle one.
      if (!plain) kept?.destroy()
      if (!plain || kept === undefined) void dial(serving)
      else joinApp(serving, kept, true)
    })
  }

  const dial = async (serving: Serving): Promise<void> => {
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
    joinApp(serving, connection, false)
  }

  const joinApp = (serving: Serving, connection: Connection, reused: boolean): void => {
    const { stream, first, plain, single } = serving
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
          if (single && answer?.complete === true) joined.complete()
        },
        onEnd: direction => {
          if (direction === 'in' || !stream.connection.peerEnded || answer?.complete === true) return
          left = clock.after(LEFT_MS, () => joined.stop(), { unref: true })
        }
      },
      () => {
        left?.cancel()
        if (again) void dial(serving)
      }
    )
  }

  return { serve: begin, close: () => idle.close() }
}

const methodOf = (request: Buffer): string => request.toString('latin1', 0, request.indexOf(' '))
