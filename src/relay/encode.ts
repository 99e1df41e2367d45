/**
 * Relay messages → bytes. Big-endian; limits are checked, nothing is cut silently (gost cuts metadata, we refuse).
 *
 *   VER=1 | CMD+FLAGS or STATUS | FEALEN u16 | features: TYPE | LEN u16 | data
 *
 * Source: go-gost/relay relay.go (WriteTo), feature.go (Encode). An unknown address type is never written: hosts are IP literals or domains.
 */
import { ProtocolError } from '../base/errors.ts'
import { bytesFromIp } from './ip.ts'
import type { Feature, RelayRequest, RelayResponse, TunnelId } from './message.ts'
import { bytesFromUuid } from './uuid.ts'

export const RELAY_VERSION = 0x01
export const FEATURE = { AUTH: 0x01, ADDR: 0x02, TUNNEL: 0x03, NETWORK: 0x04, METADATA: 0x05 } as const
export const ADDRESS = { IPV4: 0x01, DOMAIN: 0x03, IPV6: 0x04 } as const
export const MAX_METADATA_ENTRIES = 20

/** Throws ProtocolError `RELAY_TOO_LONG` or `RELAY_INVALID` when the message cannot be written. */
export const encodeRequest = (request: RelayRequest): Buffer =>
  encodeMessage((request.flags & 0xf0) | (request.command & 0x0f), request.features)

/** Throws like `encodeRequest`. */
export const encodeResponse = (response: RelayResponse): Buffer => encodeMessage(byte(response.status, 'status'), response.features)

/** One feature with its type and length. */
export function encodeFeature(feature: Feature): Buffer {
  const { code, data } = encodeData(feature)
  if (data.length > 0xffff) throw tooLong('feature', data.length, 0xffff)
  const head = Buffer.allocUnsafe(3)
  head[0] = code
  head.writeUInt16BE(data.length, 1)
  return Buffer.concat([head, data])
}

/** The 20 bytes of a TunnelID or ConnectorID. */
export function encodeTunnelId(id: TunnelId): Buffer {
  const uuid = bytesFromUuid(id.uuid)
  if (uuid === undefined) throw new ProtocolError('RELAY_INVALID', 'the tunnel id is not a UUID')
  const bytes = Buffer.alloc(20)
  uuid.copy(bytes)
  bytes[16] = byte(id.flag, 'tunnel flag')
  bytes.writeUInt16BE(word(id.reserved, 'reserved tunnel bytes'), 17)
  bytes[19] = byte(id.weight, 'weight')
  return bytes
}

function encodeMessage(second: number, features: readonly Feature[]): Buffer {
  const parts = features.map(encodeFeature)
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  if (length > 0xffff) throw tooLong('feature list', length, 0xffff)
  const head = Buffer.allocUnsafe(4)
  head[0] = RELAY_VERSION
  head[1] = second
  head.writeUInt16BE(length, 2)
  return Buffer.concat([head, ...parts], 4 + length)
}

function encodeData(feature: Feature): { code: number; data: Buffer } {
  switch (feature.type) {
    case 'auth':
      return { code: FEATURE.AUTH, data: Buffer.concat([short(feature.user, 'user name'), short(feature.password, 'password')]) }
    case 'addr':
      return { code: FEATURE.ADDR, data: encodeAddress(feature.host, feature.port) }
    case 'tunnel':
      return { code: FEATURE.TUNNEL, data: encodeTunnelId(feature.id) }
    case 'network': {
      const data = Buffer.allocUnsafe(2)
      data.writeUInt16BE(word(feature.network, 'network'))
      return { code: FEATURE.NETWORK, data }
    }
    case 'metadata':
      return { code: FEATURE.METADATA, data: encodeMetadata(feature.entries) }
    case 'opaque':
    default:
      return { code: byte(feature.code, 'feature type'), data: feature.bytes }
  }
}

function encodeAddress(host: string, port: number): Buffer {
  const tail = Buffer.allocUnsafe(2)
  tail.writeUInt16BE(word(port, 'port'))
  const ip = bytesFromIp(host)
  if (ip === undefined) return Buffer.concat([Buffer.of(ADDRESS.DOMAIN), short(host, 'host name'), tail])
  return Buffer.concat([Buffer.of(ip.length === 4 ? ADDRESS.IPV4 : ADDRESS.IPV6), ip, tail])
}

function encodeMetadata(entries: ReadonlyArray<readonly [string, string]>): Buffer {
  if (entries.length > MAX_METADATA_ENTRIES) throw tooLong('metadata list', entries.length, MAX_METADATA_ENTRIES)
  const count = Buffer.allocUnsafe(2)
  count.writeUInt16BE(entries.length)
  const parts = [count]
  for (const [key, value] of entries) {
    for (const text of [key, value]) {
      const bytes = Buffer.from(text)
      if (bytes.length > 0xff) throw tooLong('metadata text', bytes.length, 0xff)
      const length = Buffer.allocUnsafe(2)
      length.writeUInt16BE(bytes.length)
      parts.push(length, bytes)
    }
  }
  return Buffer.concat(parts)
}

/** One length byte and the text. The text itself never reaches the error: it may be a password. */
function short(text: string, what: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length > 0xff) throw tooLong(what, bytes.length, 0xff)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

const byte = (value: number, what: string): number => within(value, 0xff, what)
const word = (value: number, what: string): number => within(value, 0xffff, what)

function within(value: number, max: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new ProtocolError('RELAY_INVALID', `${what} ${value} is not within 0…${max}`)
  return value
}

const tooLong = (what: string, length: number, max: number): ProtocolError =>
  new ProtocolError('RELAY_TOO_LONG', `the ${what} is too long: ${length}, at most ${max}`)
