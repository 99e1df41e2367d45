/**
 * Memory for small pieces that are forgotten in about the order in which they came: cut from pages, so that each costs no allocation of its own.
 * Not from Node's pool, whose pages also serve others: 12 bytes that are kept would keep 64 KiB of it.
 */
const PAGE_BYTES = 65_536
/** A larger piece would waste too much of a page's end. */
const LARGEST_BYTES = PAGE_BYTES / 8

export class Slab {
  #page: Buffer = Buffer.alloc(0)
  #at = 0

  copy(bytes: Buffer): Buffer {
    const copied = this.take(bytes.length)
    bytes.copy(copied)
    return copied
  }

  take(length: number): Buffer {
    if (length > LARGEST_BYTES) return Buffer.allocUnsafeSlow(length)
    if (length > this.#page.length - this.#at) {
      this.#page = Buffer.allocUnsafeSlow(PAGE_BYTES)
      this.#at = 0
    }
    const from = this.#at
    this.#at += length
    return this.#page.subarray(from, this.#at)
  }
}
