/** What a method promises (RFC 9110 §9.2). */

/** Ask and change nothing (§9.2.1), without TRACE, which nobody should send again. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Twice is the same as once (§9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([...SAFE, 'TRACE', 'PUT', 'DELETE'])

export const isSafeMethod = (method: string): boolean => SAFE.has(method)

export const isIdempotentMethod = (method: string): boolean => IDEMPOTENT.has(method)
