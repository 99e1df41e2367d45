/** A queue of buffers read by length, without copying more than what crosses a boundary. */

export class ByteQueue {
  #chunks: Buffer[] = []
  #head = 0
  #offset = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** Puts bytes back in front. */
  unshift(chunk: Buffer): void {
    if (chunk.length === 0) return
    if (this.#offset > 0) {
      this.#chunks[this.#head] = this.#first().subarray(this.#offset)
      this.#offset = 0
    }
    this.#chunks.splice(0, this.#head, chunk)
    this.#head = 0
    this.#length += chunk.length
  }

  /** The first `n` bytes, removed. One chunk when they lie in one, else a copy. */
  take(n: number): Buffer {
    if (n > this.#length) throw new RangeError(`take(${n}) of ${this.#length} bytes`)
    if (n === 0) return Buffer.alloc(0)
    const first = this.#first()
    if (first.length - this.#offset >= n) return this.#slice(n)
    const out = Buffer.allocUnsafe(n)
    for (let filled = 0; filled < n; ) {
      const part = this.#slice(Math.min(n - filled, this.#first().length - this.#offset))
      part.copy(out, filled)
      filled += part.length
    }
    return out
  }

  /** At most `n` bytes, removed, never copied: the rest of the first chunk, cut to `n`. */
  takeSome(n: number): Buffer {
    if (this.#length === 0 || n === 0) return Buffer.alloc(0)
    return this.#slice(Math.min(n, this.#first().length - this.#offset))
  }

  /** The first `n` bytes (or all), left in place; a copy when they span chunks. */
  peek(n: number): Buffer {
    const want = Math.min(n, this.#length)
    if (want === 0) return Buffer.alloc(0)
    const first = this.#first()
    if (first.length - this.#offset >= want) return first.subarray(this.#offset, this.#offset + want)
    const bytes = this.take(want)
    this.unshift(bytes)
    return bytes
  }

  clear(): void {
    this.#chunks.length = 0
    this.#head = 0
    this.#offset = 0
    this.#length = 0
  }

  #first(): Buffer {
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined) throw new RangeError('empty queue')
    return chunk
  }

  #slice(n: number): Buffer {
    const first = this.#first()
    const out = first.subarray(this.#offset, this.#offset + n)
    this.#offset += n
    this.#length -= n
    if (this.#offset === first.length) {
      this.#offset = 0
      this.#head += 1
      // A long-lived queue holds no spent chunks: at once when it is empty, else rarely.
      if (this.#length === 0) this.clear()
      else if (this.#head > 64) {
        this.#chunks.splice(0, this.#head)
        this.#head = 0
      }
    }
    return out
  }
}
