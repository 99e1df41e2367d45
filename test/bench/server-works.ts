/** What `server.ts` measures: the loads, on which pairs of server and connector, and the figures taken from them. */
import type { Load, LoadResult } from './load.ts'
import { PAIRS, type PairName } from './pairs.ts'

/** While the load ran: CPU seconds of both, and the server's memory afterwards in MiB, all of it and what is not shared with other processes. */
export interface PairUsage {
  readonly serverCpu: number
  readonly connectorCpu: number
  readonly serverMemory: number
  readonly serverOwnMemory: number
}

export interface PairFigure {
  readonly name: string
  readonly of: (result: LoadResult, usage: PairUsage) => number
}

export interface PairWork {
  readonly name: string
  readonly visitors: number
  /** They keep a connection that they are told to close. */
  readonly stubborn?: boolean
  readonly load: Load['work']
  readonly warmUp: Load['work']
  readonly roundTripMs: number
  readonly pairs: readonly PairName[]
  readonly figures: readonly PairFigure[]
}

const MIB = 1_048_576
const per10k = (cpu: number, requests: number): number => (cpu / requests) * 10_000
const perGiB = (cpu: number, bytes: number): number => (cpu / bytes) * 1_024 * MIB

export const requestFigures: readonly PairFigure[] = [
  { name: 'requests/s', of: result => result.requests / result.seconds },
  { name: 'p99 ms', of: result => result.p99 },
  { name: 'server CPU s per 10,000', of: (result, { serverCpu }) => per10k(serverCpu, result.requests) },
  { name: 'connector CPU s per 10,000', of: (result, { connectorCpu }) => per10k(connectorCpu, result.requests) },
  { name: 'server memory MiB', of: (_result, { serverMemory }) => serverMemory },
  { name: 'of it not shared', of: (_result, { serverOwnMemory }) => serverOwnMemory }
]
export const bulkFigures: readonly PairFigure[] = [
  { name: 'MiB/s', of: result => result.bytes / MIB / result.seconds },
  { name: 'server CPU s per GiB', of: (result, { serverCpu }) => perGiB(serverCpu, result.bytes) },
  { name: 'connector CPU s per GiB', of: (result, { connectorCpu }) => perGiB(connectorCpu, result.bytes) },
  { name: 'server memory MiB', of: (_result, { serverMemory }) => serverMemory }
]

export interface PairSize {
  readonly seconds: number
  readonly warmRequests: number
  readonly bulkMiB: number
  readonly slowMiB: number
  readonly visitors: readonly number[]
}

export const FULL: PairSize = { seconds: 3, warmRequests: 30_000, bulkMiB: 256, slowMiB: 30, visitors: [64, 256] }
export const SMOKE: PairSize = { seconds: 0.5, warmRequests: 100, bulkMiB: 4, slowMiB: 1, visitors: [16] }

export function pairWorksOf({ seconds, warmRequests, bulkMiB, slowMiB, visitors }: PairSize): PairWork[] {
  const requestsOf = (count: number, stubborn: boolean): PairWork => ({
    name: `GET of 12 bytes, ${count} visitors${stubborn ? ' that never close' : ''}`,
    visitors: count,
    stubborn,
    load: { kind: 'requests', seconds },
    // By count: on a busy machine seconds would leave V8 cold.
    warmUp: { kind: 'requests', seconds: 0, atLeast: warmRequests },
    roundTripMs: 0,
    pairs: stubborn ? ['gost+gost', 'ours+ours', 'ours+ours, closing app'] : PAIRS,
    figures: requestFigures
  })
  const requests = [false, true].flatMap(stubborn => visitors.map(count => requestsOf(count, stubborn)))
  const bulk = (kind: 'down' | 'up', count: number, mib: number, roundTripMs: number): PairWork => ({
    name: `${kind === 'down' ? 'download' : 'upload'} ${mib} MiB ×${count}${roundTripMs > 0 ? `, ${roundTripMs} ms round trip` : ''}`,
    visitors: count,
    load: { kind, bytes: mib * MIB },
    warmUp: { kind, bytes: mib * MIB },
    roundTripMs,
    pairs: ['gost+gost', 'ours+ours'],
    figures: bulkFigures
  })
  const bulks = [
    { mib: bulkMiB, roundTripMs: 0 },
    { mib: slowMiB, roundTripMs: 50 }
  ].flatMap(({ mib, roundTripMs }) => [1, 4].flatMap(count => (['down', 'up'] as const).map(kind => bulk(kind, count, mib, roundTripMs))))
  return [...requests, ...bulks]
}
