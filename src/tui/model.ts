/** What the person has done to the screen: one plain value, changed by `press.ts` only. What the session is comes from events and the log. */
import type { Filter } from '../filter/filter.ts'
import type { Tone } from './line.ts'

export type View = 'list' | 'detail' | 'diff' | 'log' | 'help'
export type PromptKind = 'filter' | 'weight' | 'export'
export const TABS = ['Request', 'Response', 'Timing', 'Raw'] as const

export interface Prompt {
  readonly kind: PromptKind
  readonly text: string
  readonly error?: string
}

export interface Model {
  readonly view: View
  /** The exchange under the cursor; undefined while nothing was chosen. */
  readonly cursor: string | undefined
  /** Which line of the list's body the cursor stands on, so that the list does not move when rows come and go. */
  readonly cursorLine: number
  /** The cursor stays on the last row. */
  readonly following: boolean
  /** How many exchanges had started when following stopped. */
  readonly seen: number
  readonly filter: Filter | undefined
  readonly prompt: Prompt | undefined
  /** Which target the keys act on; undefined: the first. */
  readonly target: string | undefined
  /** List only that target's exchanges. */
  readonly onlyTarget: boolean
  readonly tab: number
  /** The line of the detail, of the events or of the help that the keys moved to. */
  readonly line: number
  /** Paths of the JSON nodes that are folded. */
  readonly folded: ReadonlySet<string>
  /** Where Escape leads from the comparison. */
  readonly back: View
  /** A weight that was asked for and is not there yet: the next step goes on from it. */
  readonly asked: number | undefined
  /** A replay beside what it repeats. */
  readonly diff: { readonly of: string; readonly id: string } | undefined
  /** Said in the line above the keys, until something else is. */
  readonly said: { readonly text: string; readonly tone: Tone } | undefined
  readonly quitting: boolean
}

export const INITIAL: Model = {
  view: 'list',
  cursor: undefined,
  cursorLine: 0,
  following: true,
  seen: 0,
  filter: undefined,
  prompt: undefined,
  target: undefined,
  onlyTarget: false,
  tab: 0,
  line: 0,
  folded: new Set(),
  back: 'list',
  asked: undefined,
  diff: undefined,
  said: undefined,
  quitting: false
}

/** What a key asks for beside changing the model. */
export type Effect =
  | { readonly kind: 'set'; readonly args: Readonly<Record<string, unknown>>; readonly done: string }
  | { readonly kind: 'replay' | 'edit' | 'copy'; readonly id: string }
  | { readonly kind: 'export'; readonly name: string; readonly ids: readonly string[] }
  | { readonly kind: 'quit' | 'quit-now' | 'suspend' | 'redraw' }
