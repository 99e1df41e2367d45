/**
 * One bound connection to a tunnel server: dial, bind, smux, link check, until it ends. No retries: that is `connector.ts`.
 * A silent one (`link-check.ts`) has not ended: when the line is back, both systems send again what got lost, and every visitor who still
 * waits is served.
 */
import { setImmediate } from 'node:timers'
import { deadline, type Clock } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import type { Connection, Dial } from '../base/connection.ts'
import { asError, InterceptError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { openSession } from '../smux/session.ts'
import type { BareStream, SmuxOptions, SmuxSession } from '../smux/types.ts'
import { openControl, type Control } from './control.ts'
import type { Hello } from './control-channel.ts'
import { bind, type BindOptions, type Bound } from './handshake.ts'
import { LinkCheck } from './link-check.ts'
import { type LinkEnd, linkEnd } from './link-end.ts'
import { acceptStream, type TunnelStream } from './stream.ts'

export interface LinkOptions {
  dial: Dial
  bind: BindOptions
  /** Told to a server of ours. */
  hello?: Hello | undefined
  /** A server of ours shuts down: it serves on for a little while, and takes no new binding. */
  onLeaving?: (() => void) | undefined
  clock: Clock
  log: Logger
  onStream: (stream: TunnelStream) => void
  bindTimeoutMs?: number
  linkCheckMs?: number
  deadAfterMs?: number
  smux?: Partial<Omit<SmuxOptions, 'role' | 'clock' | 'onStream' | 'onBare'>>
}

export interface Link extends Closable {
  readonly peer: Bound['peer']
  readonly weight: number
  readonly connectorId: string
  /** What a server of ours calls itself, new at each start. */
  readonly server: string | undefined
  /** What it leads to the tunnel, by its rules when it was bound. */
  readonly hosts: readonly string[] | undefined
  /** Towards a server of ours. */
  readonly control: Control | undefined
  /** Last measured round trip of the link check. */
  readonly rttMs: number | undefined
  /** Streams open now. */
  readonly active: number
  readonly closed: Promise<LinkEnd>
  /** Nothing has come for too long, and the link check is not answered. */
  readonly silent: boolean
  /** How long nothing has come; Infinity after this machine slept. */
  readonly silentMs: number
  readonly ended: boolean
  /** Resolves when it falls silent, is heard again, or ends. */
  readonly turn: Promise<void>
  /** Ends it without another word, as far as the line lets the peer know. */
  reset(reason: string): void
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
  const askedAt = clock.now()
  const bound = await bind(connection, options.bind, { clock, timeoutMs: bindTimeoutMs, signal })
  const smux = { roundTripMs: clock.now() - askedAt, ...options.smux }
  const link = new OpenLink(connection, bound, { ...options, smux })
  // Before the welcome a server of ours sends nobody, and may still refuse.
  const limit = deadline(clock, bindTimeoutMs, () => new InterceptError('TUNNEL_LOST', 'the tunnel server does not greet'), signal)
  try {
    const welcome = await Promise.race([link.control?.welcome, rejection(limit.signal)])
    link.server = welcome?.server === '' ? undefined : welcome?.server
    link.hosts = welcome?.hosts
    return link
  } catch (error) {
    await link.close()
    throw error
  } finally {
    limit.done()
  }
}

const rejection = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(asError(signal.reason))
    else signal.addEventListener('abort', () => reject(asError(signal.reason)), { once: true })
  })

class OpenLink implements Link {
  readonly peer: Bound['peer']
  readonly weight: number
  readonly connectorId: string
  server: string | undefined
  hosts: readonly string[] | undefined
  readonly control: Control | undefined
  readonly closed: Promise<LinkEnd>
  readonly close: () => Promise<void>
  ended = false

  readonly #connection: Connection
  readonly #session: SmuxSession
  readonly #options: LinkOptions
  readonly #end = deferred<LinkEnd>()
  readonly #check: LinkCheck
  readonly #quiet = new Set<() => void>()

  constructor(connection: Connection, bound: Bound, options: LinkOptions) {
    this.peer = bound.peer
    this.weight = options.bind.weight
    this.connectorId = bound.connectorId
    this.#connection = connection
    this.#options = options
    this.#session = openSession(connection, {
      role: 'server',
      clock: options.clock,
      peerBudgetBytes: bound.peer === 'gost' ? STOCK_BUDGET_BYTES : undefined,
      halfClose: bound.peer === 'ours',
      ...options.smux,
      onBare: stream => this.#accept(stream)
    })
    const { hello = { kind: 'agent' }, onLeaving } = options
    this.control = bound.peer === 'ours' ? openControl(this.#session.open(), { hello, onLeaving }) : undefined
    this.closed = this.#end.promise
    this.#check = new LinkCheck(connection, this.#session, options)
    this.close = closeOnce(() => this.#session.close())
    void this.#session.closed.then(error => this.#finish(error))
  }

  get active(): number {
    const ownStreams = this.#check.streams + (this.control === undefined ? 0 : 1)
    return Math.max(0, this.#session.streamCount - ownStreams)
  }

  get rttMs(): number | undefined {
    return this.#check.rttMs
  }

  get silent(): boolean {
    return this.#check.silent
  }

  get silentMs(): number {
    return this.#check.silentMs
  }

  get turn(): Promise<void> {
    return this.#check.turn
  }

  async drain(signal: AbortSignal): Promise<void> {
    if (this.control !== undefined) await this.control.drain(signal)
    while (!signal.aborted && !this.ended) {
      await this.#untilQuiet(signal)
      // What has arrived by now is read first: a visitor may be in it.
      await new Promise<void>(resolve => setImmediate(resolve))
      if (this.active === 0) return
    }
  }

  /** Until no stream is open, `signal` aborts or the link ends. */
  #untilQuiet(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = (): void => {
        this.#quiet.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#quiet.add(done)
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted || this.ended || this.active === 0) done()
    })
  }

  #accept(stream: BareStream): void {
    stream.onClosed = () => {
      if (this.active === 0) for (const resolve of this.#quiet) resolve()
    }
    const onDecline = (id: number, told: () => void): void => {
      if (this.control === undefined) told()
      else this.control.declined(id, told)
    }
    acceptStream(stream, { clock: this.#options.clock, timeoutMs: 15_000, onDecline }, this.#options.onStream, error => {
      this.#options.log.debug('stream dropped', { error })
    })
  }

  #finish(error: Error | undefined): void {
    this.ended = true
    this.#end.resolve(linkEnd(error, this.silent))
    this.#check.end()
    for (const resolve of this.#quiet) resolve()
  }

  reset(reason: string): void {
    this.#connection.destroy(new InterceptError('TUNNEL_LOST', reason))
  }
}
