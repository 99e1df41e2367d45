/** What is measured: one load each, the figures taken from it, and what they are called. */
import type { Load, LoadResult } from './load.ts'

export interface Usage {
  /** CPU seconds of the agent while the load ran. */
  readonly cpu: number
  /** Its memory afterwards, MiB, and the part of it that is not shared with other processes. */
  readonly memory: number
  readonly ownMemory: number
}

export interface Figure {
  readonly name: string
  /** True where more is better. */
  readonly higherIsBetter: boolean
  readonly of: (result: LoadResult, usage: Usage) => number
}

export interface Work {
  readonly name: string
  readonly visitors: number
  readonly load: Load['work']
  /** The same kind, before it counts: a session lasts minutes to hours, and V8 compiles during its first 20,000 requests or so. */
  readonly warmUp: Pick<Load, 'visitors' | 'work'>
  /** Round trip between agent and server, ms. */
  readonly roundTripMs: number
  readonly figures: readonly Figure[]
}

const MIB = 1_048_576
const memoryFigures: readonly Figure[] = [
  { name: 'memory MiB', higherIsBetter: false, of: (_result, { memory }) => memory },
  { name: 'of it not shared, MiB', higherIsBetter: false, of: (_result, { ownMemory }) => ownMemory }
]
const requestFigures: readonly Figure[] = [
  { name: 'requests/s', higherIsBetter: true, of: result => result.requests / result.seconds },
  { name: 'p50 ms', higherIsBetter: false, of: result => result.p50 },
  { name: 'p99 ms', higherIsBetter: false, of: result => result.p99 },
  { name: 'CPU s per 10,000', higherIsBetter: false, of: (result, { cpu }) => (cpu / result.requests) * 10_000 },
  ...memoryFigures
]
const bulkFigures: readonly Figure[] = [
  { name: 'MiB/s', higherIsBetter: true, of: result => result.bytes / MIB / result.seconds },
  { name: 'CPU s per GiB', higherIsBetter: false, of: (result, { cpu }) => (cpu / result.bytes) * 1_024 * MIB },
  ...memoryFigures
]

export interface Size {
  readonly seconds: number
  readonly warmSeconds: number
  readonly bulkMiB: number
  /** Over the slow line. */
  readonly slowMiB: number
  readonly visitors: readonly number[]
}

export const FULL: Size = { seconds: 3, warmSeconds: 12, bulkMiB: 256, slowMiB: 30, visitors: [1, 16, 64, 256] }
/** Enough to compile in seconds what one visitor would need minutes for. */
const WARM_VISITORS = 64

export const SMOKE: Size = { seconds: 0.5, warmSeconds: 0.3, bulkMiB: 8, slowMiB: 2, visitors: [16] }

const bulk = (kind: 'down' | 'up', visitors: number, mib: number, roundTripMs: number): Work => ({
  name: `${kind === 'down' ? 'download' : 'upload'} ${mib} MiB ×${visitors}${roundTripMs > 0 ? `, ${roundTripMs} ms round trip` : ''}`,
  visitors,
  load: { kind, bytes: mib * MIB },
  warmUp: { visitors, work: { kind, bytes: (mib / 4) * MIB } },
  roundTripMs,
  figures: bulkFigures
})

export const worksOf = ({ seconds, warmSeconds, bulkMiB, slowMiB, visitors }: Size): Work[] => [
  ...visitors.map(count => ({
    name: `GET of 12 bytes, ${count} ${count === 1 ? 'visitor' : 'visitors'}`,
    visitors: count,
    load: { kind: 'requests', seconds } as const,
    warmUp: { visitors: WARM_VISITORS, work: { kind: 'requests', seconds: warmSeconds } } as const,
    roundTripMs: 0,
    figures: requestFigures
  })),
  ...[1, 4].flatMap(count => (['down', 'up'] as const).map(kind => bulk(kind, count, bulkMiB, 0))),
  ...(['down', 'up'] as const).map(kind => bulk(kind, 1, slowMiB, 50))
]
