/**
 * Whether a connector has what was opened to it. One that leaves a stream unanswered and says nothing else either is suspect until it is heard
 * again; while it says other things, only that stream is told. One timer for all streams, none while each has its answer.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { SmuxSession } from '../smux/types.ts'
import { LATE_MS, type ServerControl } from './control.ts'
import type { ServerLimits } from './limits.ts'

export interface WatchedStream {
  readonly openedAt: number
  readonly answered: boolean
  /** It was told. */
  readonly overdue: boolean
  unanswered(): void
}

export interface AnswerWatchOptions {
  session: Pick<SmuxSession, 'lastReceivedAt'>
  /** Those that are open now. */
  streams: { values(): readonly WatchedStream[] }
  peer: 'gost' | 'ours'
  limits: Pick<ServerLimits, 'unansweredOpenMs' | 'heartbeatMs'>
  clock: Clock
  log: Logger
  /** Named where it is suspected. */
  about: { connector: string; tunnel: string }
}

/** An unanswered open is noticed late by this part of its time at most. */
const LOOKS = 16
/** gost sends a NOP every 10 s: after one and a half of them something is wrong. */
const STOCK_SILENCE_MS = 15_000

export class AnswerWatch {
  /** Of one of ours, once it is there: a heart that beats says more than a stream. */
  control: Pick<ServerControl, 'beating'> | undefined

  readonly #options: AnswerWatchOptions
  #timer: Timer | undefined
  /** When `#timer` is due. */
  #lookAt = 0
  #resumedAt = 0
  /** When an open stayed unanswered; any later byte of the connector clears it. */
  #suspectAt: number | undefined
  #stopped = false

  constructor(options: AnswerWatchOptions) {
    this.#options = options
  }

  get suspect(): boolean {
    const { session, limits, clock } = this.#options
    if (this.#suspectAt !== undefined) {
      if (session.lastReceivedAt <= this.#suspectAt) return true
      this.#suspectAt = undefined
    }
    const silenceMs = this.control?.beating === true ? limits.heartbeatMs : STOCK_SILENCE_MS
    return clock.now() - this.#heardAt > silenceMs
  }

  /** One more stream is open. */
  opened(): void {
    if (this.#timer === undefined) this.#lookIn(this.#patienceMs())
  }

  /** This process stood still and listens again: what came meanwhile is still to be read. */
  resumed(): void {
    this.#resumedAt = this.#options.clock.now()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** The last sign of life, or the moment since when this process listens again. */
  get #heardAt(): number {
    return Math.max(this.#options.session.lastReceivedAt, this.#resumedAt)
  }

  /** Until the heartbeat of one of ours is missed: whoever comes meanwhile need not wait for longer than that. */
  #untilMissedMs(): number {
    if (this.control?.beating !== true) return Infinity
    return this.#options.limits.heartbeatMs - (this.#options.clock.now() - this.#heardAt)
  }

  #patienceMs(): number {
    const { unansweredOpenMs } = this.#options.limits
    const missedMs = this.#untilMissedMs()
    return missedMs > 0 ? Math.min(missedMs, unansweredOpenMs) : unansweredOpenMs
  }

  readonly #look = (): void => {
    this.#timer = undefined
    if (this.#stopped) return
    const { unansweredOpenMs } = this.#options.limits
    const now = this.#options.clock.now()
    if (now - this.#lookAt > LATE_MS) this.#resumedAt = now
    let nextMs = Infinity
    const missedMs = this.#untilMissedMs()
    for (const stream of this.#options.streams.values()) {
      if (stream.overdue || stream.answered) continue
      if (missedMs <= 0) {
        this.#suspect()
        return
      }
      nextMs = Math.min(nextMs, missedMs, this.#lookAtStream(stream, stream.openedAt + unansweredOpenMs - now))
    }
    // Not for each of thousands by itself: every look goes through all of them.
    const waitMs = Math.max(nextMs, unansweredOpenMs / LOOKS)
    if (nextMs < Infinity) this.#lookIn(waitMs)
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options
    this.#lookAt = clock.now() + ms
    this.#timer = clock.after(ms, this.#look, { unref: true })
  }

  /** Milliseconds until it has to be looked at again. */
  #lookAtStream(stream: WatchedStream, restMs: number): number {
    if (restMs > 0) return restMs
    const { peer, limits, clock } = this.#options
    const silentMs = clock.now() - this.#heardAt
    if (silentMs >= limits.unansweredOpenMs) this.#suspect()
    // One of ours tells of a window only when there is something to tell: as long as its heart beats it has the stream.
    else if (peer === 'ours') return limits.unansweredOpenMs - silentMs
    else stream.unanswered()
    return Infinity
  }

  /** Tells every stream: what the connector had taken before it fell silent waits as much as what came after. */
  #suspect(): void {
    const { streams, clock, log, about } = this.#options
    this.#suspectAt = clock.now()
    log.info('connector suspect: an open went unanswered', about)
    for (const stream of streams.values()) stream.unanswered()
  }
}
