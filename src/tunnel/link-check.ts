/**
 * Whether the peer of a link is there: asked every 2 s (by a WebSocket ping, else a stream of ours, which gost ends at once), called silent
 * after 5 s without any byte, and listened for from then on. What silence means is for others to say.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { deferred } from '../base/closable.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { SmuxSession } from '../smux/types.ts'

export interface LinkCheckOptions {
  clock: Clock
  log: Logger
  linkCheckMs?: number
  deadAfterMs?: number
}

/** How often a silent link is looked at. */
const LISTEN_MS = 100
/** What a peer has for an answer after this machine slept. */
const AFTER_SLEEP_MS = 1_000

export class LinkCheck {
  /** Nothing has come for too long, and the check is not answered. */
  silent = false
  /** Last measured round trip. */
  rttMs: number | undefined
  /** Streams open for checks. */
  streams = 0

  readonly #connection: Connection
  readonly #session: Pick<SmuxSession, 'open' | 'lastReceivedAt'>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #everyMs: number
  readonly #deadAfterMs: number
  readonly #timer: Timer
  readonly #ended = new AbortController()
  #listening: Timer | undefined
  #turn = deferred<void>()
  #slept = false
  #wallMs: number
  #pongAt = 0

  constructor(connection: Connection, session: Pick<SmuxSession, 'open' | 'lastReceivedAt'>, options: LinkCheckOptions) {
    const { clock, log, linkCheckMs = 2_000, deadAfterMs = 5_000 } = options
    this.#connection = connection
    this.#session = session
    this.#clock = clock
    this.#log = log
    this.#everyMs = linkCheckMs
    this.#deadAfterMs = deadAfterMs
    this.#wallMs = clock.date().getTime()
    this.#timer = clock.every(linkCheckMs, () => this.#look(), { unref: true })
  }

  /** Resolves when the peer falls silent, is heard again, or the link ends. */
  get turn(): Promise<void> {
    return this.#turn.promise
  }

  /** How long nothing has come; Infinity after this machine slept. */
  get silentMs(): number {
    return this.#slept ? Infinity : this.#clock.now() - this.#aliveAt
  }

  /** The link has ended; `silent` stays as it is. */
  end(): void {
    this.#timer.cancel()
    this.#listening?.cancel()
    this.#ended.abort()
    this.#turn.resolve()
  }

  /** The last sign of life: a smux byte or a WebSocket pong. */
  get #aliveAt(): number {
    return Math.max(this.#pongAt, this.#session.lastReceivedAt)
  }

  #look(): void {
    const wallMs = this.#clock.date().getTime()
    const slept = wallMs - this.#wallMs > this.#everyMs + this.#deadAfterMs
    this.#wallMs = wallMs
    if (this.#clock.now() - this.#aliveAt >= this.#deadAfterMs && !slept) this.#fallSilent()
    this.#ask()
    // The machine slept: the peer has probably given up. Do not wait the full time to find out.
    if (slept) this.#expectAfterSleep()
  }

  #expectAfterSleep(): void {
    const since = this.#clock.now()
    this.#clock.after(
      AFTER_SLEEP_MS,
      () => {
        if (this.#aliveAt >= since || this.#ended.signal.aborted) return
        this.#slept = true
        this.#fallSilent()
      },
      { unref: true }
    )
  }

  #fallSilent(): void {
    if (this.silent || this.#ended.signal.aborted) return
    const heardAt = this.#aliveAt
    this.silent = true
    this.#listening = this.#clock.every(
      LISTEN_MS,
      () => {
        if (this.#aliveAt <= heardAt) return
        this.silent = false
        this.#slept = false
        this.#listening?.cancel()
        this.#changed()
      },
      { unref: true }
    )
    this.#changed()
  }

  #changed(): void {
    const turned = this.#turn
    this.#turn = deferred<void>()
    turned.resolve()
  }

  #ask(): void {
    const started = this.#clock.now()
    const answered = (): void => {
      this.#pongAt = this.#clock.now()
      this.rttMs = this.#pongAt - started
    }
    if (canPing(this.#connection)) {
      this.#connection.ping(this.#ended.signal).then(answered, () => {}) // an unanswered ping shows as silence
      return
    }
    try {
      const stream = this.#session.open()
      this.streams += 1
      stream.once('close', () => (this.streams -= 1)).on('error', () => {})
      stream
        .once('end', () => {
          answered()
          stream.destroy()
        })
        .resume()
    } catch (error) {
      this.#log.debug('link check failed', { error: asError(error) })
    }
  }
}

type Pingable = Connection & { ping(signal: AbortSignal): Promise<unknown> }
const canPing = (connection: Connection): connection is Pingable => 'ping' in connection && typeof connection.ping === 'function'
