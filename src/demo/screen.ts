/** What the demo prints: short lines, real numbers. Pure. */
import { formatMs, formatShare } from '../base/format.ts'
import { answered, percentile, type Sample } from './visitors.ts'

export type Paint = (color: 'bold' | 'dim' | 'green' | 'red' | 'cyan' | 'yellow', text: string) => string

const CODES = { bold: 1, dim: 2, green: 32, red: 31, cyan: 36, yellow: 33 } as const
export const paintWith =
  (wanted: boolean): Paint =>
  (color, text) =>
    wanted ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text

const BAR = 32

export interface Places {
  entrypointPort: number
  tunnelPort: number
  clusterPort: number
  laptopPort: number
}

export const intro = (paint: Paint, at: Places): string[] => [
  `${paint('bold', 'kubectl intercept demo')}  ${paint('dim', 'one process, loopback only, no cluster')}`,
  '',
  `  visitors ─▶ entrypoint :${at.entrypointPort} ─▶ tunnel server :${at.tunnelPort}`,
  `                  ├─▶ ${paint('cyan', 'sidecar ─▶ nginx in the cluster')} :${at.clusterPort}`,
  `                  └─▶ ${paint('yellow', 'kubectl intercept ─▶ the app on your laptop')} :${at.laptopPort}`,
  ''
]

export const chapterLine = (paint: Paint, number: number, title: string): string => `${paint('dim', `${number}`)}  ${paint('bold', title)}`

/** `   ████████░░░░░░░░  cluster 103  laptop 97 (48.5 %)  0 failed  p50 3 ms`. */
export function sampleLine(paint: Paint, sample: Sample): string {
  const total = answered(sample)
  const laptop = total === 0 ? 0 : Math.round((sample.laptop / total) * BAR)
  const bar = paint('cyan', '█'.repeat(BAR - laptop)) + paint('yellow', '▒'.repeat(laptop))
  const share = total === 0 ? '' : ` (${formatShare(sample.laptop / total)})`
  const failed = paint(sample.failed === 0 ? 'green' : 'red', `${sample.failed} failed`)
  return `   ${bar}  cluster ${sample.cluster} · laptop ${sample.laptop}${share} · ${failed}`
}

export const note = (paint: Paint, text: string): string => `   ${paint('dim', text)}`

export interface Row {
  title: string
  sample: Sample
  /** Undefined: the promise held. */
  broken: string | undefined
}

export function summary(paint: Paint, rows: readonly Row[], between: Sample): string[] {
  const all = [...rows, { title: 'while switching', sample: between, broken: undefined }]
  const cells = all.map(({ title, sample, broken }) => [
    title,
    String(answered(sample) + sample.failed),
    String(sample.cluster),
    String(sample.laptop),
    String(sample.failed),
    ms(percentile(sample.latencies, 0.5)),
    ms(percentile(sample.latencies, 0.99)),
    broken === undefined ? 'ok' : broken
  ])
  const heading = ['', 'requests', 'cluster', 'laptop', 'failed', 'p50', 'p99', '']
  const widths = heading.map((name, column) => Math.max(name.length, ...cells.map(row => (row[column] ?? '').length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 || column === 7 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [paint('dim', line(heading)), ...cells.map((row, at) => (all[at]?.broken === undefined ? line(row) : paint('red', line(row))))]
}

const ms = (value: number | undefined): string => (value === undefined ? '–' : formatMs(value))
