/** Streams being served → `exchange.*` events and the numbers of the summary. Passive: it only watches what the splice passes. */
import type { Clock } from '../base/clock.ts'
import type { Emit, Summary, Who } from '../event/types.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { SpliceObserver, SpliceResult } from '../transport/types.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

export interface StreamWatch extends SpliceObserver {
  onBytes(direction: 'out' | 'in', chunk: Buffer): void
  onEnd(direction: 'out' | 'in'): void
  onLastByte(run: () => void): void
  finish(result: SpliceResult): void
}

export interface Served {
  stream: TunnelStream
  who: Who
  why?: 'thinned' | 'local-down' | 'local-paused'
  pod?: string | undefined
  connectMs: number
}

export interface Exchanges {
  open(served: Served): StreamWatch
  refused(refused: { stream: TunnelStream; by: 'local' | 'limit' | 'agent'; error: Error }): void
  readonly inFlight: number
  readonly latencies: readonly number[]
  summary(): Summary
}

export function exchanges({ clock, emit }: { plan: TunnelPlan; clock: Clock; emit: Emit }): Exchanges {
  let count = 0
  let inFlight = 0
  const startedAt = clock.now()
  return {
    open({ who, stream, why }) {
      count += 1
      inFlight += 1
      const id = String(count)
      const at = clock.now()
      emit('exchange.started', { id, kind: 'connection', protocol: 'tcp', who, source: stream.source.host, ...(why === undefined ? {} : { why }) })
      return {
        onBytes() {},
        onEnd() {},
        onLastByte() {},
        finish(result) {
          inFlight -= 1
          emit('exchange.completed', { id, bytesIn: result.bytesOut, bytesOut: result.bytesIn, timings: { totalMs: clock.now() - at } })
        }
      }
    },
    refused() {},
    get inFlight() {
      return inFlight
    },
    latencies: [],
    summary: () => ({ requests: count, errors: 0, returned: 0, bytesIn: 0, bytesOut: 0, durationMs: clock.now() - startedAt })
  }
}
