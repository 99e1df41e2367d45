/**
 * One connector as the session sees it: bound at a weight on one server replica, for as long as it is wanted. Policy only: attempts are
 * `link.ts`. Loss → re-dial 0.2 → 2 s with jitter. A silent link is kept while another is bound beside it, and then outlasted (`outlast.ts`):
 * when the line is back, both systems send again what got lost. New before old wherever that loses less.
 */
import { backoff, type BackoffOptions } from '../base/backoff.ts'
import { pause, sleep } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import { asError, isAbort } from '../base/errors.ts'
import type { Link, LinkOptions } from './link.ts'
import { isHeard, Links, retire } from './links.ts'
import { outlast, type OutlastOptions } from './outlast.ts'

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

export interface ConnectorOptions extends LinkOptions, OutlastOptions {
  onChange?: (change: ConnectorChange) => void
  retry?: BackoffOptions
}

export interface Connector extends Closable {
  readonly phase: ConnectorPhase
  readonly peer: 'gost' | 'ours' | undefined
  /** Which server it is bound to, where that one says so: a name of its own, new at each start. */
  readonly server: string | undefined
  /** Which hosts it leads to the tunnel, where it says so. */
  readonly hosts: readonly string[] | undefined
  readonly weight: number
  readonly rttMs: number | undefined
  /** Streams open now, over all links. */
  readonly active: number
  /** First bound; rejects with the first attempt's error, after which the loop has stopped. */
  readonly ready: Promise<void>
  /** Binds at the new weight first, then drains the old link. */
  setWeight(weight: number, signal: AbortSignal): Promise<void>
  /**
   * Binds anew at this weight, beside the link there is, and gives that one's end to the caller. Not bound now: the next binding has the
   * weight. Throws when the server does not take it, and the weight stays as it was.
   */
  rebind(weight: number, signal: AbortSignal): Promise<Retire>
  /**
   * From now on only what matches, '' is all: told to the server there is, and to whichever comes next. Only for servers of ours. Rejects with
   * TAKEN when somebody else has the filter, and all is as it was.
   */
  refilter(filter: string, signal: AbortSignal): Promise<void>
  /** No more streams: drains, closes the links, stays `withdrawn` until `resume`. */
  withdraw(signal: AbortSignal): Promise<void>
  resume(): void
  /** Whether the app behind it takes connections: servers of ours ask others first while it does not. Kept over lost links. */
  health(up: boolean): void
}

/** Drains and closes what was replaced. */
export type Retire = (signal: AbortSignal) => Promise<void>

export const startConnector = (options: ConnectorOptions): Connector => new LoopingConnector(options)

class LoopingConnector implements Connector {
  readonly close: () => Promise<void>
  readonly ready: Promise<void>
  phase: ConnectorPhase = 'connecting'
  peer: 'gost' | 'ours' | undefined
  server: string | undefined
  hosts: readonly string[] | undefined

  readonly #options: ConnectorOptions
  readonly #ready = deferred<void>()
  readonly #links: Links
  /** Aborted to end the current loop: withdrawn, or replaced. */
  #run = new AbortController()
  #everBound = false

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#links = new Links(options)
    this.ready = this.#ready.promise
    this.close = closeOnce(() => this.#close())
    void this.#loop(this.#run)
  }

  get weight(): number {
    return this.#links.weight
  }

  get active(): number {
    return this.#links.active
  }

  get rttMs(): number | undefined {
    return this.#links.rttMs
  }

  async setWeight(weight: number, signal: AbortSignal): Promise<void> {
    if (weight === this.weight) return
    const retireOld = await this.rebind(weight, signal)
    await retireOld(signal)
  }

  async rebind(weight: number, signal: AbortSignal): Promise<Retire> {
    const before = this.weight
    this.#links.weight = weight
    if (this.phase !== 'bound') {
      this.#links.resetSilent('another weight is wanted')
      return nothingToRetire
    }
    const replaced = this.#run
    const old = this.#links.all()
    const run = new AbortController()
    let link: Link
    try {
      link = await this.#links.openNext(AbortSignal.any([signal, run.signal, replaced.signal]))
    } catch (error) {
      // Withdrawn or lost meanwhile: whatever binds next has the weight.
      if (replaced.signal.aborted || !this.#isBound()) return nothingToRetire
      this.#links.weight = before
      throw error
    }
    replaced.abort()
    this.#run = run
    void this.#loop(run, link)
    return until => retire(old, until)
  }

  refilter(filter: string, signal: AbortSignal): Promise<void> {
    return this.#links.refilter(filter, signal)
  }

  async withdraw(signal: AbortSignal): Promise<void> {
    if (this.phase === 'closed' || this.phase === 'withdrawn') return
    this.#run.abort()
    const links = this.#links.all()
    this.#move('withdrawn', 0, { cause: 'withdrawn' })
    await retire(links, signal)
  }

  resume(): void {
    if (this.phase !== 'withdrawn') return
    this.#run = new AbortController()
    void this.#loop(this.#run)
  }

  health(up: boolean): void {
    this.#links.health(up)
  }

  /** Attempts until `run` is aborted. The given link counts as the first, already bound. */
  async #loop(run: AbortController, first?: Link): Promise<void> {
    const { clock, log, retry = { minMs: 200, maxMs: 2_000 } } = this.#options
    const delays = backoff(retry)
    let link = first
    let silent: Link | undefined
    let attempt = 0
    while (!run.signal.aborted) {
      try {
        if (link === undefined) {
          attempt += 1
          if (this.phase !== 'connecting') this.#move('connecting', attempt, { cause: attempt === 1 ? 'start' : 'retry' })
          link = await (this.#everBound ? this.#links.openBeside(silent, run.signal) : this.#links.open(run.signal))
          if (link.weight !== this.weight) link = await this.#links.replace(link, run.signal)
        }
        if (silent !== undefined && silent !== link) this.#outlast(silent, run.signal)
        silent = undefined
        const boundAt = clock.now()
        this.#everBound = true
        this.peer = link.peer
        this.server = link.server
        this.hosts = link.hosts
        this.#move('bound', attempt, { cause: 'bound', peer: link.peer })
        this.#ready.resolve()
        attempt = 0
        if (!link.silent) await Promise.race([link.turn, aborted(run.signal)])
        if (run.signal.aborted) return
        delays.lived(clock.now() - boundAt)
        const lost = link
        link = undefined
        if (lost.silent) {
          silent = lost
          this.#move('lost', 1, { cause: 'the tunnel server fell silent', nextTryMs: 0 })
          continue
        }
        const end = await lost.closed
        if (end.ghost) silent = lost
        const nextTryMs = delays.next()
        this.#move('lost', 1, {
          cause: end.error?.message ?? 'the server closed the connection',
          nextTryMs,
          ...(end.error === undefined ? {} : { error: end.error })
        })
        await sleep(clock, nextTryMs, run.signal)
      } catch (thrown) {
        link = undefined
        if (run.signal.aborted || isAbort(thrown)) return
        if (silent !== undefined && isHeard(silent)) {
          link = silent
          continue
        }
        const error = asError(thrown)
        if (!this.#everBound) {
          this.#move('lost', attempt, { cause: error.message, error })
          this.#ready.reject(error)
          return
        }
        const nextTryMs = delays.next()
        log.info('re-dial failed', { error, attempt })
        this.#move('lost', attempt, { cause: error.message, nextTryMs, error })
        await pause(clock, nextTryMs, { signal: run.signal, unless: silent?.ended === true ? undefined : silent?.turn })
        if (silent !== undefined && isHeard(silent)) link = silent
      }
    }
  }

  /** Beside the loop: what is bound by now serves meanwhile. */
  #outlast(silent: Link, until: AbortSignal): void {
    outlast(silent, this.#links, this.#options, until).catch(error => {
      if (!until.aborted) this.#options.log.debug('links beside a ghost failed', { error: asError(error) })
    })
  }

  #isBound(): boolean {
    return this.phase === 'bound'
  }

  async #close(): Promise<void> {
    this.#run.abort()
    this.#move('closed', 0, { cause: 'closed' })
    this.#ready.reject(new Error('closed before it was bound'))
    await this.#links.close()
  }

  #move(to: ConnectorPhase, attempt: number, rest: Omit<ConnectorChange, 'from' | 'to' | 'attempt'>): void {
    if (this.phase === 'closed') return
    const from = this.phase
    this.phase = to
    this.#options.onChange?.({ from, to, attempt, ...(this.rttMs === undefined ? {} : { rttMs: this.rttMs }), ...rest })
  }
}

const nothingToRetire: Retire = () => Promise.resolve()

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
