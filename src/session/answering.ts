/** Whether the local app answers at all: it accepts, but for 3 s nothing came back (a breakpoint). Policy only; fed by the gate. */
import type { Clock } from '../base/clock.ts'

export interface Answering {
  /** A request went to the app. The returned function tells its first answering byte, or that nobody waits any more. */
  asked(): { answered: () => void; dropped: () => void }
  readonly paused: boolean
  /** Milliseconds since the oldest unanswered request; 0 without one. */
  readonly silentMs: number
}

export function answering(clock: Clock, pausedAfterMs = 3_000): Answering {
  const waiting = new Set<{ since: number }>()
  let lastAnswerAt = Number.NEGATIVE_INFINITY
  const silentMs = (): number => {
    const [oldest] = waiting // insertion order: the first is the oldest
    return oldest === undefined ? 0 : clock.now() - Math.max(oldest.since, lastAnswerAt)
  }
  return {
    asked() {
      const request = { since: clock.now() }
      waiting.add(request)
      return {
        answered: () => {
          if (!waiting.delete(request)) return
          lastAnswerAt = clock.now()
        },
        dropped: () => {
          waiting.delete(request)
        }
      }
    },
    get paused() {
      return silentMs() >= pausedAfterMs
    },
    get silentMs() {
      return silentMs()
    }
  }
}
