/**
 * Answers of the API server, kept for a moment. Young ones are given as they are, older ones are given while a new one is fetched, old ones are
 * waited for: so a change is seen within seconds, and a load of connections asks the API server once in a while instead of once each.
 */
import type { Clock } from '../base/clock.ts'

export interface FreshCacheOptions {
  clock: Clock
  freshMs?: number
  /** Until then an answer is still given while a new one is fetched. */
  usableMs?: number
  maxEntries?: number
}

interface Entry {
  answer: Promise<unknown>
  /** When it was asked for. */
  at: number
  renewing: boolean
}

export interface FreshCache {
  get<T>(key: string, load: () => Promise<T>): Promise<T>
  /** The next one asks again. */
  forget(key: string): void
}

export function freshCache({ clock, freshMs = 2_000, usableMs = 6_000, maxEntries = 1_000 }: FreshCacheOptions): FreshCache {
  const entries = new Map<string, Entry>()
  const ask = (key: string, load: () => Promise<unknown>): Promise<unknown> => {
    const answer = load()
    answer.catch(() => {}) // whoever asked sees it
    entries.delete(key)
    entries.set(key, { answer, at: clock.now(), renewing: false })
    const [oldest] = entries.keys()
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest)
    return answer
  }
  const renew = (key: string, entry: Entry, load: () => Promise<unknown>): void => {
    entry.renewing = true
    const at = clock.now()
    const settled = (answer: Promise<unknown>): void => {
      // Forgotten meanwhile: a newer answer may be there.
      if (entries.get(key) === entry) entries.set(key, { answer, at, renewing: false })
    }
    const answer = load()
    answer.then(
      () => settled(answer),
      () => settled(answer)
    )
  }
  return {
    get<T>(key: string, load: () => Promise<T>): Promise<T> {
      const entry = entries.get(key)
      const age = entry === undefined ? Number.POSITIVE_INFINITY : clock.now() - entry.at
      if (entry === undefined || age > usableMs) return ask(key, load) as Promise<T>
      if (age > freshMs && !entry.renewing) renew(key, entry, load)
      return entry.answer as Promise<T>
    },
    forget: key => void entries.delete(key)
  }
}
