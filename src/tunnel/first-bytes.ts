/** Takes the first bytes of a stream, past the buffers of a Duplex: nearly always they are the whole request. */
import { setImmediate } from 'node:timers'
import type { Clock, Timer } from '../base/clock.ts'
import type { BareStream } from '../smux/types.ts'

const NOTHING = Buffer.alloc(0)

/**
 * Calls `then` once: with the first chunk, in this tick when it has come already; with nothing after `waitMs`.
 * Not at all when the stream ends before.
 */
export function firstBytes(
  stream: BareStream,
  { clock, waitMs }: { clock: Clock; waitMs: number },
  then: (bytes: Buffer | undefined) => void
): void {
  // Whoever looked at it before has put its bytes back there.
  if (stream.isConnection && stream.connection.readableLength > 0) {
    const chunk: Buffer | null = stream.connection.read()
    then(chunk ?? undefined)
    return
  }
  let first: Buffer | undefined
  let timer: Timer | undefined
  let over = false
  stream.readFirst({
    take(chunk) {
      first = chunk
      return NOTHING
    },
    done() {
      over = true
      timer?.cancel()
      then(first)
    },
    failed() {
      over = true
      timer?.cancel()
    }
  })
  if (over) return
  const giveUp = (): void => {
    if (over) return
    stream.readFirst(undefined)
    then(undefined)
  }
  // In a busy process the time may be over while the bytes wait to be read.
  timer = clock.after(waitMs, () => void setImmediate(giveUp))
}
