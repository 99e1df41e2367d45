/**
 * Who asked, told to the app: X-Forwarded-For, -Proto, -Host, -Port, X-Real-Ip and Forwarded (RFC 7239). What the peer says of that itself is believed,
 * kept and added to when it is a proxy that is trusted; else it is replaced. Pure.
 */
import type { Endpoint } from '../base/connection.ts'
import { header } from '../http/header.ts'
import type { RequestHead } from '../http/message.ts'
import type { Networks } from '../transport/networks.ts'
import { portOf } from './routes.ts'

export type Fields = RequestHead['headers']

/** From whom a request came, and what for. */
export interface Hop {
  source: Endpoint
  /** As the visitor named it, maybe with a port. */
  host: string
  /** By TLS. */
  secure: boolean
}

/** The fields with those that tell who asked. */
export type Forwarding = (fields: Fields, hop: Hop) => Fields

const NAMES = new Set(['forwarded', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-real-ip'])
/** Apps behind CGI read `X_Forwarded_For` as if it had dashes. */
const isForwarding = (name: string): boolean => NAMES.has(name.toLowerCase().replaceAll('_', '-'))
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

export const forwarding =
  (trusted: Networks): Forwarding =>
  (fields, hop) => {
    const known = trusted.has(hop.source.host) ? (name: string) => header({ headers: fields }, name) : () => undefined
    const address = hop.source.host.replace(/^::ffff:(?=\d+\.)/i, '')
    const proto = hop.secure ? 'https' : 'http'
    const appended = (name: string, value: string): string => {
      const before = known(name)
      return before === undefined || before === '' ? value : `${before}, ${value}`
    }
    return [
      ...fields.filter(([name]) => !isForwarding(name)),
      ['X-Forwarded-For', appended('x-forwarded-for', address)],
      ['X-Forwarded-Proto', known('x-forwarded-proto') ?? proto],
      ['X-Forwarded-Host', known('x-forwarded-host') ?? hop.host],
      ['X-Forwarded-Port', known('x-forwarded-port') ?? String(portOf(hop.host, hop.secure ? 443 : 80))],
      ['X-Real-Ip', known('x-real-ip') ?? address],
      ['Forwarded', appended('forwarded', element(address, hop.host, proto))]
    ]
  }

/** One element of Forwarded (RFC 7239 §4). */
function element(address: string, host: string, proto: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address
  return `for=${node};host=${TOKEN.test(host) ? host : `"${host}"`};proto=${proto}`
}
