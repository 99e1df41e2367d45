/** What a session does where nothing else was asked for. */
import { DEFAULT_FRAME_BYTES } from './frame.ts'
import type { SmuxOptions } from './types.ts'

/** What a stream may have unread once its reader has taken something. */
const WINDOW_BYTES = 1_048_576
/** A round trip in which that is 200 MiB/s: a larger window would only be filled where the reader is slower than the line. */
const NEAR_MS = 5

const DEFAULTS = {
  keepaliveIntervalMs: 10_000,
  keepaliveTimeoutMs: 30_000,
  maxFrameBytes: DEFAULT_FRAME_BYTES,
  windowBytes: WINDOW_BYTES,
  maxWindowBytes: 16_777_216,
  grantedBytes: 67_108_864,
  maxUnreadBytes: 268_435_456,
  maxStreams: 65_536,
  closeGraceMs: 1_000
}

export type FullOptions = SmuxOptions & typeof DEFAULTS

/** Keys that are explicitly undefined count as left out. */
export const withDefaults = (options: SmuxOptions): FullOptions =>
  ({ ...DEFAULTS, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) }) as unknown as FullOptions

/** The largest window of a stream, bytes, where the peer answers in so long. */
export const maxWindowFor = (roundTripMs: number): number => (roundTripMs < NEAR_MS ? DEFAULTS.windowBytes : DEFAULTS.maxWindowBytes)
