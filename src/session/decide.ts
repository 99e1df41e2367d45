/** Where a stream, or a request of a kept-alive one, goes: a pure function of what is known in that moment. */
import type { Decision } from './gate.ts'

export interface DecisionFacts {
  /** Pods answer everything. */
  mirrored: boolean
  /** The filter lets it through. */
  mine: boolean
  /** A pod can take it. */
  canReturn: boolean
  localUp: boolean
  /** The app is silent, and new requests shall not wait for it. */
  givesPaused: boolean
  /** The part that stays, 0…1. */
  keep: number
}

/** `draw`: a uniform number of 0…1. */
export function decide({ mirrored, mine, canReturn, localUp, givesPaused, keep }: DecisionFacts, draw: number): Decision {
  if (mirrored) return { to: 'return', why: 'mirror' }
  // Also where no pod can take it: what is somebody else's is never served here.
  if (!mine) return { to: 'return', why: 'filter' }
  if (!canReturn) return { to: 'local' }
  if (!localUp) return { to: 'return', why: 'local-down' }
  if (givesPaused) return { to: 'return', why: 'local-paused' }
  return draw >= keep ? { to: 'return', why: 'thinned' } : { to: 'local' }
}
