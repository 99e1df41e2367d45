/** When a renewal is due: by the steady clock, and by the calendar, which goes on while a laptop sleeps. */
import type { Clock } from '../base/clock.ts'

export interface Renewals {
  isDue(): boolean
  done(): void
  /** It is due whatever the time. */
  now(): void
}

export function renewals(clock: Clock, everyMs: number): Renewals {
  let last: { steady: number; calendar: number } | undefined
  const done = (): void => {
    last = { steady: clock.now(), calendar: clock.date().getTime() }
  }
  done()
  return {
    isDue: () => last === undefined || clock.now() - last.steady >= everyMs || clock.date().getTime() - last.calendar >= everyMs,
    done,
    now() {
      last = undefined
    }
  }
}
