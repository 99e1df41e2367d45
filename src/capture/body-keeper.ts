/** The beginning of a body, copied up to a cap; the rest is only counted. */
import type { KeptBody } from './kept.ts'

const EMPTY = Buffer.alloc(0)

export class BodyKeeper implements KeptBody {
  readonly #capBytes: number
  #chunks: Buffer[] = []
  #kept = 0
  size = 0

  constructor(capBytes: number) {
    this.#capBytes = capBytes
  }

  get bytes(): Buffer {
    const [first = EMPTY] = this.#chunks
    if (this.#chunks.length < 2) return first
    const joined = Buffer.concat(this.#chunks, this.#kept)
    this.#chunks = [joined]
    return joined
  }

  get truncated(): boolean {
    return this.size > this.#kept
  }

  /** Takes a copy of what still fits; returns how many bytes that were. */
  push(chunk: Buffer): number {
    this.size += chunk.length
    const room = this.#capBytes - this.#kept
    if (room <= 0 || chunk.length === 0) return 0
    const copy = Buffer.from(chunk.length <= room ? chunk : chunk.subarray(0, room))
    this.#chunks.push(copy)
    this.#kept += copy.length
    return copy.length
  }
}

export const NO_BODY: KeptBody = { bytes: EMPTY, size: 0, truncated: false }
