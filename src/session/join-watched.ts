/** A visitor's stream joined with whoever answers it in the local app's stead, and watched. */
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { type Joined, type JoinOptions, join } from '../transport/splice.ts'
import type { SpliceResult } from '../transport/types.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { StreamWatch } from './exchanges.ts'

export interface JoinWatched extends Pick<JoinOptions, 'keep' | 'again'> {
  watch: StreamWatch
  /** Aborted to cut both off. */
  signal: AbortSignal
}

/** Resolves when the two are done with each other. A port-forward tells of an app's end a second late, so the exchange's own end counts. */
export function joinWatched({ connection: visitor }: TunnelStream, to: Connection, options: JoinWatched): Promise<SpliceResult> {
  const { watch, signal, ...rest } = options
  return new Promise(resolve => {
    let joined: Joined | undefined
    const stop = (): void => joined?.stop(asError(signal.reason))
    signal.addEventListener('abort', stop, { once: true })
    const observer: JoinOptions = {
      ...rest,
      onBytes: (direction, chunk) => watch.onBytes(direction, chunk),
      onEnd: direction => watch.onEnd(direction),
      completeAtEnd: () => watch.allAnswered
    }
    // Over at once when one of them is gone already.
    joined = join(visitor, to, observer, result => {
      signal.removeEventListener('abort', stop)
      resolve(result)
    })
    watch.onLastByte(() => joined?.complete())
    if (signal.aborted) stop()
  })
}
