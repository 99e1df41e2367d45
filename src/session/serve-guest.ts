/** A stream that belongs to another session: passed on through its private tunnel, and watched on its way. */
import type { Clock } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import { CUT_OFF, type Exchanges } from './exchanges.ts'
import { joinWatched } from './join-watched.ts'

export interface ServeGuestOptions {
  /** Whose session it is. */
  user: string
  connect: (signal: AbortSignal) => Promise<Connection>
  exchanges: Exchanges
  clock: Clock
}

/** Resolves when the stream is over. Rejects when the session cannot be reached, with nothing taken from the stream. */
export async function serveGuest(stream: TunnelStream, options: ServeGuestOptions, signal: AbortSignal): Promise<void> {
  const { exchanges, clock } = options
  const started = clock.now()
  const connection = await options.connect(signal)
  const watch = exchanges.open({ stream, who: 'other', answeredBy: options.user, why: 'filter', connectMs: clock.now() - started })
  const result = await joinWatched(stream, connection, { watch, signal })
  watch.finish(signal.aborted ? CUT_OFF : result)
}
