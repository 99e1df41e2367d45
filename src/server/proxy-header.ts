/**
 * The PROXY protocol header that a load balancer in front of the entrypoint sends (haproxy proxy-protocol.txt v1 and v2; gost:
 * `entrypoint.ProxyProtocol`): where the visitor really comes from. Pure.
 */
import type { Endpoint } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { bytesFromIp, ipFromBytes } from '../relay/ip.ts'

export interface ProxyHeader {
  /** Undefined: the balancer speaks for itself (health checks), or does not tell. */
  source: Endpoint | undefined
  /** Bytes of the header. */
  length: number
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const V1_PREFIX = Buffer.from('PROXY ', 'latin1')
const V1_LIMIT = 107
/** Addresses and a few TLVs; the protocol allows 64 KiB. */
const V2_LIMIT = 4_096

/** Undefined: more bytes are needed. Throws ProtocolError when the bytes begin with no header: nobody else may connect there. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < 16 ? undefined : readBinary(bytes)
  if (startsLike(bytes, V1_PREFIX)) return readText(bytes)
  throw new ProtocolError('PROXY_HEADER', 'no PROXY header where one must be')
}

const startsLike = (bytes: Buffer, prefix: Buffer): boolean => {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.subarray(0, length).equals(prefix.subarray(0, length))
}

function readText(bytes: Buffer): ProxyHeader | undefined {
  const end = bytes.subarray(0, V1_LIMIT).indexOf('\r\n')
  if (end < 0) {
    if (bytes.length >= V1_LIMIT) throw new ProtocolError('PROXY_HEADER', 'PROXY header too long')
    return undefined
  }
  const [, family, source = '', , port = ''] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { source: undefined, length }
  if ((family !== 'TCP4' && family !== 'TCP6') || bytesFromIp(source) === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new ProtocolError('PROXY_HEADER', 'malformed PROXY header')
  }
  return { source: { host: source, port: Number(port) }, length }
}

/** signature(12) version+command(1) family(1) length(2) addresses TLVs */
function readBinary(bytes: Buffer): ProxyHeader | undefined {
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13) >> 4
  const rest = bytes.readUInt16BE(14)
  if (command >> 4 !== 2 || rest > V2_LIMIT) throw new ProtocolError('PROXY_HEADER', 'malformed PROXY header')
  const length = 16 + rest
  if (bytes.length < length) return undefined
  const size = family === 1 ? 4 : family === 2 ? 16 : 0
  // LOCAL, and families that are no IP: the connection speaks for itself.
  if ((command & 0x0f) === 0 || size === 0) return { source: undefined, length }
  if (rest < 2 * size + 4) throw new ProtocolError('PROXY_HEADER', 'malformed PROXY header')
  return { source: { host: ipFromBytes(bytes.subarray(16, 16 + size)), port: bytes.readUInt16BE(16 + 2 * size) }, length }
}
