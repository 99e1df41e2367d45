/** When visitors are wanted: once every tunnel that the rules know has a connector, or some time passed; never again from the first sign of the end. */
import type { Clock } from '../base/clock.ts'

/** A tunnel whose pods are down for good must not keep the others from being served. */
const PATIENCE_MS = 10_000

export interface Readiness {
  /** In words; undefined when it is ready. */
  unready(): string | undefined
  /** From now on it is not. */
  end(): void
}

/** `missing`: what is not there yet, in words. Asked until it was empty once. */
export function readiness(missing: () => readonly string[], clock: Clock): Readiness {
  const startedAt = clock.now()
  let complete = false
  let ended = false
  return {
    unready() {
      if (ended) return 'shutting down'
      if (complete) return undefined
      const wanted = missing()
      complete = wanted.length === 0 || clock.now() - startedAt >= PATIENCE_MS
      return complete ? undefined : `waiting for ${wanted.join(', ')}`
    },
    end() {
      ended = true
    }
  }
}
