/**
 * Follows the answer to one plain request (`plain-request.ts`) as it passes: whether it is complete, and whether the connection that it came on is
 * good for another request. Keeps no byte of a body, never throws: what cannot be framed with certainty is never complete.
 */
import { BodyFramer } from './framer.ts'
import { keepsAlive, responseFraming } from './framing.ts'
import { parseResponseHead } from './head.ts'
import { HeadReader } from './head-reader.ts'

export class PlainAnswer {
  readonly #method: string
  #heads: HeadReader | undefined = new HeadReader()
  #body: BodyFramer | undefined
  #keeps = false
  #broken = false

  /** `method`: HEAD has an answer without a body. */
  constructor(method: string) {
    this.#method = method
  }

  /** All of it has passed, and nothing behind it. */
  get complete(): boolean {
    return !this.#broken && this.#body?.done === true
  }

  /** Complete, and app and request leave the connection open. */
  get keeps(): boolean {
    return this.#keeps && this.complete
  }

  /** Bytes of the answer. */
  push(chunk: Buffer): void {
    if (this.#broken) return
    try {
      this.#follow(chunk)
    } catch {
      this.#broken = true
    }
  }

  /** Something else happened on the connection: a second request, or another protocol. */
  spoil(): void {
    this.#broken = true
  }

  #follow(chunk: Buffer): void {
    let rest = chunk
    while (this.#heads !== undefined) {
      const read = this.#heads.push(rest)
      if (read === undefined) return
      const head = parseResponseHead(read.raw)
      rest = read.rest
      if (head.status >= 200 || head.status === 101) {
        this.#heads = undefined
        this.#body = new BodyFramer(responseFraming(head, this.#method))
        this.#keeps = head.version === '1.1' && keepsAlive(head)
      }
    }
    if (rest.length > 0 && this.#body?.push(rest).rest.length !== 0) this.#broken = true
  }
}
