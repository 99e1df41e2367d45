/**
 * The links of one connector, however many there are just now, and what each new one is told: the weight, the filter, whether the app is up.
 * Which of them is the one that counts is the connector's to know.
 */
import type { Hello } from './control-channel.ts'
import { openLink, type Link, type LinkOptions } from './link.ts'
import { redial } from './redial.ts'

/** Of a server that has answered before. */
const REBIND_TIMEOUT_MS = 5_000

export class Links {
  /** Of those to come. */
  weight: number

  readonly #options: LinkOptions
  readonly #links = new Set<Link>()
  #hello: Hello | undefined
  #healthy = true

  constructor(options: LinkOptions) {
    this.#options = options
    this.weight = options.bind.weight
    this.#hello = options.hello
  }

  /** A copy. */
  all(): Link[] {
    return [...this.#links]
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

  async open(signal: AbortSignal, options: Partial<LinkOptions> = {}): Promise<Link> {
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

  /** While another one is bound. */
  openNext(signal: AbortSignal): Promise<Link> {
    return this.open(signal, { bindTimeoutMs: REBIND_TIMEOUT_MS })
  }

  /** After a loss, on a line that may be down. Gives up when the silent one is heard. */
  openBeside(silent: Link | undefined, signal: AbortSignal): Promise<Link> {
    const { dial, clock, bindTimeoutMs = REBIND_TIMEOUT_MS } = this.#options
    const heard = new AbortController()
    void silent?.turn.then(() => {
      if (isHeard(silent)) heard.abort(new Error('the tunnel server is heard again'))
    })
    return this.open(AbortSignal.any([signal, heard.signal]), { dial: redial(dial, clock), bindTimeoutMs })
  }

  /** As many of so many as the server takes. */
  async openMore(count: number, signal: AbortSignal): Promise<Link[]> {
    const opened = await Promise.allSettled(Array.from({ length: count }, () => this.open(signal)))
    return opened.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  }

  /** Another weight was wanted while this one was bound. */
  async replace(link: Link, signal: AbortSignal): Promise<Link> {
    try {
      const next = await this.openNext(signal)
      void retire([link], signal)
      return next
    } catch (error) {
      await link.close()
      throw error
    }
  }

  /** As `Connector.refilter`. */
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

  health(up: boolean): void {
    if (up === this.#healthy) return
    this.#healthy = up
    for (const link of this.#links) link.control?.health(up)
  }

  /** Those that are silent now, so that nobody waits for them. */
  resetSilent(reason: string): void {
    for (const link of this.#links) if (link.silent) link.reset(reason)
  }

  async close(): Promise<void> {
    this.resetSilent('closed')
    await Promise.all([...this.#links].map(link => link.close()))
  }
}

export const isHeard = (link: Link): boolean => !link.silent && !link.ended

/** Drains and closes; the ones beside keep serving. */
export async function retire(links: readonly Link[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    links.map(async link => {
      if (!link.silent) await Promise.race([link.drain(signal), link.turn])
      if (link.silent) link.reset('the tunnel server is silent')
      else await link.close()
    })
  )
}
