/** The first lines: which target, its state in words and colour, weight and route; below it how the traffic goes. */
import { formatBytes, formatMs, formatShare, printable } from '../base/format.ts'
import type { SessionView, TargetView } from '../event/reduce.ts'
import { stateColor, type StateColor, stateWords } from '../event/state-words.ts'
import type { EventBody, TargetState } from '../event/types.ts'
import { bold, fit, inverted, type Line, packed, type Span, spread, toned, type Tone } from './line.ts'
import { sparkline } from './sparkline.ts'

const SYMBOLS: Readonly<Record<TargetState, string>> = {
  resolving: '○',
  waiting: '○',
  connecting: '○',
  registered: '●',
  verified: '●',
  partial: '◐',
  returning: '◐',
  paused: '⏸',
  held: '⏸',
  reconnecting: '↻',
  draining: '◌',
  ended: '○',
  failed: '✕'
}

const toneOf = (color: StateColor): Tone => (color === 'dim' ? 'gray' : color)

export interface HeaderFacts {
  readonly view: SessionView
  readonly stats: EventBody<'stats'> | undefined
  /** Requests a second, oldest first. */
  readonly rates: readonly number[]
  /** Requests that still run while everything is given back. */
  readonly draining: number | undefined
  readonly now: number
  readonly timeOf: (ms: number) => string
}

/** `verified 38 ms`, `paused 00:09 – visitors get 503 at 15 s`, `draining 3`. */
function stateText(target: TargetView, { now, draining }: Pick<HeaderFacts, 'now' | 'draining'>): string {
  const words = printable(stateWords(target.state, target.detail))
  if (target.state === 'draining' && draining !== undefined && draining > 0) return `${words} ${draining}`
  if (target.state !== 'paused') return words
  const seconds = Math.max(0, Math.floor((now - Date.parse(target.since)) / 1_000))
  return words.replace('paused', `paused ${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`)
}

export function targetLine(name: string, facts: HeaderFacts, width: number): Line {
  const target = facts.view.targets[name]
  const clock: Line = [{ text: facts.timeOf(facts.now) }, { text: ' ' }]
  if (target === undefined) return spread([bold(` ${printable(name, 60)}`), toned('gray', '  resolving')], clock, width)
  const { state, workload, local, weight, route } = target
  const tone = toneOf(stateColor(state))
  const where: Line = local === undefined ? [] : [{ text: `${printable(workload ?? '', 60)} → ${printable(local, 60)}` }]
  const parts: Line[] = [
    [bold(` ${printable(name, 60)}`)],
    [
      { text: SYMBOLS[state], tone, bold: true },
      { text: ` ${stateText(target, facts)}`, tone, bold: true }
    ],
    weight === undefined ? [] : [{ text: shareText(target) }],
    where,
    route === undefined ? [] : [toned('gray', `via ${printable(route.describe, 60)}`)]
  ]
  return spread(packed(parts, width - 10), clock, width)
}

function shareText({ weight = 0, share, thinning, filter, mirror }: TargetView): string {
  const only = filter === undefined ? '' : `only ${printable(filter, 60)}`
  if (mirror === true) return only === '' ? 'copies' : `copies, ${only}`
  return only === '' ? weightText(weight, share, thinning) : only
}

function weightText(weight: number, share: number | undefined, thinning = 1): string {
  if (weight === 255 && thinning === 1) return 'weight 255 (all)'
  return `weight ${weight}${share === undefined ? '' : ` (${formatShare(share)})`}`
}

/** With several targets: `1 nginx ●  2 cart ◐`, the one that the keys act on inverted. */
export function tabsLine(names: readonly string[], selected: string | undefined, { view }: HeaderFacts, width: number): Line {
  const tabs = names.map((name, index): Line => {
    const state = view.targets[name]?.state ?? 'resolving'
    const tab: Line = [{ text: ` ${index + 1} ${printable(name, 30)} ` }, { text: `${SYMBOLS[state]} `, tone: toneOf(stateColor(state)) }]
    return name === selected ? inverted(tab) : tab
  })
  return fit([{ text: ' ' }, ...packed(tabs, width - 1, 1)], width)
}

export function statsLine({ view, stats, rates }: HeaderFacts, width: number): Line {
  const { requests, errors, returned, other } = view.counters
  const rate = stats?.rps ?? 0
  const part = (text: string, tone?: Tone): Line => [tone === undefined ? { text } : toned(tone, text)]
  const left: Line[] = [
    [bold(` ${rate} req/s `), toned('cyan', sparkline(rates, 10))],
    part(`p50 ${ms(stats?.p50)}  p95 ${ms(stats?.p95)}`),
    part(`errors ${requests === 0 ? '–' : formatShare(errors / requests)}`, errors > 0 ? 'red' : undefined),
    returned + other === 0 ? [] : part(whoShares(view.counters)),
    view.counters.inFlight > 0 ? part(`${view.counters.inFlight} open`) : []
  ]
  const right: Span[] =
    width < 96 ? [] : [toned('gray', `↑ ${formatBytes(stats?.bytesOut ?? 0)}/s ↓ ${formatBytes(stats?.bytesIn ?? 0)}/s `)]
  return spread(packed(left, Math.max(20, width - (width < 96 ? 0 : 26)), width < 96 ? 2 : 3), right, width)
}

/** `laptop 98 %  returned 2 %`. */
function whoShares({ started, returned, other }: SessionView['counters']): string {
  const shares = [
    ['laptop', started - returned - other],
    ['returned', returned],
    ['other', other]
  ] as const
  return shares.flatMap(([who, count]) => (count === 0 && who !== 'laptop' ? [] : `${who} ${formatShare(count / started)}`)).join('  ')
}

const ms = (value: number | undefined): string => (value === undefined ? '–' : formatMs(value))
