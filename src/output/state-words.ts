/** A target's state in the words of every screen, with what stands beside it. */
import type { Serving, TargetState } from '../event/types.ts'
import type { Color } from './paint.ts'

/** Said when the event has no detail of its own. */
const USUAL: Partial<Readonly<Record<TargetState, string>>> = {
  waiting: 'local port closed',
  returning: 'local app down',
  paused: 'local app silent'
}

const COLORS: Readonly<Record<TargetState, Color>> = {
  resolving: 'dim',
  waiting: 'yellow',
  connecting: 'dim',
  registered: 'green',
  verified: 'green',
  partial: 'yellow',
  returning: 'yellow',
  paused: 'yellow',
  held: 'yellow',
  reconnecting: 'yellow',
  draining: 'cyan',
  ended: 'dim',
  failed: 'red'
}

export const stateColor = (state: TargetState): Color => COLORS[state]

/** `verified 38 ms`, `partial 1/3 replicas`, `registered (share < 1 %, not hit)`, `paused – visitors get 503 at 15 s`, `waiting for localhost:8080`. */
export function stateWords(state: TargetState, detail: string | undefined = USUAL[state]): string {
  // What stood beside the state before says nothing about leaving.
  if (detail === undefined || detail === '' || state === 'draining') return state
  if (state === 'verified' || state === 'partial' || detail.startsWith('for ')) return `${state} ${detail}`
  if ((state === 'paused' || state === 'reconnecting') && detail !== USUAL[state]) return `${state} – ${detail}`
  return `${state} (${detail})`
}

const SERVED: Readonly<Record<Serving, string>> = {
  laptop: 'visitors reach this laptop',
  shared: 'visitors are shared with the cluster',
  cluster: 'the cluster serves',
  nobody: 'NOBODY serves'
}

export const servingWords = (serving: Serving): string => SERVED[serving]
