/**
 * One connector as the session sees it: bound at a weight on one server replica, for as long as it is wanted. Policy only: attempts are
 * `link.ts`. Loss → re-dial 0.2 → 5 s with jitter. While a ghost of ours may live on a stock server (≤ 60 s), nine links at 255 stand in for
 * one, so that the ghost gets a tenth of the requests instead of half. New before old wherever that loses less.
 */
import { backoff, type BackoffOptions } from '../base/backoff.ts'
import { sleep } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import { asError, isAbort } from '../base/errors.ts'
import { openLink, type Link, type LinkEnd, type LinkOptions } from './link.ts'

export type ConnectorPhase = 'connecting' | 'bound' | 'lost' | 'withdrawn' | 'closed'

export interface ConnectorChange {
  from: ConnectorPhase
  to: ConnectorPhase
  /** Attempts since the last bound one. */
  attempt: number
  nextTryMs?: number
  rttMs?: number
  peer?: 'gost' | 'ours'
  cause: string
  error?: Error
}

export interface ConnectorOptions extends LinkOptions {
  onChange?: (change: ConnectorChange) => void
  retry?: BackoffOptions
  /** How long a stock server may keep a connection that it was not told about. */
  ghostMs?: number
  /** Links at 255 while a ghost may live. */
  ghostLinks?: number
}

export interface Connector extends Closable {
  readonly phase: ConnectorPhase
  readonly peer: 'gost' | 'ours' | undefined
  readonly weight: number
  readonly rttMs: number | undefined
  /** Streams open now, over all links. */
  readonly active: number
  /** First bound; rejects with the first attempt's error, after which the loop has stopped. */
  readonly ready: Promise<void>
  /** Binds at the new weight first, then drains the old link. */
  setWeight(weight: number, signal: AbortSignal): Promise<void>
  /** No more streams: drains, closes the links, stays `withdrawn` until `resume`. */
  withdraw(signal: AbortSignal): Promise<void>
  resume(): void
}

const MAX_WEIGHT = 255

export const startConnector = (options: ConnectorOptions): Connector => new LoopingConnector(options)

class LoopingConnector implements Connector {
  readonly close: () => Promise<void>
  readonly ready: Promise<void>
  phase: ConnectorPhase = 'connecting'
  peer: 'gost' | 'ours' | undefined
  weight: number

  readonly #options: ConnectorOptions
  readonly #ready = deferred<void>()
  readonly #stop = new AbortController()
  readonly #links = new Set<Link>()
  /** Aborted to end the current loop: withdrawn, or replaced. */
  #run = new AbortController()
  #everBound = false

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.weight = options.bind.weight
    this.ready = this.#ready.promise
    this.close = closeOnce(() => this.#close())
    void this.#loop(this.#run)
  }

  get active(): number {
    let sum = 0
    for (const link of this.#links) sum += link.active
    return sum
  }

  get rttMs(): number | undefined {
    for (const link of this.#links) if (link.rttMs !== undefined) return link.rttMs
    return undefined
  }

  async setWeight(weight: number, signal: AbortSignal): Promise<void> {
    if (weight === this.weight) return
    this.weight = weight
    if (this.phase !== 'bound') return
    const old = [...this.#links]
    const run = new AbortController()
    const link = await this.#open(AbortSignal.any([signal, run.signal]))
    this.#run.abort()
    this.#run = run
    void this.#loop(run, link)
    await this.#retire(old, signal)
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    if (this.phase === 'closed' || this.phase === 'withdrawn') return
    this.#run.abort()
    const links = [...this.#links]
    this.#move('withdrawn', 0, { cause: 'withdrawn' })
    await this.#retire(links, signal)
  }

  resume(): void {
    if (this.phase !== 'withdrawn') return
    this.#run = new AbortController()
    void this.#loop(this.#run)
  }

  /** Attempts until `run` is aborted. The given link counts as the first, already bound. */
  async #loop(run: AbortController, first?: Link): Promise<void> {
    const { clock, log, retry = { minMs: 200, maxMs: 5_000 } } = this.#options
    const delays = backoff(retry)
    let link = first
    let attempt = 0
    while (!run.signal.aborted) {
      try {
        if (link === undefined) {
          attempt += 1
          if (this.phase !== 'connecting') this.#move('connecting', attempt, { cause: attempt === 1 ? 'start' : 'retry' })
          link = await this.#open(run.signal)
        }
        const boundAt = clock.now()
        this.#everBound = true
        this.peer = link.peer
        this.#move('bound', attempt, { cause: 'bound', peer: link.peer })
        this.#ready.resolve()
        attempt = 0
        const end = await Promise.race([link.closed, aborted(run.signal)])
        if (end === undefined || run.signal.aborted) return
        delays.lived(clock.now() - boundAt)
        const nextTryMs = delays.next()
        this.#move('lost', 1, {
          cause: end.error?.message ?? 'the server closed the connection',
          nextTryMs,
          ...(end.error === undefined ? {} : { error: end.error })
        })
        this.#outnumberGhost(link, end, run.signal)
        link = undefined
        await sleep(clock, nextTryMs, run.signal)
      } catch (thrown) {
        link = undefined
        if (run.signal.aborted || isAbort(thrown)) return
        const error = asError(thrown)
        if (!this.#everBound) {
          this.#move('lost', attempt, { cause: error.message, error })
          this.#ready.reject(error)
          return
        }
        const nextTryMs = delays.next()
        log.info('re-dial failed', { error, attempt })
        this.#move('lost', attempt, { cause: error.message, nextTryMs, error })
        await sleep(clock, nextTryMs, run.signal).catch(() => {})
      }
    }
  }

  async #open(signal: AbortSignal): Promise<Link> {
    const link = await openLink({ ...this.#options, bind: { ...this.#options.bind, weight: this.weight } }, signal)
    if (signal.aborted) {
      await link.close()
      throw signal.reason
    }
    this.#links.add(link)
    void link.closed.then(() => this.#links.delete(link))
    return link
  }

  /** Binds extra links at 255 beside the one of the loop, until the stock server must have noticed the dead one. */
  #outnumberGhost(lost: Link, end: LinkEnd, signal: AbortSignal): void {
    const { clock, log, ghostMs = 60_000, ghostLinks = 9 } = this.#options
    if (!end.ghost || lost.peer !== 'gost' || lost.weight !== MAX_WEIGHT) return
    const extra: Link[] = []
    const until = AbortSignal.any([signal, this.#stop.signal])
    const bindExtras = async (): Promise<void> => {
      while (this.phase !== 'bound') await sleep(clock, 50, until)
      const opened = await Promise.allSettled(Array.from({ length: ghostLinks - 1 }, () => this.#open(until)))
      for (const result of opened) if (result.status === 'fulfilled') extra.push(result.value)
      log.info('links beside a ghost', { count: extra.length })
      await sleep(clock, ghostMs, until)
      await this.#retire(extra, until)
    }
    bindExtras().catch(error => {
      if (!until.aborted) log.debug('links beside a ghost failed', { error: asError(error) })
    })
  }

  /** Drains and closes; the ones beside keep serving. */
  async #retire(links: readonly Link[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      links.map(async link => {
        await link.drain(signal)
        await link.close()
      })
    )
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#run.abort()
    this.#move('closed', 0, { cause: 'closed' })
    this.#ready.reject(new Error('closed before it was bound'))
    await Promise.all([...this.#links].map(link => link.close()))
  }

  #move(to: ConnectorPhase, attempt: number, rest: Omit<ConnectorChange, 'from' | 'to' | 'attempt'>): void {
    if (this.phase === 'closed') return
    const from = this.phase
    this.phase = to
    this.#options.onChange?.({ from, to, attempt, ...(this.rttMs === undefined ? {} : { rttMs: this.rttMs }), ...rest })
  }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
