/**
 * Joins a client with its destination until both are done. While nothing has come back, a pod that refuses is replaced by the next one: the bytes sent
 * so far are kept for that. Other losses are only made good when nothing had been sent, since an app may have acted on what it got.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import { resetConnection } from '../transport/reset.ts'
import { join, type Joined } from '../transport/splice.ts'
import type { Way } from './dial.ts'
import { isRefused } from './refusal.ts'

export interface RelayParts {
  clock: Clock
  /** Ends everything. */
  signal: AbortSignal
  lingering: Lingering
  /** Both are done, or the next pod was not to be had. */
  onFailure: (error: unknown) => void
}

export interface RelayStart {
  client: Connection
  way: Way
  upstream: Connection
  /** What the client has sent already. */
  first: Buffer
  /** Something has come back already: no other pod can take over. */
  committed?: boolean
}

/** More than a request that a client sends before it waits. */
const KEPT_BYTES = 65_536

export function relay(start: RelayStart, parts: RelayParts): Promise<void> {
  return new Promise(resolve => new Relay(start, parts, resolve).start(start.upstream))
}

class Relay {
  readonly #client: Connection
  readonly #way: Way
  readonly #parts: RelayParts
  readonly #done: () => void
  /** Sent, while nothing has come back; undefined once it is too much, or answered. */
  #kept: Buffer[] | undefined = []
  #keptBytes = 0
  #answeredLast = false
  #again = false
  #joined: Joined | undefined

  constructor({ client, way, upstream, first, committed }: RelayStart, parts: RelayParts, done: () => void) {
    this.#client = client
    this.#way = way
    this.#parts = parts
    this.#done = done
    if (first.length > 0) upstream.write(first)
    if (committed === true) this.#kept = undefined
    else if (first.length > 0) this.#keep(first)
  }

  start(upstream: Connection): void {
    const { signal, lingering } = this.#parts
    const onAbort = (): void => this.#joined?.stop(asError(signal.reason))
    this.#again = false
    const joined = join(
      this.#client,
      upstream,
      {
        onBytes: (direction, chunk) => (direction === 'in' ? this.#answered() : this.#sent(chunk)),
        onEnd: direction => direction === 'out' && lingering.add(joined, { client: this.#client, upstream, answered: this.#answeredLast }),
        again: () => this.#mayTryAgain(upstream)
      },
      ({ error }) => {
        signal.removeEventListener('abort', onAbort)
        lingering.delete(joined)
        if (this.#again) void this.#next()
        else {
          if (error?.side === 'b') this.#parts.onFailure(error.cause)
          this.#done()
        }
      }
    )
    this.#joined = joined
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  }

  #answered(): void {
    this.#answeredLast = true
    this.#kept = undefined
  }

  #sent(chunk: Buffer): void {
    this.#answeredLast = false
    if (this.#kept !== undefined) this.#keep(Buffer.from(chunk)) // the chunk belongs to whoever read it
  }

  #keep(chunk: Buffer): void {
    this.#keptBytes += chunk.length
    if (this.#keptBytes > KEPT_BYTES) this.#kept = undefined
    else this.#kept?.push(chunk)
  }

  #mayTryAgain(upstream: Connection): boolean {
    const broken = upstream.errored
    this.#again = this.#kept !== undefined && broken !== null && (this.#keptBytes === 0 || isRefused(broken))
    return this.#again
  }

  async #next(): Promise<void> {
    try {
      const upstream = await this.#way.open(this.#parts.signal)
      for (const chunk of this.#kept ?? []) upstream.write(chunk)
      this.start(upstream)
    } catch (error) {
      this.#parts.onFailure(error)
      resetConnection(this.#client, asError(error))
      this.#done()
    }
  }
}

const QUIET_MS = 1_000
/** Under load a connection is let go of long before its second is over: each costs the pod's node a stream. */
const MOST_LINGERING = 32

/**
 * A client that has closed looks like one that only ended its sending, and a port-forward cannot pass on that end (`kube/forwarded-connection.ts`): the
 * connection stays open in the pod for a minute of silence. One whose client got bytes after the last that it sent has had its answer: it is let go
 * of after a moment of silence, or at once when many wait for that.
 */
export class Lingering {
  readonly #clock: Clock
  readonly #limit: number
  readonly #waiting = new Map<Joined, { timer: Timer; busy: () => boolean }>()

  constructor(clock: Clock, limit = MOST_LINGERING) {
    this.#clock = clock
    this.#limit = limit
  }

  get size(): number {
    return this.#waiting.size
  }

  add(joined: Joined, { client, upstream, answered }: { client: Connection; upstream: Connection; answered: boolean }): void {
    if (!answered || upstream.readableEnded) return
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size >= this.#limit && oldest !== undefined) this.#letGo(oldest)
    const busy = (): boolean => client.writableLength > 0 || upstream.readableLength > 0
    this.#watch(joined, busy)
    upstream.on('data', () => this.#waiting.has(joined) && this.#watch(joined, busy))
  }

  delete(joined: Joined): void {
    this.#waiting.get(joined)?.timer.cancel()
    this.#waiting.delete(joined)
  }

  #watch(joined: Joined, busy: () => boolean): void {
    this.delete(joined)
    const timer = this.#clock.after(QUIET_MS, () => this.#letGo(joined), { unref: true })
    this.#waiting.set(joined, { timer, busy })
  }

  #letGo(joined: Joined): void {
    const waiting = this.#waiting.get(joined)
    this.delete(joined)
    // A reader that takes its time is not silence.
    if (waiting?.busy() === true) this.#watch(joined, waiting.busy)
    else joined.complete()
  }
}
