/** Tunnel ids as text. Accepts what google/uuid's Parse accepts, because gost's arguments go through it; the canonical form is lower case, dashed. */

const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BARE = /^[0-9a-f]{32}$/

/** The canonical form of a UUID written in 36 characters, as `urn:uuid:…`, `{…}` or 32 hex digits; undefined for anything else. */
export function parseUuid(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (lower.length === 32) return BARE.test(lower) ? dash(lower) : undefined
  if (lower.length === 45 && lower.startsWith('urn:uuid:')) return dashed(lower.slice(9))
  // Go looks at the length only: whatever stands around the 36 characters is dropped.
  if (lower.length === 38) return dashed(lower.slice(1, 37))
  return dashed(lower)
}

const dashed = (text: string): string | undefined => (DASHED.test(text) ? text : undefined)

const dash = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`

/** The canonical form of 16 bytes at `at`. */
export const uuidFromBytes = (bytes: Buffer, at = 0): string => dash(bytes.toString('hex', at, at + 16))

/** The 16 bytes of a canonical UUID, or undefined when it is none. */
export function bytesFromUuid(uuid: string): Buffer | undefined {
  const canonical = parseUuid(uuid)
  return canonical === undefined ? undefined : Buffer.from(canonical.replaceAll('-', ''), 'hex')
}
