/** Work that may take as long as the grace, and no longer than its end. */
import { deadline, type Clock } from '../base/clock.ts'
import type { RunningTarget } from './running-target.ts'

interface Grace {
  clock: Clock
  graceMs: number
  end: AbortSignal
}

/** `--grace` of a target, which its end cuts short. */
export const targetGrace = ({ options, stop }: RunningTarget): Grace => ({
  clock: options.clock,
  graceMs: options.settings.graceMs,
  end: stop
})

/** `work` gets a signal that aborts when the grace is over, or with `end`. */
export async function withGrace<T>({ clock, graceMs, end }: Grace, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const grace = deadline(clock, graceMs, () => new Error('grace is over'), end)
  try {
    return await work(grace.signal)
  } finally {
    grace.done()
  }
}
