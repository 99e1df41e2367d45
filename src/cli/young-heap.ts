/**
 * How V8 uses memory in a session. Keeps its young generation small. Under load it doubles up to 2 × 32 MiB, which buys nothing here: a request's objects die within milliseconds, and a
 * scavenge costs what survives it. `--max-semi-space-size` says the same, but a plugin is started by kubectl and has no flags for Node.
 */
import v8 from 'node:v8'
import type { Clock, Timer } from '../base/clock.ts'

/** Both of its halves, as V8 counts them. */
const LIMIT_BYTES = 16 * 1_048_576
/** Of a server: what is under way for hundreds of visitors at a time should not be taken for something that lasts. */
export const SERVER_LIMIT_BYTES = 2 * LIMIT_BYTES
const LOOK_MS = 200

/** Until the returned timer is cancelled, or the limit is reached: growing is then switched off for good. */
export function limitYoungHeap(clock: Clock, limitBytes = LIMIT_BYTES): Timer {
  const look = clock.every(
    LOOK_MS,
    () => {
      const young = v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
      if (young !== undefined && young.space_size < limitBytes) return
      v8.setFlagsFromString('--semi-space-growth-factor=1')
      look.cancel()
    },
    { unref: true }
  )
  return look
}

/**
 * What outlives a moment (a remembered exchange, what waits in a stalled upload) dies in the old generation, which V8 lets grow to several times of what lives
 * there before it looks. 20 % more is enough; looking costs a few milliseconds for a heap of this size.
 */
export const limitOldHeap = (): void => v8.setFlagsFromString('--heap-growing-percent=20')
