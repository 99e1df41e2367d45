/** The beginning of a body, copied up to a cap into one buffer, however small the pieces are; the rest is only counted. */
import type { KeptBody } from './kept.ts'
import type { Slab } from './slab.ts'

const EMPTY = Buffer.alloc(0)

export class BodyKeeper implements KeptBody {
  readonly #slab: Slab
  #capBytes: number
  #buffer: Buffer = EMPTY
  #kept = 0
  size = 0
  /** What came is not all there was. */
  cut = false

  constructor(capBytes: number, slab: Slab) {
    this.#capBytes = capBytes
    this.#slab = slab
  }

  get bytes(): Buffer {
    return this.#kept === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, this.#kept)
  }

  get truncated(): boolean {
    return this.cut || this.size > this.#kept
  }

  /** Takes a copy of what still fits; returns how much more memory that takes. */
  push(chunk: Buffer): number {
    this.size += chunk.length
    const taken = Math.min(chunk.length, this.#capBytes - this.#kept)
    if (taken <= 0) return 0
    const grown = this.#grow(this.#kept + taken)
    chunk.copy(this.#buffer, this.#kept, 0, taken)
    this.#kept += taken
    return grown
  }

  /** Forgets the bytes and takes no more of them. */
  release(): void {
    this.#buffer = EMPTY
    this.#kept = 0
    this.#capBytes = 0
  }

  /** A body in one piece fits exactly; one in many pieces is moved a few times at most. */
  #grow(needed: number): number {
    const before = this.#buffer
    if (needed <= before.length) return 0
    const length = before.length === 0 ? needed : Math.min(this.#capBytes, Math.max(needed, before.length * 2))
    this.#buffer = this.#slab.take(length)
    before.copy(this.#buffer, 0, 0, this.#kept)
    return length - before.length
  }
}

export const NO_BODY: KeptBody = { bytes: EMPTY, size: 0, truncated: false }
