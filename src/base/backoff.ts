/** Retry delays: exponential between two bounds, with jitter. Reset only after the thing retried has lived for a while. */

export interface BackoffOptions {
  minMs: number
  maxMs: number
  factor?: number
  /** 0…1: the part of the delay that is random. */
  jitter?: number
  /** A life shorter than this does not reset the delay, so that a peer that accepts and drops causes no hot loop. */
  resetAfterMs?: number
  random?: () => number
}

export interface Backoff {
  /** The delay before the next attempt, in milliseconds. */
  next(): number
  /** Tells how long the last attempt lived, which decides whether the delay starts again from the minimum. */
  lived(ms: number): void
  reset(): void
}

export function backoff(options: BackoffOptions): Backoff {
  const { minMs, maxMs, factor = 2, jitter = 0.3, resetAfterMs = 5_000, random = Math.random } = options
  let attempt = 0
  return {
    next() {
      const full = Math.min(maxMs, minMs * factor ** attempt)
      attempt += 1
      return full * (1 - jitter * random())
    },
    lived(ms) {
      if (ms >= resetAfterMs) attempt = 0
    },
    reset() {
      attempt = 0
    }
  }
}
