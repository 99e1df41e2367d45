/**
 * One bound connection to a tunnel server: dial, bind, smux, link check, until it ends. No retries: that is `connect-loop.ts`.
 * A link check every 2 s (WebSocket ping, else a stream of ours, which gost ends at once) finds a dead peer after 5 s without any byte.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import type { Connection, Dial } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { openSession } from '../smux/session.ts'
import type { SmuxOptions, SmuxSession, SmuxStream } from '../smux/types.ts'
import { openControl, type Control } from './control.ts'
import { bind, type BindOptions, type Bound } from './handshake.ts'
import { acceptStream, type TunnelStream } from './stream.ts'

export interface LinkOptions {
  dial: Dial
  bind: BindOptions
  clock: Clock
  log: Logger
  onStream: (stream: TunnelStream) => void
  bindTimeoutMs?: number
  linkCheckMs?: number
  deadAfterMs?: number
  smux?: Partial<Omit<SmuxOptions, 'role' | 'clock' | 'onStream'>>
}

/** How a link ended. A ghost may live on when the peer was not told: nobody sent it a FIN. */
export interface LinkEnd {
  error: Error | undefined
  ghost: boolean
}

export interface Link extends Closable {
  readonly peer: Bound['peer']
  readonly weight: number
  readonly connectorId: string
  /** Last measured round trip of the link check. */
  readonly rttMs: number | undefined
  /** Streams open now. */
  readonly active: number
  readonly closed: Promise<LinkEnd>
  /**
   * Stops new streams and waits until the open ones ended, or `signal` aborts; the caller closes then. Ours: asks the server. gost has no
   * "send no more", so this waits for a moment without streams.
   */
  drain(signal: AbortSignal): Promise<void>
}

/** A stock server stops reading a whole session at 4 MiB unread (smux MaxReceiveBuffer). */
const STOCK_BUDGET_BYTES = 4_194_304

export async function openLink(options: LinkOptions, signal: AbortSignal): Promise<Link> {
  const { clock, bindTimeoutMs = 15_000 } = options
  const connection = await options.dial(signal)
  connection.on('error', () => {}) // whoever reads it sees the error too; this keeps a late one from being uncaught
  const bound = await bind(connection, options.bind, { clock, timeoutMs: bindTimeoutMs, signal })
  return new OpenLink(connection, bound, options)
}

class OpenLink implements Link {
  readonly peer: Bound['peer']
  readonly weight: number
  readonly connectorId: string
  readonly closed: Promise<LinkEnd>
  readonly close: () => Promise<void>
  rttMs: number | undefined

  readonly #connection: Connection
  readonly #session: SmuxSession
  readonly #options: LinkOptions
  readonly #control: Control | undefined
  readonly #end = deferred<LinkEnd>()
  readonly #check: Timer
  #ownStreams = 0
  #dead = false
  #wallMs: number
  #pongAt = 0
  readonly #ended = new AbortController()
  #quiet = new Set<() => void>()

  constructor(connection: Connection, bound: Bound, options: LinkOptions) {
    this.peer = bound.peer
    this.weight = options.bind.weight
    this.connectorId = bound.connectorId
    this.#connection = connection
    this.#options = options
    this.#wallMs = options.clock.date().getTime()
    this.#session = openSession(connection, {
      role: 'server',
      clock: options.clock,
      peerBudgetBytes: bound.peer === 'gost' ? STOCK_BUDGET_BYTES : undefined,
      halfClose: bound.peer === 'ours',
      ...options.smux,
      onStream: stream => this.#accept(stream)
    })
    this.#control = bound.peer === 'ours' ? openControl(this.#session.open()) : undefined
    if (this.#control !== undefined) this.#ownStreams += 1
    this.closed = this.#end.promise
    this.#check = options.clock.every(options.linkCheckMs ?? 2_000, () => this.#checkLink(), { unref: true })
    this.close = closeOnce(() => this.#session.close())
    void this.#session.closed.then(error => this.#finish(error))
  }

  get active(): number {
    return Math.max(0, this.#session.streamCount - this.#ownStreams)
  }

  async drain(signal: AbortSignal): Promise<void> {
    if (this.#control !== undefined) await this.#control.drain(signal)
    if (this.active === 0) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.#quiet.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#quiet.add(done)
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted || this.#ended.signal.aborted) done()
    })
  }

  /** The last sign of life: a smux byte or a WebSocket pong. */
  get #aliveAt(): number {
    return Math.max(this.#pongAt, this.#session.lastReceivedAt)
  }

  #accept(stream: SmuxStream): void {
    stream.once('close', () => {
      if (this.active === 0) for (const resolve of this.#quiet) resolve()
    })
    acceptStream(stream, { clock: this.#options.clock, timeoutMs: 15_000 }, this.#options.onStream, error => {
      stream.on('error', () => {}) // dropped already
      this.#options.log.debug('stream dropped', { error })
    })
  }

  #finish(error: Error | undefined): void {
    this.#check.cancel()
    this.#ended.abort(error)
    this.#end.resolve({ error, ghost: this.#dead })
    for (const resolve of this.#quiet) resolve()
  }

  #checkLink(): void {
    const { clock, linkCheckMs = 2_000, deadAfterMs = 5_000 } = this.#options
    const wallMs = clock.date().getTime()
    const slept = wallMs - this.#wallMs > linkCheckMs + deadAfterMs
    this.#wallMs = wallMs
    const silentMs = clock.now() - this.#aliveAt
    if (silentMs >= deadAfterMs && !slept) {
      this.#die(`no byte from the tunnel server for ${Math.round(silentMs / 1000)} s`)
      return
    }
    this.#ping()
    // The machine slept: the peer has probably given up. Do not wait the full time to find out.
    if (slept) this.#expectWithin(1_000)
  }

  #expectWithin(ms: number): void {
    const { clock } = this.#options
    const since = clock.now()
    clock.after(
      ms,
      () => {
        if (this.#aliveAt < since) this.#die('no byte from the tunnel server after this machine slept')
      },
      { unref: true }
    )
  }

  #die(reason: string): void {
    this.#dead = true
    this.#connection.destroy(new InterceptError('TUNNEL_LOST', reason))
  }

  #ping(): void {
    const started = this.#options.clock.now()
    const answered = (): void => {
      this.#pongAt = this.#options.clock.now()
      this.rttMs = this.#pongAt - started
    }
    if (canPing(this.#connection)) {
      this.#connection.ping(this.#ended.signal).then(answered, () => {}) // an unanswered ping shows as silence
      return
    }
    try {
      const stream = this.#session.open()
      this.#ownStreams += 1
      stream.once('close', () => (this.#ownStreams -= 1)).on('error', () => {})
      stream
        .once('end', () => {
          answered()
          stream.destroy()
        })
        .resume()
    } catch (error) {
      this.#options.log.debug('link check failed', { error: asError(error) })
    }
  }
}

type Pingable = Connection & { ping(signal: AbortSignal): Promise<unknown> }
const canPing = (connection: Connection): connection is Pingable => 'ping' in connection && typeof connection.ping === 'function'
