/**
 * How two of ours recognise each other without a gost peer noticing: CMD flag 0x40 plus a magic in bytes 17–18 of the TunnelID offer,
 * the same magic in the ConnectorID answers. gost ignores both and leaves 00 00. Bytes: `k`, then the version as a digit (`6b31` = 1).
 */
import { findTunnelId } from './find.ts'
import type { Feature, RelayRequest, RelayResponse } from './message.ts'

export const CAPABILITY_FLAG = 0x40
/** The newest version we speak. */
export const CAPABILITY_VERSION = 1
const MAGIC = 0x6b00
const DIGIT = 0x30

const reservedFrom = (version: number): number => MAGIC | (DIGIT + version)

function versionFrom(reserved: number): number | undefined {
  const version = (reserved & 0xff) - DIGIT
  return (reserved & 0xff00) === MAGIC && version >= 1 && version <= 9 ? version : undefined
}

const mark = (features: readonly Feature[], version: number): Feature[] =>
  features.map(feature =>
    feature.type === 'tunnel' ? { type: 'tunnel', id: { ...feature.id, reserved: reservedFrom(version) } } : feature
  )

/** A copy of a BIND request that offers the version (1…9). */
export const offerCapability = (request: RelayRequest, version = CAPABILITY_VERSION): RelayRequest => ({
  ...request,
  flags: request.flags | CAPABILITY_FLAG,
  features: mark(request.features, version)
})

/** A copy of a BIND response that accepts the version. */
export const answerCapability = (response: RelayResponse, version = CAPABILITY_VERSION): RelayResponse => ({
  ...response,
  features: mark(response.features, version)
})

/** The version offered (request: flag and magic) or accepted (response: magic); undefined for a gost peer. */
export function readCapability(message: RelayRequest | RelayResponse): number | undefined {
  if ('flags' in message && (message.flags & CAPABILITY_FLAG) === 0) return undefined
  return versionFrom(findTunnelId(message)?.reserved ?? 0)
}
