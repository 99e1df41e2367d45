/** Bytes of a feature list → features. As lenient as gost: unknown types are kept, bytes behind a feature's own data are ignored. */
import { ProtocolError } from '../base/errors.ts'
import { ADDRESS, FEATURE, MAX_METADATA_ENTRIES } from './encode.ts'
import { ipFromBytes } from './ip.ts'
import { type Feature, STATUS, type TunnelId } from './message.ts'
import { uuidFromBytes } from './uuid.ts'

/** Real messages carry at most six; the bound keeps 64 KiB of empty features from becoming 21,845 objects. */
export const MAX_FEATURES = 64

/** Throws ProtocolError `RELAY_FEATURE…`, `RELAY_ADDRESS_TYPE`; its `wire` is BadRequest. */
export function decodeFeatures(bytes: Buffer): Feature[] {
  const features: Feature[] = []
  for (let at = 0; at < bytes.length; ) {
    if (features.length === MAX_FEATURES) throw bad('RELAY_FEATURE_COUNT', `more than ${MAX_FEATURES} features`)
    if (bytes.length - at < 3) throw bad('RELAY_FEATURE_LENGTH', 'the feature list ends inside a feature header')
    const code = bytes.readUInt8(at)
    const length = bytes.readUInt16BE(at + 1)
    at += 3
    if (length > bytes.length - at) throw bad('RELAY_FEATURE_LENGTH', `a feature of ${length} bytes runs past the feature list`)
    features.push(decodeFeature(code, bytes.subarray(at, at + length)))
    at += length
  }
  return features
}

function decodeFeature(code: number, data: Buffer): Feature {
  switch (code) {
    case FEATURE.AUTH:
      return decodeAuth(data)
    case FEATURE.ADDR:
      return decodeAddress(data)
    case FEATURE.TUNNEL:
      return { type: 'tunnel', id: decodeTunnelId(data) }
    case FEATURE.NETWORK:
      need(data, 2, 'network')
      return { type: 'network', network: data.readUInt16BE(0) }
    case FEATURE.METADATA:
      return { type: 'metadata', entries: decodeMetadata(data) }
    default:
      // Copied, because the message must not keep the network's chunk alive.
      return { type: 'opaque', code, bytes: Buffer.from(data) }
  }
}

function decodeAuth(data: Buffer): Feature {
  need(data, 2, 'credentials')
  const userEnd = 1 + data.readUInt8(0)
  need(data, userEnd + 1, 'credentials')
  const passwordEnd = userEnd + 1 + data.readUInt8(userEnd)
  need(data, passwordEnd, 'credentials')
  return { type: 'auth', user: data.toString('utf8', 1, userEnd), password: data.toString('utf8', userEnd + 1, passwordEnd) }
}

function decodeAddress(data: Buffer): Feature {
  need(data, 4, 'address')
  const type = data.readUInt8(0)
  if (type === ADDRESS.DOMAIN) {
    const end = 2 + data.readUInt8(1)
    need(data, end + 2, 'address')
    return { type: 'addr', host: data.toString('utf8', 2, end), port: data.readUInt16BE(end) }
  }
  if (type !== ADDRESS.IPV4 && type !== ADDRESS.IPV6) throw bad('RELAY_ADDRESS_TYPE', `address type ${type} is unknown`)
  const end = 1 + (type === ADDRESS.IPV4 ? 4 : 16)
  need(data, end + 2, 'address')
  return { type: 'addr', host: ipFromBytes(data.subarray(1, end)), port: data.readUInt16BE(end) }
}

/** 20 bytes, or at least 16 as gost rc10 sends it: what is missing is zero. */
export function decodeTunnelId(data: Buffer): TunnelId {
  need(data, 16, 'tunnel')
  const whole = data.length >= 20
  return {
    uuid: uuidFromBytes(data),
    flag: whole ? data.readUInt8(16) : 0,
    reserved: whole ? data.readUInt16BE(17) : 0,
    weight: whole ? data.readUInt8(19) : 0
  }
}

/** More than 20 entries are clamped to the first 20, as gost does. */
function decodeMetadata(data: Buffer): Array<readonly [string, string]> {
  need(data, 2, 'metadata')
  const count = Math.min(data.readUInt16BE(0), MAX_METADATA_ENTRIES)
  const entries: Array<readonly [string, string]> = []
  let at = 2
  const text = (): string => {
    need(data, at + 2, 'metadata')
    const end = at + 2 + data.readUInt16BE(at)
    need(data, end, 'metadata')
    const value = data.toString('utf8', at + 2, end)
    at = end
    return value
  }
  while (entries.length < count) entries.push([text(), text()])
  return entries
}

function need(data: Buffer, length: number, what: string): void {
  if (data.length < length) throw bad('RELAY_FEATURE_LENGTH', `the ${what} feature is too short: ${data.length} bytes`)
}

const bad = (code: string, message: string): ProtocolError => new ProtocolError(code, message, { wire: STATUS.BAD_REQUEST })
