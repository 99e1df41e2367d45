/** Configuration → the tunnel connectors of one process: every rtcp or rudp service × the last hop of its chain (gost: x/connector/tunnel). */
import { type HostPort, parseHostPort } from './address.ts'
import { resolveChain, type Route } from './chain.ts'
import type { GostConfig, NodeConfig, ServiceConfig } from './config.ts'
import { type ContainerContext, unreadVariable } from './context.ts'
import { parseUuid } from './go-values.ts'
import { getInteger, getString } from './param.ts'
import type { TlsFacts } from './tls.ts'
import type { Carrier, SidecarFact } from './types.ts'

export interface Found<T> {
  facts: T[]
  problems: string[]
}

export function sidecarFacts(config: GostConfig, context: ContainerContext): Found<SidecarFact> {
  const facts: SidecarFact[] = []
  const problems: string[] = []
  for (const service of config.services) {
    if (service.listener.type !== 'rtcp' && service.listener.type !== 'rudp') continue
    if (service.listener.chains.length === 0) {
      problems.push(`service ${service.name || service.addr} listens with ${service.listener.type} but has no chain to a tunnel server`)
    }
    for (const name of service.listener.chains) {
      const route = resolveChain(config, name)
      if (typeof route === 'string') problems.push(route)
      else if (route.node.connector.type !== 'tunnel')
        problems.push(`chain ${name} ends in a ${route.node.connector.type} hop, not in a tunnel`)
      else facts.push(sidecarFact(service, route, context, problems))
    }
  }
  problems.push(...doubled(facts))
  return { facts, problems }
}

function sidecarFact(service: ServiceConfig, route: Route, context: ContainerContext, problems: string[]): SidecarFact {
  const { node } = route
  const { connector, dialer } = node
  const idText = getString(connector.params, 'tunnelID', 'tunnel.id')
  const tunnelId = parseUuid(idText)
  const server = parseHostPort(node.addr) ?? { host: node.addr, port: 0 }
  const carrier = carrierOf(dialer.type)
  const tls = carrier === 'wss' || carrier === 'tls' ? tlsFacts(node, server, context, problems) : undefined
  const mux = getString(connector.params, 'mux.type') === 'yamux' ? 'yamux' : 'smux'
  const reasons = [
    tunnelId === undefined ? idReason(idText, context) : undefined,
    server.port === 0
      ? (unreadVariable(node.addr, context) ?? `the address of its server (${node.addr}) has no port of 1 to 65535`)
      : unreadVariable(server.host, context),
    carrier === undefined ? `its carrier ${dialer.type} is not supported` : undefined,
    mux === 'yamux' ? 'its mux.type yamux is not supported' : undefined,
    connector.authFile === undefined ? undefined : 'its credentials are in a file'
  ]
  const alternatives = route.others.flatMap(other => parseHostPort(other.addr) ?? [])
  if (alternatives.length > 0) problems.push(`the tunnel hop names ${alternatives.length + 1} servers: gost binds to one of them at a time`)
  return {
    container: context.container,
    tunnelId,
    weight: weightOf(getInteger(connector.params, 'tunnel.weight')),
    app: appOf(service, problems),
    server,
    carrier: carrier ?? 'tcp',
    path: getString(dialer.params, 'ws.path', 'path') || '/ws',
    hostHeader: getString(dialer.params, 'ws.host', 'host') || undefined,
    auth: connector.auth,
    tls,
    proxyProtocol: proxyVersion(getInteger(service.handler.params, 'proxyProtocol')),
    network: service.listener.type === 'rudp' ? 'udp' : 'tcp',
    mux,
    muxVersion: getInteger(connector.params, 'mux.version') || 2,
    peer: context.peer,
    unsupported: reasons.find(reason => reason !== undefined),
    ...(carrier === undefined ? { carrierName: dialer.type } : {}),
    ...(route.proxies > 0 ? { proxies: route.proxies } : {}),
    ...(alternatives.length > 0 ? { alternatives } : {})
  }
}

function idReason(text: string, context: ContainerContext): string {
  if (text === '') return 'it has no tunnel.id, so gost makes a random one at each start'
  return unreadVariable(text, context) ?? 'its tunnel.id is no UUID, so gost does not start'
}

const carrierOf = (dialer: string): Carrier | undefined =>
  dialer === 'ws' || dialer === 'wss' || dialer === 'tls' || dialer === 'tcp' ? dialer : undefined

/** gost keeps the low byte of a positive weight; the server counts 0 as 1. */
const weightOf = (written: number): number => (written > 0 ? written % 256 : 0) || 1

export const proxyVersion = (version: number): 0 | 1 | 2 => (version === 1 || version === 2 ? version : 0)

function appOf(service: ServiceConfig, problems: string[]): HostPort | undefined {
  const target = service.targets.find(candidate => !candidate.conditional) ?? service.targets[0]
  if (service.targets.length > 1)
    problems.push(`${service.name || 'a service'} forwards to ${service.targets.length} targets: only ${target?.addr} is known as the app`)
  const app = target === undefined ? undefined : parseHostPort(target.addr)
  return app === undefined || app.port === 0 ? undefined : app
}

function tlsFacts(node: NodeConfig, server: HostPort, context: ContainerContext, problems: string[]): TlsFacts {
  const { secure = false, serverName = '', caFile = '', certFile = '', keyFile = '' } = node.dialer.tls ?? {}
  const textOf = (name: string, file: string): string | undefined => {
    if (file === '') return undefined
    const read = context.readFile(file)
    if ('text' in read) return read.text
    problems.push(`${name} ${file} ${read.problem}`)
    return file
  }
  return {
    secure,
    serverName: serverName || server.host || undefined,
    ca: textOf('caFile', caFile),
    cert: textOf('certFile', certFile),
    key: textOf('keyFile', keyFile)
  }
}

/** Two services of one process under one id are two connectors of one tunnel: visitors land on either target at random. */
function doubled(facts: readonly SidecarFact[]): string[] {
  const counts = new Map<string, number>()
  for (const fact of facts)
    if (fact.tunnelId !== undefined)
      counts.set(`${fact.tunnelId} ${fact.network}`, (counts.get(`${fact.tunnelId} ${fact.network}`) ?? 0) + 1)
  return [...counts]
    .filter(([, count]) => count > 1)
    .map(([key, count]) => `${count} services register under the one tunnel ${key.slice(0, 8)}…: visitors reach their targets at random`)
}
