/** Streams being served → `exchange.*` events and the numbers of the summary. Passive: it only watches what the splice passes. */
import { observeExchanges, type ExchangeObserver } from '../capture/observe-http.ts'
import type { EmitExchange } from '../capture/exchange.ts'
import type { Clock } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import type { Emit, EventBody, EventType, Header, Summary, Who } from '../event/types.ts'
import type { SpliceObserver, SpliceResult } from '../transport/types.ts'
import type { TunnelStream } from '../tunnel/stream.ts'

export interface StreamWatch extends SpliceObserver {
  /** Nobody waits for anything on this stream. */
  readonly allAnswered: boolean
  /** As far as the messages say, the app's connection is good for another request. */
  readonly keepsApp: boolean
  onBytes(direction: 'out' | 'in', chunk: Buffer): void
  onEnd(direction: 'out' | 'in'): void
  /** Called once when the stream's last exchange is complete: nobody expects more on it. */
  onLastByte(run: () => void): void
  finish(result: SpliceResult | { by: 'agent' | 'local'; code: string }): void
}

export interface Served {
  stream: TunnelStream
  who: Who
  why?: 'thinned' | 'local-down' | 'local-paused'
  connectMs: number
}

export interface Exchanges {
  open(served: Served): StreamWatch
  /** A stream that nobody could take. */
  refused(refused: { stream: TunnelStream; by: 'local' | 'limit' | 'agent'; error: Error }): void
  /** Streams open now. */
  readonly inFlight: number
  /** Of those, the ones on which nobody waits: all is answered and sent, and only the peer's end of the stream is to come. */
  readonly answered: number
  /** Milliseconds of the last answered exchanges, at most 1,000. */
  readonly latencies: readonly number[]
  summary(): Summary
}

const KEPT_LATENCIES = 1_000

export function exchanges({ clock, emit, nextId }: { clock: Clock; emit: Emit; nextId: () => string }): Exchanges {
  const startedAt = clock.now()
  const sum = { requests: 0, errors: 0, returned: 0, bytesIn: 0, bytesOut: 0 }
  const latencies: number[] = []
  let inFlight = 0
  const open = new Map<ExchangeObserver, TunnelStream>()
  const tally = (who: Who, type: EventType, body: EventBody<'exchange.completed'> | EventBody<'exchange.aborted'>): void => {
    sum.requests += 1
    if (who === 'returned') sum.returned += 1
    sum.bytesIn += body.bytesIn
    sum.bytesOut += body.bytesOut
    if ('timings' in body) {
      if (body.status !== undefined && body.status >= 500) sum.errors += 1
      if (body.status === 101) return // its time is the life of the connection
      if (latencies.length === KEPT_LATENCIES) latencies.shift()
      latencies.push(body.timings.totalMs)
    } else if (type === 'exchange.aborted') sum.errors += 1
  }

  return {
    open({ stream, who, why, connectMs }) {
      inFlight += 1
      let last: (() => void) | undefined
      let closes = false
      const watched: EmitExchange = (type, body) => {
        emit(type, body)
        if ('headers' in body && type === 'exchange.request') closes = endsAfter(body.headers)
        if (type !== 'exchange.completed' && type !== 'exchange.aborted') return
        if ('bytesIn' in body) tally(who, type, body)
        if (closes) last?.()
      }
      const observer: ExchangeObserver = observeExchanges({
        clock,
        emit: watched,
        nextId,
        who,
        source: formatEndpoint(stream.source),
        ...(why === undefined ? {} : { why }),
        startedAt: clock.now() - connectMs,
        connectMs
      })
      open.set(observer, stream)
      return {
        get allAnswered() {
          return observer.allAnswered
        },
        get keepsApp() {
          return observer.keepsApp
        },
        onBytes: observer.onBytes,
        onEnd: observer.onEnd,
        onLastByte(run) {
          last = run
        },
        finish(result) {
          inFlight -= 1
          open.delete(observer)
          last = undefined
          observer.finish(result)
        }
      }
    },
    refused({ stream, by, error }) {
      const id = nextId()
      emit('exchange.started', { id, kind: 'connection', protocol: 'unknown', who: 'laptop', source: formatEndpoint(stream.source) })
      const body = { id, by, code: errnoOf(error) ?? error.name, ms: 0, bytesIn: 0, bytesOut: 0 }
      emit('exchange.aborted', body)
      tally('laptop', 'exchange.aborted', body)
    },
    get inFlight() {
      return inFlight
    },
    get answered() {
      return [...open].filter(([observer, { connection }]) => observer.allAnswered && connection.writableLength === 0).length
    },
    latencies,
    summary: () => ({ ...sum, durationMs: clock.now() - startedAt })
  }
}

const endsAfter = (headers: readonly Header[]): boolean =>
  headers.some(([name, value]) => name.toLowerCase() === 'connection' && /(?:^|,)\s*close\s*(?:,|$)/i.test(value))
