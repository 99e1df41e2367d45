/** The phases of an exchange as HAR counts them: −1 for what does not apply, and `time` the sum of the others. */
import type { Timings } from 'har-format'
import type { KeptExchange } from './kept.ts'

export function harTimings({ timings: { connectMs = 0, ttfbMs, totalMs = 0 } }: KeptExchange): { time: number; timings: Timings } {
  const first = Math.min(Math.max(ttfbMs ?? totalMs, connectMs), Math.max(totalMs, connectMs))
  const connect = round(connectMs)
  const wait = round(first - connectMs)
  const receive = round(Math.max(0, totalMs - first))
  return { time: round(connect + wait + receive), timings: { blocked: -1, dns: -1, connect, send: 0, wait, receive, ssl: -1 } }
}

const round = (ms: number): number => Math.round(ms * 1_000) / 1_000
