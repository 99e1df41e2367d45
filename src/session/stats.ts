/** Once a second: how it goes, over all targets; and the sum at the end. */
import type { Clock } from '../base/clock.ts'
import type { Emit, Summary } from '../event/types.ts'
import type { Intercept } from './intercept.ts'

export interface StatsOptions {
  running: readonly Intercept[]
  clock: Clock
  emit: Emit
  memory: () => number
}

const SECOND_MS = 1_000
const LAG_EVERY_MS = 50

export function startStats({ running, clock, emit, memory }: StatsOptions): { close(): void } {
  let before = sumUp(running, 0)
  let lags: number[] = []
  let expectedAt = clock.now() + LAG_EVERY_MS
  const lag = clock.every(
    LAG_EVERY_MS,
    () => {
      lags.push(Math.max(0, clock.now() - expectedAt))
      expectedAt = clock.now() + LAG_EVERY_MS
    },
    { unref: true }
  )
  const tick = clock.every(
    SECOND_MS,
    () => {
      const now = sumUp(running, 0)
      const requests = now.requests - before.requests
      const part = (count: number): number => (requests === 0 ? 0 : count / requests)
      const returned = now.returned - before.returned
      const other = (now.other ?? 0) - (before.other ?? 0)
      const recent = running.flatMap(each => [...each.latencies])
      emit('stats', {
        rps: requests,
        inFlight: running.reduce((sum, each) => sum + each.inFlight, 0),
        errors: now.errors - before.errors,
        ...percentiles(recent),
        bytesIn: now.bytesIn - before.bytesIn,
        bytesOut: now.bytesOut - before.bytesOut,
        share: { laptop: part(requests - returned - other), returned: part(returned), ...(other > 0 && { other: part(other) }) },
        rss: memory(),
        loopLagP99: Math.round(Math.max(0, ...lags))
      })
      before = now
      lags = []
    },
    { unref: true }
  )
  return {
    close() {
      lag.cancel()
      tick.cancel()
    }
  }
}

export function sumUp(running: readonly Intercept[], durationMs: number): Summary {
  const sum: Summary = { requests: 0, errors: 0, returned: 0, bytesIn: 0, bytesOut: 0, durationMs: Math.round(durationMs) }
  for (const each of running) {
    const part = each.summary()
    sum.requests += part.requests
    sum.errors += part.errors
    sum.returned += part.returned
    if (part.other !== undefined) sum.other = (sum.other ?? 0) + part.other
    sum.bytesIn += part.bytesIn
    sum.bytesOut += part.bytesOut
    if (part.mirror !== undefined) sum.mirror = plus(sum.mirror, part.mirror)
  }
  return { ...sum, ...percentiles(running.flatMap(each => [...each.latencies])) }
}

const plus = (
  sum: Summary['mirror'],
  { compared, different, dropped }: NonNullable<Summary['mirror']>
): NonNullable<Summary['mirror']> => ({
  compared: compared + (sum?.compared ?? 0),
  different: different + (sum?.different ?? 0),
  dropped: dropped + (sum?.dropped ?? 0)
})

export function percentiles(values: readonly number[]): { p50?: number; p95?: number } {
  if (values.length === 0) return {}
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10
  return { p50: at(0.5), p95: at(0.95) }
}
