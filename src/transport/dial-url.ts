/** `http://localhost:8080`, `https://…` → a dial to it. */
import type { Dial } from '../base/connection.ts'
import { dialTcp } from './tcp.ts'
import { dialTls } from './tls.ts'

export function dialUrl(url: URL): { dial: Dial; address: string } {
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port)
  const tcp = dialTcp({ host, port })
  return { dial: isTls ? dialTls(tcp, { serverName: host, verify: true }) : tcp, address: url.host }
}
