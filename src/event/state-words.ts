/** States, and why an exchange was returned, in the words of every screen. */
import { printable } from '../base/format.ts'
import type { EventBody, Serving, TargetState } from './types.ts'

/** Beside the word, never instead of it. */
export type StateColor = 'dim' | 'yellow' | 'green' | 'cyan' | 'red'
export type Why = NonNullable<EventBody<'exchange.started'>['why']>

/** Said when the event has no detail of its own. */
const USUAL: Partial<Readonly<Record<TargetState, string>>> = {
  waiting: 'local port closed',
  returning: 'local app down',
  paused: 'local app silent'
}

const COLORS: Readonly<Record<TargetState, StateColor>> = {
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

export const stateColor = (state: TargetState): StateColor => COLORS[state]

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
  nobody: 'NOBODY serves',
  unknown: 'whether visitors reach this laptop is not known'
}

export const servingWords = (serving: Serving): string => SERVED[serving]

const WHY: Readonly<Record<Why, string>> = {
  filter: 'not mine',
  mirror: '',
  thinned: 'share',
  'local-down': 'local app down',
  'local-paused': 'local app silent',
  held: 'held'
}

/**
 * `(not mine)`, `(local app down)`: why an exchange was not answered here; `(bob@two)`: who did. Nothing where all of a session are answered
 * elsewhere: whether it was copied is said by its copy.
 */
export function whyRemark({ why, answeredBy }: { why?: Why | undefined; answeredBy?: string | undefined }): string {
  const words = answeredBy === undefined ? (why === undefined ? '' : WHY[why]) : printable(answeredBy, 40)
  return words === '' ? '' : `(${words})`
}
/** Why an exchange broke off. */
export const abortWords = ({ by, code }: Pick<EventBody<'exchange.aborted'>, 'by' | 'code'>): string =>
  by === 'agent' && code === 'LEFT' ? 'cut off, because you left' : `aborted by ${by} (${printable(code, 40)})`
/** `= same answer`, `≠ status 200 → 500, 2 headers, body`. */
export function comparedWords({
  equal,
  status,
  headers,
  body
}: Pick<EventBody<'exchange.compared'>, 'equal' | 'status' | 'headers' | 'body'>): string {
  if (equal) return '= same answer'
  const parts = [
    ...(status === undefined ? [] : [status]),
    ...headers.map(text => printable(text.split(':', 1)[0] ?? '', 40)),
    ...(body === undefined ? [] : [printable(`body: ${body.split('\n', 1)[0] ?? ''}`, 80)])
  ]
  return `≠ ${parts.join(', ')}`
}
export const LONGEST_WHY = Math.max(...Object.values(WHY).map(words => words.length)) + 2
