/**
 * A session for people, as lines: what `session-lines.ts` says, and one line per exchange. Every text that came from the network is made
 * printable. A terminal that stands still loses exchange lines, never the session its time.
 */
import { widthOf } from '../base/width.ts'
import type { SessionEvent } from '../event/types.ts'
import { exchangeLines } from './exchange-line.ts'
import { painter } from './paint.ts'
import { sessionLines } from './session-lines.ts'

export interface TextWriter {
  write(text: string): unknown
  readonly writableLength: number
}

export interface PlainOptions {
  out: TextWriter
  color: boolean
  /** Of the terminal; undefined where lines may be as long as they are. */
  columns: number | undefined
  /** RFC 3339 → what stands at the beginning of a line; local time by default. */
  time?: (at: string) => string
}

export interface PlainOutput {
  event(event: SessionEvent): void
}

const MAX_PENDING_BYTES = 1_048_576

/** Events come by the hundred within one second. */
function localTimes(): (at: string) => string {
  let lastSecond = ''
  let text = ''
  return at => {
    const second = at.slice(0, 19)
    if (second !== lastSecond) text = new Date(at).toLocaleTimeString('en-GB')
    lastSecond = second
    return text
  }
}

export function plainOutput({ out, color, columns, time = localTimes() }: PlainOptions): PlainOutput {
  const paint = painter(color)
  const targets = new Set<string>()
  const targetWidth = (): number => (targets.size < 2 ? 0 : Math.max(...[...targets].map(widthOf)))
  const exchanges = exchangeLines({ paint, columns, time, targetWidth })
  const renderers = sessionLines({ paint, columns, time })
  let skipped = 0
  const write = (lines: readonly string[]): void => {
    if (lines.length > 0) out.write(lines.map(line => `${line}\n`).join(''))
  }
  return {
    event(event) {
      if (event.type === 'plan.resolved' && event.target !== undefined) targets.add(event.target)
      const exchange = exchanges.event(event)
      if (exchange !== undefined && out.writableLength > MAX_PENDING_BYTES) {
        skipped += 1
        return
      }
      // The table is keyed by the type of the event that each entry takes.
      const render = renderers[event.type] as ((event: SessionEvent) => string[]) | undefined
      const lines = exchange === undefined ? (render?.(event) ?? []) : [exchange]
      if (lines.length === 0) return
      if (skipped > 0) write([`… ${skipped} lines left out: this terminal took them too slowly`])
      skipped = 0
      write(lines)
    }
  }
}
