/** A stream that belongs to another session: passed on through its private tunnel, and watched like one that goes back to a pod. */
import type { Clock } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { type Joined, join } from '../transport/splice.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import { CUT_OFF, type Exchanges } from './exchanges.ts'

export interface ServeGuestOptions {
  connect: (signal: AbortSignal) => Promise<Connection>
  exchanges: Exchanges
  clock: Clock
}

/** Resolves when the stream is over. Rejects when the session cannot be reached, with nothing taken from the stream. */
export async function serveGuest(stream: TunnelStream, options: ServeGuestOptions, signal: AbortSignal): Promise<void> {
  const { exchanges, clock } = options
  const started = clock.now()
  const connection = await options.connect(signal)
  const watch = exchanges.open({ stream, who: 'returned', why: 'filter', connectMs: clock.now() - started })
  await new Promise<void>(resolve => {
    let joined: Joined | undefined
    const stop = (): void => joined?.stop(asError(signal.reason))
    signal.addEventListener('abort', stop, { once: true })
    // Over at once when one of them is gone already.
    joined = join(
      stream.connection,
      connection,
      {
        onBytes: (direction, chunk) => watch.onBytes(direction, chunk),
        onEnd: direction => watch.onEnd(direction),
        completeAtEnd: () => watch.allAnswered
      },
      result => {
        signal.removeEventListener('abort', stop)
        watch.finish(signal.aborted ? CUT_OFF : result)
        resolve()
      }
    )
    watch.onLastByte(() => joined?.complete())
    if (signal.aborted) stop()
  })
}
