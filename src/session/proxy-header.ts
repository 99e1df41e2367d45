/** The PROXY header that gost writes before a visitor's bytes (PROXY protocol spec §2.1, §2.2): the visitor as source, an unknown destination. */
import type { Endpoint } from '../base/connection.ts'
import { bytesFromIp } from '../relay/ip.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

export function proxyHeader(version: 1 | 2, source: Endpoint): Buffer {
  const address = bytesFromIp(source.host)
  const six = address?.length === 16
  if (version === 1) {
    const text = address !== undefined ? `TCP${six ? '6' : '4'} ${source.host} ${six ? '::' : '0.0.0.0'} ${source.port} 0` : 'UNKNOWN'
    return Buffer.from(`PROXY ${text}\r\n`)
  }
  if (address === undefined) return Buffer.concat([SIGNATURE, Buffer.of(0x20, 0x00, 0, 0)])
  const body = Buffer.concat([address, Buffer.alloc(address.length), Buffer.of(source.port >> 8, source.port & 0xff, 0, 0)])
  return Buffer.concat([SIGNATURE, Buffer.of(0x21, six ? 0x21 : 0x11, 0, body.length), body])
}
