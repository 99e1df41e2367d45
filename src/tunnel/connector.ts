/**
 * One connector as the session sees it: bound at a weight on one server replica, for as long as it is wanted. Policy only: attempts are
 * `link.ts`. Loss → re-dial 0.2 → 2 s with jitter. A silent link is kept while another is bound beside it: when the line is back, both systems
 * send again what got lost. While a ghost of ours may live on a stock server (≤ 60 s), nine links at 255 stand in for one, so that the ghost
 * gets a tenth of the requests instead of half. New before old wherever that loses less.
 */
import { backoff, type BackoffOptions } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { closeOnce, deferred, type Closable } from '../base/closable.ts'
import { asError, isAbort } from '../base/errors.ts'
import type { Hello } from './control-channel.ts'
import { openLink, type Link, type LinkOptions } from './link.ts'
import { redial } from './redial.ts'

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

const MAX_WEIGHT = 255
/** A stock server gives up a request that is not answered for so long. */
const VISITOR_WAIT_MS = 15_000
/** A link that was silent for less may still serve them: what got lost is sent again after as long a pause as the outage at most. */
const PATIENCE_MS = 12_000
/** Of a server that has answered before. */
const REBIND_TIMEOUT_MS = 5_000

export const startConnector = (options: ConnectorOptions): Connector => new LoopingConnector(options)

class LoopingConnector implements Connector {
  readonly close: () => Promise<void>
  readonly ready: Promise<void>
  phase: ConnectorPhase = 'connecting'
  peer: 'gost' | 'ours' | undefined
  server: string | undefined
  hosts: readonly string[] | undefined
  weight: number

  readonly #options: ConnectorOptions
  readonly #ready = deferred<void>()
  readonly #stop = new AbortController()
  readonly #links = new Set<Link>()
  /** Aborted to end the current loop: withdrawn, or replaced. */
  #run = new AbortController()
  #everBound = false
  #hello: Hello | undefined
  #healthy = true

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.weight = options.bind.weight
    this.#hello = options.hello
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
    const retire = await this.rebind(weight, signal)
    await retire(signal)
  }

  async rebind(weight: number, signal: AbortSignal): Promise<Retire> {
    const before = this.weight
    this.weight = weight
    if (this.phase !== 'bound') {
      for (const link of this.#links) if (link.silent) link.reset('another weight is wanted')
      return nothingToRetire
    }
    const replaced = this.#run
    const old = [...this.#links]
    const run = new AbortController()
    let link: Link
    try {
      link = await this.#open(AbortSignal.any([signal, run.signal, replaced.signal]), { bindTimeoutMs: REBIND_TIMEOUT_MS })
    } catch (error) {
      // Withdrawn or lost meanwhile: whatever binds next has the weight.
      if (replaced.signal.aborted || !this.#isBound()) return nothingToRetire
      this.weight = before
      throw error
    }
    replaced.abort()
    this.#run = run
    void this.#loop(run, link)
    return until => this.#retire(old, until)
  }

  async refilter(filter: string, signal: AbortSignal): Promise<void> {
    const { filter: before = '', ...hello } = this.#hello ?? { kind: 'agent' }
    this.#hello = filter === '' ? hello : { ...hello, filter }
    try {
      await Promise.all([...this.#links].map(async link => link.control?.filter(filter, signal)))
    } catch (error) {
      this.#hello = before === '' ? hello : { ...hello, filter: before }
      await Promise.allSettled([...this.#links].map(async link => link.control?.filter(before, signal)))
      throw error
    }
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

  health(up: boolean): void {
    if (up === this.#healthy) return
    this.#healthy = up
    for (const link of this.#links) link.control?.health(up)
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
          link = await this.#openBeside(silent, run.signal)
          if (link.weight !== this.weight) link = await this.#replace(link, run.signal)
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

  async #open(signal: AbortSignal, options: Partial<LinkOptions> = {}): Promise<Link> {
    const link = await openLink(
      { ...this.#options, ...options, hello: this.#hello, bind: { ...this.#options.bind, weight: this.weight } },
      signal
    )
    if (signal.aborted) {
      await link.close()
      throw signal.reason
    }
    this.#links.add(link)
    if (!this.#healthy) link.control?.health(false)
    void link.closed.then(() => this.#links.delete(link))
    return link
  }

  /** Gives up when the silent one is heard. */
  async #openBeside(silent: Link | undefined, signal: AbortSignal): Promise<Link> {
    const { dial, clock, bindTimeoutMs = REBIND_TIMEOUT_MS } = this.#options
    if (!this.#everBound) return this.#open(signal)
    const heard = new AbortController()
    void silent?.turn.then(() => {
      if (isHeard(silent)) heard.abort(new Error('the tunnel server is heard again'))
    })
    return this.#open(AbortSignal.any([signal, heard.signal]), { dial: redial(dial, clock), bindTimeoutMs })
  }

  /** Another weight was wanted while this one was bound. */
  async #replace(link: Link, signal: AbortSignal): Promise<Link> {
    try {
      const next = await this.#open(signal, { bindTimeoutMs: REBIND_TIMEOUT_MS })
      void this.#retire([link], signal)
      return next
    } catch (error) {
      await link.close()
      throw error
    }
  }

  /** What becomes of a silent link once another is bound: it is heard again, or given up, and then outnumbered until the server gives it up too. */
  #outlast(old: Link, signal: AbortSignal): void {
    const { clock, log, ghostMs = 60_000, ghostLinks = 9 } = this.#options
    const { silentMs } = old
    const until = AbortSignal.any([signal, this.#stop.signal])
    const outnumbered = old.peer === 'gost' && old.weight === MAX_WEIGHT
    const work = async (): Promise<void> => {
      if (old.ended && !(await old.closed).ghost) return
      const beside = outnumbered ? this.#openExtra(ghostLinks - 1, until) : Promise.resolve([])
      if (silentMs <= PATIENCE_MS) await pause(clock, silentMs + 1_000, { signal: until, unless: old.turn })
      if (old.silent) old.reset('the tunnel server stayed silent')
      const extra = await beside
      const heard = isHeard(old)
      // What was held up comes in slowly, so a moment without streams says nothing yet.
      if (heard) await sleep(clock, VISITOR_WAIT_MS, until)
      else if ((await old.closed).ghost && outnumbered) {
        log.info('links beside a ghost', { count: extra.length })
        await sleep(clock, ghostMs, until)
      }
      await this.#retire(heard ? [old, ...extra] : extra, until)
    }
    work().catch(error => {
      if (!until.aborted) log.debug('links beside a ghost failed', { error: asError(error) })
    })
  }

  async #openExtra(count: number, signal: AbortSignal): Promise<Link[]> {
    const opened = await Promise.allSettled(Array.from({ length: count }, () => this.#open(signal)))
    return opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  }

  /** Drains and closes; the ones beside keep serving. */
  async #retire(links: readonly Link[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      links.map(async link => {
        if (!link.silent) await Promise.race([link.drain(signal), link.turn])
        if (link.silent) link.reset('the tunnel server is silent')
        else await link.close()
      })
    )
  }

  #isBound(): boolean {
    return this.phase === 'bound'
  }

  async #close(): Promise<void> {
    this.#stop.abort()
    this.#run.abort()
    this.#move('closed', 0, { cause: 'closed' })
    this.#ready.reject(new Error('closed before it was bound'))
    for (const link of this.#links) if (link.silent) link.reset('closed')
    await Promise.all([...this.#links].map(link => link.close()))
  }

  #move(to: ConnectorPhase, attempt: number, rest: Omit<ConnectorChange, 'from' | 'to' | 'attempt'>): void {
    if (this.phase === 'closed') return
    const from = this.phase
    this.phase = to
    this.#options.onChange?.({ from, to, attempt, ...(this.rttMs === undefined ? {} : { rttMs: this.rttMs }), ...rest })
  }
}

const nothingToRetire: Retire = () => Promise.resolve()

const isHeard = (link: Link): boolean => !link.silent && !link.ended

/** Sleeps until the signal aborts or `unless` resolves; never rejects. */
async function pause(
  clock: Clock,
  ms: number,
  { signal, unless }: { signal: AbortSignal; unless: Promise<void> | undefined }
): Promise<void> {
  const enough = new AbortController()
  void unless?.then(() => enough.abort())
  await sleep(clock, ms, AbortSignal.any([signal, enough.signal])).catch(() => {}) // aborted: whoever waits looks why
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise(resolve => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
