/**
 * One exchange on its way into a copy. Small ones, most of all, are collected in a page that is used again: memory of their own for each piece costs
 * more than copying the bytes twice.
 */
import type { Clock } from '../base/clock.ts'
import { formatEndpoint } from '../base/connection.ts'
import { copyLine } from '../tunnel/mirror-channel.ts'
import type { Held, MirrorFeed } from './mirror-feed.ts'
import type { Tap, Tapped } from './tap.ts'

/** A larger request is not copied. */
const REQUEST_BODY_BYTES = 1_048_576
/** Of an answer, beside its head. */
const RESPONSE_BODY_BYTES = 65_536
const PAGE_BYTES = 4_096
/** Kept while nobody needs them. */
const SPARE_PAGES = 256

/** Pages that a copy is collected in. */
export class CopyPages {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES)
  }

  giveBack(page: Buffer): void {
    if (this.#spare.length < SPARE_PAGES) this.#spare.push(page)
  }
}

export interface CopyingOptions {
  feeds: readonly MirrorFeed[]
  held: Held
  pages: CopyPages
  clock: Clock
}

export class Copying implements Tap {
  readonly #tapped: Tapped
  readonly #options: CopyingOptions
  readonly #page: Buffer
  /** The page holds the request up to here, and the answer from here to `#used`: each only as far as no piece of it lies beside the page. */
  #split = 0
  #used = 0
  /** What of the two came when the page had no room for it. */
  #request: Buffer[] | undefined
  #response: Buffer[] | undefined
  #requestBytes = 0
  #responseBytes = 0
  #responseHeadBytes = 0
  /** Of the answer's body, copied or not. */
  #responseBodyBytes = 0
  #over = false

  constructor(tapped: Tapped, options: CopyingOptions) {
    this.#tapped = tapped
    this.#options = options
    this.#page = options.pages.take()
    this.#keepRequest(tapped.head)
  }

  requestBody(bytes: Buffer): void {
    if (this.#over) return
    if (this.#requestBytes - this.#tapped.head.length + bytes.length > REQUEST_BODY_BYTES) this.#drop('large')
    else this.#keepRequest(bytes)
  }

  responseHead(raw: Buffer): void {
    if (this.#over) return
    this.#responseHeadBytes = raw.length
    this.#keepResponse(raw)
  }

  responseBody(bytes: Buffer): void {
    if (this.#over) return
    const room = RESPONSE_BODY_BYTES - this.#responseBodyBytes
    this.#responseBodyBytes += bytes.length
    if (room > 0) this.#keepResponse(bytes.length > room ? bytes.subarray(0, room) : bytes)
  }

  end(whole: boolean): void {
    if (this.#over) return
    if (whole) this.#offer()
    this.#release()
  }

  /** Bytes of both messages. */
  get bytes(): number {
    return this.#requestBytes + this.#responseBytes
  }

  /** Writes the request and the answer behind it. */
  write(into: Buffer, at: number): void {
    let next = at + this.#page.copy(into, at, 0, this.#split)
    for (const piece of this.#request ?? []) next += piece.copy(into, next)
    next += this.#page.copy(into, next, this.#split, this.#used)
    for (const piece of this.#response ?? []) next += piece.copy(into, next)
  }

  #offer(): void {
    const { connector, source, startedAt } = this.#tapped
    const { clock, feeds } = this.#options
    const line = copyLine(
      {
        source: formatEndpoint(source),
        ms: Math.round(clock.now() - startedAt),
        by: connector.hello?.who,
        agent: connector.hello?.kind === 'agent',
        whole: this.#responseBodyBytes > RESPONSE_BODY_BYTES ? this.#responseHeadBytes + this.#responseBodyBytes : undefined
      },
      this.#requestBytes,
      this.#responseBytes
    )
    for (const feed of feeds) feed.offer(line, this)
  }

  #keepRequest(bytes: Buffer): void {
    if (!this.#hold(bytes)) return
    this.#requestBytes += bytes.length
    const behindIt = this.#responseBytes === 0 && this.#request === undefined
    if (behindIt && this.#fits(bytes)) this.#split = this.#used
    else (this.#request ??= []).push(Buffer.from(bytes))
  }

  #keepResponse(bytes: Buffer): void {
    if (!this.#hold(bytes)) return
    this.#responseBytes += bytes.length
    if (this.#response !== undefined || !this.#fits(bytes)) (this.#response ??= []).push(Buffer.from(bytes))
  }

  /** Into the page, if it has room. Copied, since the bytes are lent. */
  #fits(bytes: Buffer): boolean {
    if (bytes.length > PAGE_BYTES - this.#used) return false
    this.#used += bytes.copy(this.#page, this.#used)
    return true
  }

  #hold({ length }: Buffer): boolean {
    const { held } = this.#options
    if (held.bytes + length > held.limit) {
      this.#drop('slow')
      return false
    }
    held.bytes += length
    return true
  }

  #drop(why: 'slow' | 'large'): void {
    this.#release()
    for (const feed of this.#options.feeds) feed.dropped(why)
  }

  #release(): void {
    const { held, pages } = this.#options
    this.#over = true
    held.bytes -= this.bytes
    this.#request = this.#response = undefined
    pages.giveBack(this.#page)
  }
}
