/** What `--check` says of a server and a sidecar that could start as they are. Ids are shortened: they are bearer secrets. */
import { formatEndpoint } from '../base/connection.ts'
import { printable } from '../base/format.ts'
import { maskUuids } from '../base/log.ts'
import type { ServerFact, SidecarFact } from '../discovery/types.ts'
import type { serverOptionsFrom } from '../server/from-argv.ts'
import type { UdpEntrypointOptions } from '../server/udp-entrypoint.ts'
import type { SidecarOptions } from '../server/sidecar.ts'

const lines = (rows: readonly string[]): string => rows.map(row => `${printable(maskUuids(row), 1_000)}\n`).join('')
const onPort = ({ host, port }: { host: string; port: number }): string => (host === '' ? `port ${port}` : formatEndpoint({ host, port }))

export function describeServer(
  fact: ServerFact,
  { tunnel, entrypoints, rules, credentials }: ReturnType<typeof serverOptionsFrom>,
  udp: readonly UdpEntrypointOptions[] = []
): string {
  return lines([
    `tunnel server on ${onPort(tunnel)}, ${fact.carrier}, path ${fact.path}`,
    ...(entrypoints.length + udp.length === 0
      ? ['  no entrypoint: visitors have no port to come to (entrypoint=:80 in -L, or --entrypoint :80)']
      : []),
    ...entrypoints.map(
      at =>
        `  visitors on ${onPort(at)}${at.tunnelId === undefined ? '' : `, all to tunnel ${at.tunnelId}`}${at.tls === undefined ? '' : ', with TLS'}${at.proxyProtocol === true ? ', with a PROXY header' : ''}`
    ),
    ...udp.map(at => `  datagrams on ${onPort(at)}, all to tunnel ${at.tunnelId}`),
    ...rules.map(rule => `  ${rule.host} → tunnel ${rule.tunnelId}${rule.private === true ? ', private' : ''}`),
    ...((credentials ?? []).length > 0 ? [`  connectors need credentials (${credentials?.length} known)`] : [])
  ])
}

export const describeSidecar = (fact: SidecarFact, { tunnelId, weight, target }: SidecarOptions): string =>
  lines([
    `sidecar registers at ${formatEndpoint(fact.server)}, ${fact.carrier}, path ${fact.path}`,
    `  tunnel ${tunnelId}, weight ${weight}, ${fact.network === 'udp' ? 'UDP ' : ''}app ${target.host === '' ? `port ${target.port}` : formatEndpoint(target)}`
  ])
