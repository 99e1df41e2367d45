/**
 * Memory that sockets read into, used again once all of what was read into it is done with (base/lent.ts). Bulk data otherwise costs 64 KiB of
 * fresh memory per read, and V8 collects the whole heap for every few MiB of it.
 */
import { lend, lendable, LENT_BYTES } from '../base/lent.ts'

const CHUNK_BYTES = 65_536
const KEPT_CHUNKS = 32

const free: Buffer[] = []

/**
 * All sockets of small messages read into this: a read is told in the same turn in which it happened, and copied out. Memory of its own for each
 * of a thousand sockets that say a few hundred bytes would be most of what they cost.
 */
let shared: Buffer | undefined

/** What `net` wants as `onread`, for one socket: `push` gets what was read and says whether to go on. */
export class PooledReads {
  #memory = (shared ??= Buffer.allocUnsafeSlow(CHUNK_BYTES))
  #isBulk = false
  #used = false

  /** The memory for the next read. */
  readonly buffer = (): Buffer => {
    if (this.#used || (this.#isBulk && this.#memory === shared)) this.#memory = take()
    this.#used = false
    return this.#memory
  }

  /** What was read, as a chunk of its own: lent, or copied when it is small, and its memory is read into again. */
  chunk(bytes: number): Buffer {
    const part = this.#memory.subarray(0, bytes)
    if (bytes < LENT_BYTES) return Buffer.from(part)
    this.#isBulk = true
    if (this.#memory === shared) return Buffer.from(part)
    this.#used = true
    lend(part)
    return part
  }

  /** The socket is closed. */
  end(): void {
    if (!this.#used && this.#memory !== shared) keep(this.#memory)
    this.#used = true
  }
}

const take = (): Buffer => free.pop() ?? lendable(CHUNK_BYTES, keep)

function keep(memory: Buffer): void {
  if (free.length < KEPT_CHUNKS) free.push(memory)
}
