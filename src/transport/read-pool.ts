/**
 * Memory that sockets read into, used again once somebody says that a chunk is done with. Bulk data otherwise costs 64 KiB of fresh memory per
 * read, and V8 collects the whole heap for every few MiB of it. A chunk that is never given back is garbage like any other.
 */

const CHUNK_BYTES = 65_536
/** Less is copied out, and its memory is read into again. */
const COPIED_BYTES = 16_384
const KEPT_CHUNKS = 32

const free: Buffer[] = []
/** Given out, and not yet given back. */
const lent = new WeakMap<Buffer, Buffer>()

/** What `net` wants as `onread`, for one socket: `push` gets what was read and says whether to go on. */
export class PooledReads {
  #memory = take()
  #used = false

  /** The memory for the next read. */
  readonly buffer = (): Buffer => {
    if (this.#used) this.#memory = take()
    this.#used = false
    return this.#memory
  }

  /** What was read, as a chunk of its own. */
  chunk(bytes: number): Buffer {
    const part = this.#memory.subarray(0, bytes)
    if (bytes < COPIED_BYTES) return Buffer.from(part)
    this.#used = true
    lent.set(part, this.#memory)
    return part
  }

  /** The socket is closed. */
  end(): void {
    if (!this.#used) keep(this.#memory)
    this.#used = true
  }
}

/** Takes a chunk back: nobody may hold it, or a slice of it, any more. Others than those of the pool are none of its business. */
export function giveBack(chunk: Buffer): void {
  const memory = lent.get(chunk)
  if (memory === undefined) return
  lent.delete(chunk)
  keep(memory)
}

const take = (): Buffer => free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)

function keep(memory: Buffer): void {
  if (free.length < KEPT_CHUNKS) free.push(memory)
}
