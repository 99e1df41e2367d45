/** Keeps lines for the person few: a load of refused connections is one line. */
import type { Clock } from '../base/clock.ts'

export interface SpokenOnce {
  /** Never again. */
  once(key: string, line: string): void
  /** Again after a minute. */
  again(key: string, line: string): void
}

const AGAIN_MS = 60_000
const MOST_KEYS = 1_000

export function spokenOnce(say: (line: string) => void, clock: Clock): SpokenOnce {
  const spoken = new Map<string, number>()
  const speak = (key: string, line: string, everyMs: number): void => {
    const last = spoken.get(key)
    if (last !== undefined && clock.now() - last < everyMs) return
    if (spoken.size >= MOST_KEYS && last === undefined) spoken.delete(spoken.keys().next().value ?? '')
    spoken.set(key, clock.now())
    say(line)
  }
  return {
    once: (key, line) => speak(key, line, Number.POSITIVE_INFINITY),
    again: (key, line) => speak(key, line, AGAIN_MS)
  }
}
