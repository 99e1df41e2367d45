/** A token bucket: so many per second, with a burst of one second's worth. */
import type { Clock } from '../base/clock.ts'

/** The returned function takes a token, or says no. */
export function rateLimit({ perSecond, clock }: { perSecond: number; clock: Clock }): () => boolean {
  let tokens = perSecond
  let at = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(perSecond, tokens + ((now - at) / 1000) * perSecond)
    at = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
