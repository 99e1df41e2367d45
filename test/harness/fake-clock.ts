/** A clock that stands still until a test moves it. For pure policies; network tests use the system clock with short timeouts. */
import type { Clock, Timer } from '../../src/base/clock.ts'

export interface FakeClock extends Clock {
  /** Moves time on, running due timers in order; awaits microtasks between them. */
  advance(ms: number): Promise<void>
  readonly pending: number
}

interface Entry {
  at: number
  every: number | undefined
  run: () => void
}

export function fakeClock(startMs = 0): FakeClock {
  let nowMs = startMs
  const entries = new Set<Entry>()
  const add = (ms: number, every: number | undefined, run: () => void): Timer => {
    const entry: Entry = { at: nowMs + ms, every, run }
    entries.add(entry)
    return { cancel: () => entries.delete(entry) }
  }
  return {
    now: () => nowMs,
    date: () => new Date(1_700_000_000_000 + nowMs),
    after: (ms, run) => add(ms, undefined, run),
    every: (ms, run) => add(ms, ms, run),
    get pending() {
      return entries.size
    },
    async advance(ms) {
      const end = nowMs + ms
      for (;;) {
        const due = [...entries].filter(entry => entry.at <= end).sort((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        nowMs = Math.max(nowMs, due.at)
        if (due.every === undefined) entries.delete(due)
        else due.at += due.every
        due.run()
        await Promise.resolve()
      }
      nowMs = end
      await Promise.resolve()
    }
  }
}
