/** What every entrypoint needs: the routes, the connectors, the limits, and the counters of this server. */
import type { Clock } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import type { Logger } from '../base/log.ts'
import type { ExclusivePolicy } from './choice.ts'
import type { ByteReader } from './byte-reader.ts'
import type { Forwarding } from './forwarding.ts'
import type { GrpcApps } from './grpc-apps.ts'
import type { ServerLimits } from './limits.ts'
import type { Mirrors } from './mirrors.ts'
import type { Registry, StreamOpen } from './registry.ts'
import type { HeldBytes } from './request-body.ts'
import type { Routes } from './routes.ts'
import type { OpenTap } from './tap.ts'
import type { Tallies } from './tally.ts'
import type { Waiting } from './waiting.ts'

export interface Counters {
  /** Visitor connections accepted. */
  visitors: number
  /** HTTP requests with a complete head. */
  requests: number
  /** Answers of our own, instead of the app's. */
  refused: number
  /** The same by their reason: `X-Intercept-Error`, or the relay status in words. */
  refusals: Record<string, number>
  /** Requests given to another connector after the first. */
  retried: number
  /** Visitors that left before their answer was complete. */
  aborted: number
  /** Connectors bound so far. */
  binds: number
  /** From and to visitors whose connections are over. */
  bytesIn: number
  bytesOut: number
}

export const newCounters = (): Counters => ({
  visitors: 0,
  requests: 0,
  refused: 0,
  refusals: {},
  retried: 0,
  aborted: 0,
  binds: 0,
  bytesIn: 0,
  bytesOut: 0
})

export function countRefusal({ counters }: ServerContext, why: string): void {
  counters.refused += 1
  counters.refusals[why] = (counters.refusals[why] ?? 0) + 1
}

export interface ServerContext {
  /** Told to connectors of ours: no other server has it. */
  name: string
  routes: Routes
  registry: Registry
  limits: ServerLimits
  clock: Clock
  log: Logger
  random: () => number
  exclusive?: ExclusivePolicy | undefined
  counters: Counters
  mirrors: Mirrors
  /** Who looks at HTTP/1 exchanges while they pass. */
  tap: OpenTap
  tallies: Tallies
  /** Sessions with apps that gRPC calls share. */
  apps: GrpcApps
  /** Requests and streams in progress. */
  active: { count: number }
  /** Requests whose connectors were cut off a moment ago. */
  waiting: Waiting
  /** Undefined: apps are not told who asked. */
  forwarding: Forwarding | undefined
  /** Bodies kept for another attempt. */
  held: HeldBytes
  /** True from `drain()` on: no connection is kept alive any more. */
  draining: () => boolean
}

/** One visitor of an entrypoint, from its first byte on. */
export interface Visitor {
  connection: Connection
  reader: ByteReader
  source: Endpoint
  /** Waits for a next request: may be closed without loss. */
  idle: boolean
  /** A request or stream of it is in progress; else it gives way when there are too many visitors. */
  busy?: boolean
  /** Ends it as its protocol does, losing nothing. Instead of `idle`. */
  drain?: () => void
  /** It speaks TLS with us. */
  secure?: boolean
  /** What it asked for last. */
  asked?: { host: string; open: StreamOpen }
}
