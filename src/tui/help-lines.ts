/** The help: every key, from the one table. */
import { padEnd } from '../base/width.ts'
import { KEYS, type KeySpec } from './keys.ts'
import { bold, type Line, lineWidth, packed, toned } from './line.ts'
import type { View } from './model.ts'

const PARTS: readonly (readonly [title: string, view: View])[] = [
  ['In the list', 'list'],
  ['In an exchange', 'detail']
]

export function helpLines(): Line[] {
  const everywhere = KEYS.filter(({ views }) => views.length > 3)
  const parts = PARTS.map(([title, view]) => [title, KEYS.filter(spec => spec.views.includes(view) && !everywhere.includes(spec))] as const)
  return [...section('Everywhere', everywhere), ...parts.flatMap(([title, keys]) => section(title, keys)), ...FILTER]
}

const section = (title: string, keys: readonly KeySpec[]): Line[] => [
  [bold(title)],
  ...keys.map(({ label, summary }): Line => [toned('cyan', `  ${padEnd(label, 9)}`), { text: summary }]),
  []
]

const FILTER: readonly Line[] = [
  [bold('Filters')],
  [toned('cyan', '  status:5xx  method:POST  path:/api/*  host:shop.test  who:returned  header.x-user:a')],
  [{ text: '  joined by and, or, not and brackets; ~ before a regular expression; a bare word looks everywhere' }]
]

/** The last line: the keys of a view that people want most. */
export function footer(view: View, width: number, held = false): Line {
  const keys = KEYS.filter(spec => spec.views.includes(view) && spec.short !== undefined)
  const back: Line[] = view === 'list' ? [] : [[toned('cyan', 'Esc'), { text: ' back' }]]
  const parts = keys.map(
    ({ act, label, short = '' }): Line =>
      act === 'hold' && held
        ? [toned('cyan', label), { text: ' take again' }]
        : short.startsWith('+')
          ? [toned('cyan', '+ -'), { text: short.slice(3) }]
          : [toned('cyan', label), { text: ` ${short}` }]
  )
  // Help and the way out are always there.
  const must = packed(parts.splice(-2), width - 1, 2)
  return [{ text: ' ' }, ...packed([...back, ...parts], width - 3 - lineWidth(must), 2), { text: '  ' }, ...must]
}
