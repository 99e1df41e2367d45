/** The beginning of a body, copied up to a cap; the rest is only counted. */
import type { KeptBody } from './kept.ts'
import { joined, type Piece, type Slabs } from './slabs.ts'

export class BodyKeeper implements KeptBody {
  readonly #capBytes: number
  readonly #slabs: Slabs
  #pieces: Piece[] = []
  #kept = 0
  size = 0

  constructor(capBytes: number, slabs: Slabs) {
    this.#capBytes = capBytes
    this.#slabs = slabs
  }

  /** A copy for whoever asks. */
  get bytes(): Buffer {
    return joined(this.#pieces)
  }

  get truncated(): boolean {
    return this.size > this.#kept
  }

  /** Takes a copy of what still fits; returns how many bytes that were. */
  push(chunk: Buffer): number {
    this.size += chunk.length
    const length = Math.min(chunk.length, this.#capBytes - this.#kept)
    if (length <= 0) return 0
    this.#pieces.push(...this.#slabs.keep(length === chunk.length ? chunk : chunk.subarray(0, length)))
    this.#kept += length
    return length
  }

  /** It is forgotten: nothing is left of it but its size. */
  release(): void {
    this.#slabs.release(this.#pieces)
    this.#pieces = []
    this.#kept = 0
  }
}

export const NO_BODY: KeptBody = { bytes: Buffer.alloc(0), size: 0, truncated: false }
