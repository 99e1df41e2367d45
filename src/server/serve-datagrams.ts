/** A UDP sidecar's streams and the app beside it: each stream has a socket of its own, so that the app sees one address per visitor. */
import type { Clock } from '../base/clock.ts'
import type { Endpoint } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { dialUdp } from '../transport/udp.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import { datagramStream } from './datagram-stream.ts'
import type { ServeApp } from './serve-app.ts'

export interface ServeDatagramsOptions {
  target: Endpoint
  clock: Clock
  log: Logger
  /** A stream ends after so long without a datagram. */
  idleMs?: number
}

/** Longer than our server's own, which ends streams first. */
const IDLE_MS = 120_000
const QUEUE_BYTES = 262_144

export function serveDatagrams({ target, clock, log, idleMs = IDLE_MS }: ServeDatagramsOptions): ServeApp {
  const serve = async ({ connection }: TunnelStream): Promise<void> => {
    connection.on('error', () => {}) // `close` follows
    connection.pause()
    const app = await dialUdp(target)
    const stream = datagramStream(connection, QUEUE_BYTES)
    let activeAt = clock.now()
    const pass =
      (send: (datagram: Buffer) => void) =>
      (datagram: Buffer): void => {
        activeAt = clock.now()
        send(datagram)
      }
    stream.onDatagram = pass(app.send)
    app.onDatagram = pass(stream.send)
    connection.resume()
    const timer = clock.every(
      idleMs / 4,
      () => {
        if (clock.now() - activeAt > idleMs) void stream.close()
      },
      { unref: true }
    )
    await Promise.race([app.closed, stream.closed])
    timer.cancel()
    await Promise.all([app.close(), stream.close()])
  }
  return {
    serve(stream) {
      serve(stream).catch((error: unknown) => {
        log.info('app not reached', { error: asError(error) })
        stream.connection.destroy()
      })
    },
    close: () => {}
  }
}
