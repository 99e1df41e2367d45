/** A target's state, from the facts: one pure function, so that no two screens can disagree (product.md §6). */
import type { Serving, TargetState } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'

export interface TargetFacts {
  /** Ends everything else. */
  ended: 'no' | 'ended' | 'failed'
  draining: boolean
  resolved: boolean
  localUp: boolean
  /** The local app accepts but does not answer. */
  paused: boolean
  /** We gave the traffic back on purpose, until the local app is there. */
  givenBack: boolean
  /** Somebody said `hold`. */
  held: boolean
  /** Replicas of the server: ready ones, and those with a bound connector of ours. */
  replicas: number
  bound: number
  everBound: boolean
  /** Both proofs, or the ones possible, hold for every bound replica. */
  verified: boolean
  /** A return path exists and may be used. */
  canReturn: boolean
  weight: number
  thinning: number
  /** Only what matches is taken. */
  filter: Filter | undefined
  /** The cluster answers every visitor; copies come here. */
  mirrored: boolean
  /** Another session holds the tunnel, and passes on what is ours. */
  guest: boolean
  /** Nothing tells which visitors the server leads to this tunnel. */
  hostsUnknown: boolean
}

export const initialFacts: TargetFacts = {
  ended: 'no',
  draining: false,
  resolved: false,
  localUp: true,
  paused: false,
  givenBack: false,
  held: false,
  replicas: 1,
  bound: 0,
  everBound: false,
  verified: false,
  canReturn: false,
  weight: 255,
  thinning: 1,
  filter: undefined,
  mirrored: false,
  guest: false,
  hostsUnknown: false
}

export function stateOf(facts: TargetFacts): TargetState {
  if (facts.ended !== 'no') return facts.ended
  if (facts.draining) return 'draining'
  if (!facts.resolved) return 'resolving'
  if (facts.held) return 'held'
  if (facts.givenBack) return 'waiting'
  if (facts.bound === 0) return facts.everBound ? 'reconnecting' : 'connecting'
  if (!facts.localUp && facts.canReturn) return 'returning'
  if (facts.paused) return 'paused'
  if (facts.bound < facts.replicas) return 'partial'
  return facts.verified ? 'verified' : 'registered'
}

/** Who serves the visitors, as far as can be known from here. */
export function servingOf(facts: TargetFacts): Serving {
  if (facts.mirrored || !TAKING.has(stateOf(facts))) return 'cluster'
  if (facts.hostsUnknown) return 'unknown'
  return facts.weight === 255 && facts.thinning === 1 && facts.filter === undefined && !facts.guest && facts.bound >= facts.replicas
    ? 'laptop'
    : 'shared'
}

/** The states in which visitors reach this laptop. */
const TAKING: ReadonlySet<TargetState> = new Set(['verified', 'registered', 'paused', 'draining', 'partial'])
