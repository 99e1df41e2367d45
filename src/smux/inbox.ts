/**
 * What a stream has received and its reader has not taken. Slices of network chunks are kept as they are while they are large; small ones that
 * have to wait are copied together, because a few bytes would otherwise keep a 64 KiB chunk alive, and a million tiny frames a million objects.
 */

const BLOCK_BYTES = 4_096
/** A waiting slice smaller than this part of its chunk is copied out of it. */
const RETAIN_PART = 8

export class Inbox {
  readonly #chunks: Buffer[] = []
  #head = 0
  #bytes = 0
  /** The block behind the last chunk, when that is one of ours with room left. */
  #block: Buffer | undefined
  #blockUsed = 0

  get bytes(): number {
    return this.#bytes
  }

  push(slice: Buffer): void {
    this.#bytes += slice.length
    if (this.#head === this.#chunks.length) {
      this.#chunks.length = 0
      this.#chunks.push(slice)
      this.#head = 0
      this.#block = undefined
    } else if (slice.length < BLOCK_BYTES / 2) this.#append(slice)
    else {
      this.#chunks.push(isSmallPart(slice) ? Buffer.from(slice) : slice)
      this.#block = undefined
    }
  }

  /** Puts a chunk back in front. */
  unshift(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#head > 0) this.#head -= 1
    else this.#chunks.unshift(EMPTY)
    this.#chunks[this.#head] = chunk
  }

  /** Removes the first chunk. `detached` when it is going to wait in somebody's buffer. */
  shift(detached: boolean): Buffer | undefined {
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined) return undefined
    this.#chunks[this.#head] = EMPTY
    this.#head += 1
    this.#bytes -= chunk.length
    if (this.#head === this.#chunks.length) this.clear()
    return detached && isSmallPart(chunk) ? Buffer.from(chunk) : chunk
  }

  /** Called when what is left has to wait: lets go of a large chunk held by a small slice. */
  settle(): void {
    const first = this.#chunks[this.#head]
    if (first !== undefined && isSmallPart(first) && this.#block === undefined) this.#chunks[this.#head] = Buffer.from(first)
  }

  clear(): void {
    this.#chunks.length = 0
    this.#head = 0
    this.#bytes = 0
    this.#block = undefined
  }

  #append(slice: Buffer): void {
    if (this.#block === undefined || this.#blockUsed + slice.length > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
      this.#blockUsed = 0
      this.#chunks.push(EMPTY)
    }
    slice.copy(this.#block, this.#blockUsed)
    this.#blockUsed += slice.length
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#blockUsed)
  }
}

const EMPTY = Buffer.alloc(0)

const isSmallPart = (slice: Buffer): boolean => slice.length * RETAIN_PART < slice.buffer.byteLength
