/** The first bytes of HTTP/2 with prior knowledge (RFC 9113 §3.4). The method PRI is reserved, so its four bytes are enough to tell. Pure. */

const START = Buffer.from('PRI ')

/** Undefined: more bytes are needed. */
export function isPreface(bytes: Buffer): boolean | undefined {
  const length = Math.min(bytes.length, START.length)
  if (!bytes.subarray(0, length).equals(START.subarray(0, length))) return false
  return length === START.length ? true : undefined
}

/** Whether a connection can begin so at all. */
export const mayBePreface = (first: number): boolean => first === START[0]
