/** What a session does where nothing else was asked for. */
import type { SmuxOptions } from './types.ts'

const DEFAULTS = {
  keepaliveIntervalMs: 10_000,
  keepaliveTimeoutMs: 30_000,
  windowBytes: 1_048_576,
  maxWindowBytes: 16_777_216,
  roundTripMs: Number.POSITIVE_INFINITY,
  grantedBytes: 67_108_864,
  maxUnreadBytes: 268_435_456,
  maxStreams: 65_536,
  closeGraceMs: 1_000
}

export type FullOptions = SmuxOptions & typeof DEFAULTS

/** Keys that are explicitly undefined count as left out. */
export const withDefaults = (options: SmuxOptions): FullOptions =>
  ({ ...DEFAULTS, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) }) as unknown as FullOptions
