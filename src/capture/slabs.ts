/**
 * Memory for what is remembered, used again: exchanges are forgotten in about the order in which they came, so whole slabs come free. Left to the
 * collector, the same bytes would take several times their size at a high rate.
 */

const SLAB_BYTES = 262_144
/** Slabs kept for the next bodies, beyond which they are left to the collector. */
const MAX_FREE = 32

export interface Piece {
  readonly slab: Slab
  readonly from: number
  readonly to: number
}

interface Slab {
  readonly bytes: Buffer
  used: number
  /** Pieces that are still of use. */
  live: number
}

export class Slabs {
  #current: Slab | undefined
  readonly #free: Slab[] = []

  /** Copies `bytes` in, in as few pieces as fit. */
  keep(bytes: Buffer): Piece[] {
    const pieces: Piece[] = []
    for (let at = 0; at < bytes.length; ) {
      const slab = this.#room()
      const length = Math.min(bytes.length - at, SLAB_BYTES - slab.used)
      bytes.copy(slab.bytes, slab.used, at, at + length)
      pieces.push({ slab, from: slab.used, to: slab.used + length })
      slab.used += length
      slab.live += 1
      at += length
    }
    return pieces
  }

  /** Nobody looks at them any more. */
  release(pieces: readonly Piece[]): void {
    for (const { slab } of pieces) {
      slab.live -= 1
      if (slab.live > 0) continue
      slab.used = 0
      if (slab !== this.#current && this.#free.length < MAX_FREE) this.#free.push(slab)
    }
  }

  #room(): Slab {
    if (this.#current !== undefined && this.#current.used < SLAB_BYTES) return this.#current
    this.#current = this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), used: 0, live: 0 }
    return this.#current
  }
}

/** A copy, so that it outlives the slabs. */
export function joined(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map(({ slab, from, to }) => slab.bytes.subarray(from, to)))
}
