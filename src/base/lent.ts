/**
 * Memory lent to whoever reads: bytes travel up as slices of it, each owner gives back what it is done with, and when all came back the memory
 * is used again. What is never given back is garbage like any other; nobody may give back the same bytes twice, or still hold them.
 */

/** Lent bytes in pieces smaller than this are copied instead: small things live long, and each holds all of its memory. */
export const LENT_BYTES = 16_384

interface Lease {
  /** Bytes that are still out. */
  left: number
  readonly back: (memory: Buffer) => void
  readonly memory: Buffer
}

const leases = new WeakMap<ArrayBufferLike, Lease>()

/** Memory with a buffer of its own, not a slice of one; `back` is called each time that all lent bytes have come back. */
export function lendable(bytes: number, back: (memory: Buffer) => void): Buffer {
  const memory = Buffer.allocUnsafeSlow(bytes)
  leases.set(memory.buffer, { left: 0, back, memory })
  return memory
}

/** Hands out a slice of lendable memory, of which nothing is out. */
export function lend(slice: Buffer): void {
  const lease = leases.get(slice.buffer)
  if (lease !== undefined) lease.left = slice.length
}

/** Whether the bytes are a slice of memory that waits for them. */
export const isLent = (bytes: Buffer): boolean => (leases.get(bytes.buffer)?.left ?? 0) > 0

/** Gives back these bytes, or only so many of them. Bytes that were not lent are none of its business. */
export function giveBack(bytes: Buffer, count = bytes.length): void {
  const lease = leases.get(bytes.buffer)
  if (lease === undefined || lease.left === 0 || count === 0) return
  lease.left = Math.max(0, lease.left - count)
  if (lease.left === 0) lease.back(lease.memory)
}
