/** Where the time of an exchange went, as a bar. What only the visitor's side knows is said to be unknown. */
import { formatBytes, formatMs } from '../base/format.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { type Line, toned, type Tone } from './line.ts'

const LABEL = 26

export function timingLines(exchange: KeptExchange, { width, now }: { width: number; now: number }): Line[] {
  const { timings, startedAt, end, bytesIn, bytesOut } = exchange
  const total = timings.totalMs ?? Math.max(0, now - startedAt)
  const connect = Math.min(timings.connectMs ?? 0, total)
  const first = Math.min(timings.ttfbMs ?? total, total)
  const columns = Math.max(10, Math.min(60, width - LABEL - 14))
  const bar = (from: number, to: number, tone: Tone): Line => {
    const scale = total === 0 ? 0 : columns / total
    const before = Math.round(from * scale)
    const length = Math.max(to > from ? 1 : 0, Math.round(to * scale) - before)
    return [{ text: ' '.repeat(before) }, toned(tone, '█'.repeat(Math.min(length, columns - before)))]
  }
  const line = (label: string, ms: string, rest: Line = []): Line => [
    { text: label.padEnd(LABEL) },
    { text: `${ms.padStart(8)}  ` },
    ...rest
  ]
  return [
    line('visitor → tunnel server', 'unknown'),
    line('connect to the app', timings.connectMs === undefined ? '–' : formatMs(connect), bar(0, connect, 'yellow')),
    line('until the first byte', timings.ttfbMs === undefined ? '–' : formatMs(first - connect), bar(connect, first, 'cyan')),
    line('until the last byte', timings.ttfbMs === undefined ? '–' : formatMs(total - first), bar(first, total, 'green')),
    line(end === undefined ? 'so far' : 'in all', formatMs(total)),
    [],
    line('from the visitor', formatBytes(bytesIn)),
    line('to the visitor', formatBytes(bytesOut))
  ]
}
