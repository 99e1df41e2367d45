/** Methods that ask and change nothing (RFC 9110 §9.2.1), without TRACE, which nobody should send again. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export const isSafeMethod = (method: string): boolean => SAFE.has(method)
