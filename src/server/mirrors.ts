/**
 * Who gets copies of which tunnel's requests. A copy is collected beside the exchange, in memory that is bounded over all, and handed on when the
 * exchange is over: the original waits for nothing here. Costs one look at an empty table when nobody mirrors.
 */
import type { Clock } from '../base/clock.ts'
import { Copying, CopyPages } from './copying.ts'
import { type Held, MirrorFeed } from './mirror-feed.ts'
import type { Connector } from './registry.ts'
import type { OpenTap, Tapped } from './tap.ts'

/** Of all copies that are collected or wait. */
const HELD_BYTES = 67_108_864

export interface MirrorsOptions {
  clock: Clock
  /** 0 ≤ random() < 1. */
  random: () => number
}

export interface MirrorStats {
  /** Handed to a connector's queue. */
  copies: number
  /** Not sent: the laptop was slow, or the request too large. */
  dropped: number
  /** Of copies that are collected or wait. */
  heldBytes: number
}

export class Mirrors {
  readonly #feeds = new Map<string, MirrorFeed[]>()
  readonly #options: MirrorsOptions
  readonly #pages = new CopyPages()
  readonly #held: Held = { bytes: 0, limit: HELD_BYTES }
  readonly #counts = { copies: 0, dropped: 0 }

  constructor(options: MirrorsOptions) {
    this.#options = options
  }

  get stats(): MirrorStats {
    return { ...this.#counts, heldBytes: this.#held.bytes }
  }

  /** `rate`: the part of the requests, 0…1. */
  add(connector: Connector, rate: number): void {
    const feed = new MirrorFeed({ connector, rate, clock: this.#options.clock, held: this.#held, counts: this.#counts })
    this.#feeds.set(connector.tunnelId, [...(this.#feeds.get(connector.tunnelId) ?? []), feed])
  }

  remove(connector: Connector): void {
    const { tunnelId } = connector
    const left = this.#feeds.get(tunnelId)?.filter(feed => {
      if (feed.connector === connector) feed.close()
      return feed.connector !== connector
    })
    if (left === undefined) return
    if (left.length === 0) this.#feeds.delete(tunnelId)
    else this.#feeds.set(tunnelId, left)
  }

  readonly tap: OpenTap = tapped => {
    if (this.#feeds.size === 0) return undefined
    const feeds = this.#feeds.get(tapped.connector.tunnelId)
    if (feeds === undefined) return undefined
    const wanted = feeds.filter(feed => this.#wants(feed, tapped))
    if (wanted.length === 0) return undefined
    return new Copying(tapped, { feeds: wanted, held: this.#held, pages: this.#pages, clock: this.#options.clock })
  }

  #wants({ connector, rate }: MirrorFeed, tapped: Tapped): boolean {
    return connector.condition === 'mirror' && matches(connector, tapped) && this.#options.random() < rate
  }
}

function matches({ personal }: Connector, { asked }: Tapped): boolean {
  if (personal === undefined) return true
  const { subject } = asked()
  return subject !== undefined && personal.matches(subject)
}
