/** THE key table: what is pressed, what it does, where. The help, the last line and docs/tui.md are made from it. */
import type { View } from './model.ts'

export type Act =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'follow'
  | 'open'
  | 'back'
  | 'next-tab'
  | 'tab-1'
  | 'tab-2'
  | 'tab-3'
  | 'tab-4'
  | 'fold'
  | 'unfold'
  | 'next'
  | 'previous'
  | 'filter'
  | 'replay'
  | 'edit'
  | 'copy'
  | 'export'
  | 'heavier'
  | 'lighter'
  | 'weight'
  | 'hold'
  | 'next-target'
  | 'all-targets'
  | 'events'
  | 'help'
  | 'redraw'
  | 'suspend'
  | 'quit'

export interface KeySpec {
  readonly act: Act
  /** As `keyName` says them. */
  readonly keys: readonly string[]
  /** As people read them. */
  readonly label: string
  readonly summary: string
  readonly views: readonly View[]
  /** Its word in the last line, most wanted first. */
  readonly short?: string
}

const LIST: readonly View[] = ['list']
const DETAIL: readonly View[] = ['detail']
const EXCHANGE: readonly View[] = ['list', 'detail', 'diff']
const ALL: readonly View[] = ['list', 'detail', 'diff', 'log', 'help']

export const KEYS: readonly KeySpec[] = [
  { act: 'open', keys: ['enter'], label: '↵', summary: 'open the exchange', views: LIST, short: 'open' },
  { act: 'back', keys: ['escape', 'backspace'], label: 'Esc', summary: 'back to the list; in the list: drop the filter', views: ALL },
  { act: 'up', keys: ['up', 'k'], label: '↑ k', summary: 'one line up', views: ALL },
  { act: 'down', keys: ['down', 'j'], label: '↓ j', summary: 'one line down', views: ALL },
  { act: 'page-up', keys: ['pageup', 'ctrl-b'], label: 'PgUp', summary: 'one page up', views: ALL },
  { act: 'page-down', keys: ['pagedown', 'ctrl-f'], label: 'PgDn', summary: 'one page down', views: ALL },
  { act: 'first', keys: ['home', 'g'], label: 'Home g', summary: 'to the first line', views: ALL },
  { act: 'last', keys: ['end', 'G'], label: 'End G', summary: 'to the last line; in the list: follow new ones', views: ALL },
  { act: 'follow', keys: ['f'], label: 'f', summary: 'follow new exchanges', views: LIST },
  { act: 'next-tab', keys: ['tab'], label: 'Tab', summary: 'next tab: request, response, timing, raw', views: DETAIL, short: 'next tab' },
  { act: 'tab-1', keys: ['1'], label: '1', summary: 'the request', views: DETAIL },
  { act: 'tab-2', keys: ['2'], label: '2', summary: 'the response', views: DETAIL },
  { act: 'tab-3', keys: ['3'], label: '3', summary: 'where the time went', views: DETAIL },
  { act: 'tab-4', keys: ['4'], label: '4', summary: 'the bytes as they passed, secrets masked', views: DETAIL },
  { act: 'fold', keys: ['left', 'h'], label: '← h', summary: 'fold the JSON value under the cursor', views: DETAIL },
  { act: 'unfold', keys: ['right'], label: '→', summary: 'unfold it', views: DETAIL },
  { act: 'next', keys: ['n'], label: 'n', summary: 'the next exchange', views: DETAIL },
  { act: 'previous', keys: ['p'], label: 'p', summary: 'the one before', views: DETAIL },
  {
    act: 'filter',
    keys: ['/'],
    label: '/',
    summary: 'show only what matches, e.g. status:5xx or method:POST',
    views: LIST,
    short: 'filter'
  },
  {
    act: 'replay',
    keys: ['r'],
    label: 'r',
    summary: 'send the request to the local app again and compare',
    views: EXCHANGE,
    short: 'replay'
  },
  { act: 'edit', keys: ['e'], label: 'e', summary: 'edit the request in $EDITOR, then send it', views: EXCHANGE, short: 'edit' },
  { act: 'copy', keys: ['y'], label: 'y', summary: 'copy it as a curl command', views: EXCHANGE, short: 'curl' },
  { act: 'export', keys: ['x'], label: 'x', summary: 'write what is listed to a HAR file', views: EXCHANGE, short: 'export' },
  { act: 'heavier', keys: ['+', '='], label: '+', summary: 'take more: twice the weight', views: LIST, short: '+ - weight' },
  { act: 'lighter', keys: ['-'], label: '-', summary: 'take less: half the weight', views: LIST },
  { act: 'weight', keys: ['w'], label: 'w', summary: 'set the weight (1…255) or a share (50%)', views: LIST },
  {
    act: 'hold',
    keys: ['space'],
    label: 'Space',
    summary: 'give the visitors back for a while; again: take them',
    views: LIST,
    short: 'give back'
  },
  { act: 'next-target', keys: ['tab'], label: 'Tab', summary: 'the next target', views: LIST },
  { act: 'all-targets', keys: ['t'], label: 't', summary: 'list one target or all', views: LIST },
  { act: 'events', keys: ['l'], label: 'l', summary: 'what the session itself did', views: LIST },
  { act: 'help', keys: ['?'], label: '?', summary: 'this help', views: ALL, short: 'help' },
  { act: 'redraw', keys: ['ctrl-l'], label: 'Ctrl-L', summary: 'draw the screen again', views: ALL },
  {
    act: 'suspend',
    keys: ['ctrl-z'],
    label: 'Ctrl-Z',
    summary: 'back to the shell; the visitors are given back meanwhile, and `fg` takes them again',
    views: ALL
  },
  {
    act: 'quit',
    keys: ['q', 'ctrl-c'],
    label: 'q',
    summary: 'give the visitors back and leave; again: leave at once',
    views: ALL,
    short: 'quit'
  }
]

/** What a key does in a view; undefined when nothing. */
export const actFor = (view: View, key: string): Act | undefined =>
  KEYS.find(spec => spec.views.includes(view) && spec.keys.includes(key))?.act
