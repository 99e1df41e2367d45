/** What the screen remembers of the events beside the reducer: the session's own lines, the rates of the last seconds, how draining goes. */
import type { EventBody, SessionEvent } from '../event/types.ts'
import type { Line } from './line.ts'
import { logLine, logText } from './log-lines.ts'

const MAX_LINES = 500
const MAX_RATES = 60

export class Notes {
  readonly lines: Line[] = []
  readonly rates: number[] = []
  stats: EventBody<'stats'> | undefined
  draining: number | undefined
  readonly #timeOf: (ms: number) => string

  constructor(timeOf: (ms: number) => string) {
    this.#timeOf = timeOf
  }

  event(event: SessionEvent): void {
    if (event.type === 'stats') {
      this.stats = event
      this.rates.push(event.rps)
      if (this.rates.length > MAX_RATES) this.rates.shift()
    } else if (event.type === 'drain.progress') this.draining = event.inFlight
    const text = logText(event)
    if (text === undefined) return
    this.lines.push(logLine(event, text, this.#timeOf))
    if (this.lines.length > MAX_LINES) this.lines.shift()
  }
}
