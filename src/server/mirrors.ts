/**
 * Who gets copies of which tunnel's requests. A copy is collected beside the exchange, in memory that is bounded over all, and handed on when the
 * exchange is over: the original waits for nothing here. Costs one look at an empty table when nobody mirrors.
 */
import type { Clock } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { type CopyFacts, encodeCopy } from '../tunnel/mirror-channel.ts'
import { type Held, MirrorFeed } from './mirror-feed.ts'
import type { Connector } from './registry.ts'
import type { OpenTap, Tap, Tapped } from './tap.ts'

/** A larger request is not copied. */
const REQUEST_BODY_BYTES = 1_048_576
/** Of an answer, beside its head. */
const RESPONSE_BODY_BYTES = 65_536
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
    const { clock, random } = this.#options
    const wanted = feeds.filter(({ connector, rate }) => connector.condition === 'mirror' && matches(connector, tapped) && random() < rate)
    return wanted.length === 0 ? undefined : new Copying(tapped, { feeds: wanted, held: this.#held, clock })
  }
}

function matches({ personal }: Connector, { asked }: Tapped): boolean {
  if (personal === undefined) return true
  const { subject } = asked()
  return subject !== undefined && personal.matches(subject)
}

/** Bytes of one message, copied piece by piece. */
interface Kept {
  pieces: Buffer[]
  bytes: number
}

class Copying implements Tap {
  readonly #tapped: Tapped
  readonly #feeds: readonly MirrorFeed[]
  readonly #held: Held
  readonly #clock: Clock
  readonly #startedAt: number
  #request: Kept = { pieces: [], bytes: 0 }
  #response: Kept = { pieces: [], bytes: 0 }
  #responseHeadBytes = 0
  /** Of the answer's body, copied or not. */
  #responseBodyBytes = 0
  #over = false

  constructor(tapped: Tapped, { feeds, held, clock }: { feeds: readonly MirrorFeed[]; held: Held; clock: Clock }) {
    this.#tapped = tapped
    this.#feeds = feeds
    this.#held = held
    this.#clock = clock
    this.#startedAt = clock.now()
    this.#keep(this.#request, tapped.head)
  }

  requestBody(bytes: Buffer): void {
    if (this.#over) return
    if (this.#request.bytes - this.#tapped.head.length + bytes.length > REQUEST_BODY_BYTES) this.#drop('large')
    else this.#keep(this.#request, bytes)
  }

  responseHead(raw: Buffer): void {
    if (this.#over) return
    this.#responseHeadBytes = raw.length
    this.#keep(this.#response, raw)
  }

  responseBody(bytes: Buffer): void {
    if (this.#over) return
    const room = RESPONSE_BODY_BYTES - this.#responseBodyBytes
    this.#responseBodyBytes += bytes.length
    if (room > 0) this.#keep(this.#response, bytes.length > room ? bytes.subarray(0, room) : bytes)
  }

  end(whole: boolean): void {
    if (this.#over) return
    if (whole) this.#offer()
    this.#release()
  }

  #offer(): void {
    const { connector, source } = this.#tapped
    const facts: CopyFacts = {
      source: formatEndpoint(source),
      ms: Math.round(this.#clock.now() - this.#startedAt),
      ...(connector.hello?.who !== undefined && { by: connector.hello.who }),
      ...(connector.hello?.kind === 'agent' && { agent: true }),
      ...(this.#responseBodyBytes > RESPONSE_BODY_BYTES && { whole: this.#responseHeadBytes + this.#responseBodyBytes })
    }
    const line = encodeCopy(facts, this.#request.bytes, this.#response.bytes)
    const pieces = [line, ...this.#request.pieces, ...this.#response.pieces]
    for (const feed of this.#feeds) feed.offer(pieces)
  }

  /** Copies, since the bytes are lent. */
  #keep(into: Kept, bytes: Buffer): void {
    if (this.#held.bytes + bytes.length > this.#held.limit) {
      this.#drop('slow')
      return
    }
    into.pieces.push(Buffer.from(bytes))
    into.bytes += bytes.length
    this.#held.bytes += bytes.length
  }

  #drop(why: 'slow' | 'large'): void {
    this.#release()
    for (const feed of this.#feeds) feed.dropped(why)
  }

  #release(): void {
    this.#over = true
    this.#held.bytes -= this.#request.bytes + this.#response.bytes
    this.#request = { pieces: [], bytes: 0 }
    this.#response = { pieces: [], bytes: 0 }
  }
}
