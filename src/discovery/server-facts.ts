/** Configuration → the tunnel servers of one process: every service whose handler is `tunnel` (gost: x/handler/tunnel). */
import { parseHostPort } from './address.ts'
import type { GostConfig, ServiceConfig } from './config.ts'
import type { ContainerContext } from './context.ts'
import { parseDocument } from './document.ts'
import { parseUuid } from './go-values.ts'
import { find, getBool, getDurationMs, getInteger, getString, GoFloat, type Params } from './param.ts'
import { type Found, proxyVersion } from './sidecar-facts.ts'
import type { Auth, Carrier, EntrypointFact, IngressRule, ServerFact } from './types.ts'

const DEFAULT_READ_TIMEOUT_MS = 15_000

export function serverFacts(config: GostConfig, context: ContainerContext): Found<ServerFact> {
  const problems: string[] = []
  const facts = config.services
    .filter(service => service.handler.type === 'tunnel')
    .map(service => serverFact(config, service, context, problems))
  return { facts, problems }
}

function serverFact(config: GostConfig, service: ServiceConfig, context: ContainerContext, problems: string[]): ServerFact {
  const { params } = service.handler
  const { listener } = service
  const carrier: Carrier | undefined =
    listener.type === 'ws' || listener.type === 'wss' || listener.type === 'tls' || listener.type === 'tcp' ? listener.type : undefined
  const address = parseHostPort(service.addr)
  const entrypoints = entrypointsOf(params)
  const { rules, unreadable } = rulesOf(config, params, entrypoints.ingresses, context)
  const { auth, unreadable: authUnreadable } = authOf(config, service, context)
  const maxReceiveBuffer = getInteger(params, 'mux.maxReceiveBuffer')
  if (address === undefined) problems.push(`the tunnel listener has no port`)
  return {
    container: context.container,
    carrier: carrier ?? 'tcp',
    port: address?.port ?? 0,
    path: getString(listener.params, 'ws.path', 'path') || '/ws',
    entrypoints: entrypoints.list,
    rules,
    rulesUnreadable: unreadable,
    auth,
    authUnreadable,
    tls: carrier === 'wss' || carrier === 'tls',
    readTimeoutMs: Math.max(0, getDurationMs(params, 'entrypoint.readTimeout')) || DEFAULT_READ_TIMEOUT_MS,
    keepalive: getBool(params, 'entrypoint.keepalive'),
    muxVersion: getInteger(params, 'mux.version') || 2,
    maxReceiveBuffer: maxReceiveBuffer > 0 ? maxReceiveBuffer : undefined,
    peer: context.peer,
    unsupported: carrier === undefined ? `its carrier ${listener.type} is not supported` : yamux(params),
    host: address?.host ?? '',
    place: service.place ?? 'the tunnel listener',
    direct: getBool(params, 'tunnel.direct'),
    ...(listener.certFile === '' ? {} : { certFile: listener.certFile, keyFile: listener.keyFile })
  }
}

const yamux = (params: Params): string | undefined =>
  getString(params, 'mux.type') === 'yamux' ? 'its mux.type yamux is not supported' : undefined

/** `entrypoint`, and the newer list `entrypoints` of addresses with an ingress each. */
export function entrypointsOf(params: Params): { list: EntrypointFact[]; ingresses: string[]; written: string[] } {
  const proxyProtocol = proxyVersion(getInteger(params, 'entrypoint.ProxyProtocol'))
  const items: { addr: string; ingress: string }[] = [{ addr: getString(params, 'entrypoint'), ingress: '' }]
  const more = find(params, 'entrypoints')
  const parsed = typeof more === 'string' ? parseDocument(more, 'yaml') : undefined
  const many = parsed === undefined ? more : 'value' in parsed ? parsed.value : undefined
  for (const item of Array.isArray(many) ? many : []) {
    if (typeof item === 'string') items.push({ addr: item, ingress: '' })
    if (typeof item !== 'object' || item === null || Array.isArray(item) || item instanceof GoFloat) continue
    const members: Params = new Map(Object.entries(item))
    items.push({ addr: getString(members, 'addr', 'entrypoint'), ingress: getString(members, 'ingress') })
  }
  const list = items.flatMap(({ addr }) => {
    const address = parseHostPort(addr)
    return address === undefined ? [] : [{ port: address.port, host: address.host, proxyProtocol }]
  })
  const written = items.map(({ addr }) => addr)
  return { list, ingresses: items.map(item => item.ingress).filter(name => name !== ''), written }
}

function rulesOf(
  config: GostConfig,
  params: Params,
  more: readonly string[],
  context: ContainerContext
): { rules: IngressRule[]; unreadable: string | undefined } {
  const names = [getString(params, 'ingress'), ...more].filter(name => name !== '')
  const ingresses = names.flatMap(name => config.ingresses.filter(ingress => ingress.name === name))
  if (ingresses.length === 0) {
    const inline = getString(params, 'tunnel')
      .split(',')
      .filter(item => item.includes(':'))
    return {
      rules: inline.flatMap(item => ruleOf(item.slice(0, item.indexOf(':')), item.slice(item.indexOf(':') + 1))),
      unreadable: undefined
    }
  }
  const rules: IngressRule[] = []
  let unreadable: string | undefined
  for (const ingress of ingresses) {
    rules.push(...ingress.rules.flatMap(({ hostname, endpoint }) => ruleOf(hostname, endpoint)))
    if (ingress.elsewhere !== undefined) unreadable = `ingress ${ingress.name} takes rules from ${ingress.elsewhere}`
    if (ingress.file === undefined) continue
    const read = context.readFile(ingress.file)
    if ('problem' in read) unreadable = `ingress ${ingress.name}: ${ingress.file} ${read.problem}`
    else rules.push(...linesOf(read.text).flatMap(([host = '', endpoint = '']) => ruleOf(host, endpoint)))
  }
  return { rules, unreadable }
}

/** A bad endpoint is the zero id to gost: no route. */
export function ruleOf(host: string, endpoint: string): IngressRule[] {
  const isPrivate = endpoint.startsWith('$')
  const tunnelId = parseUuid(isPrivate ? endpoint.slice(1) : endpoint)
  return tunnelId === undefined || host === '' ? [] : [{ host, tunnelId, private: isPrivate }]
}

/** gost's line files: words per line, `#` starts a comment. */
export const linesOf = (text: string): string[][] =>
  text
    .split('\n')
    .map(line => line.replace(/#.*$/, '').trim())
    .filter(line => line !== '')
    .map(line => line.split(/\s+/))

function authOf(config: GostConfig, service: ServiceConfig, context: ContainerContext): { auth: Auth[]; unreadable: string | undefined } {
  const { handler } = service
  const authers = handler.authers.flatMap(name => config.authers.filter(auther => auther.name === name))
  if (authers.length === 0) return { auth: handler.auth === undefined ? [] : [handler.auth], unreadable: handler.unread }
  const auth: Auth[] = []
  let unreadable: string | undefined
  for (const auther of authers) {
    auth.push(...auther.auths)
    if (auther.elsewhere !== undefined) unreadable = `auther ${auther.name} takes users from ${auther.elsewhere}`
    if (auther.file === undefined) continue
    const read = context.readFile(auther.file)
    if ('problem' in read) unreadable = `auther ${auther.name}: ${auther.file} ${read.problem}`
    else auth.push(...linesOf(read.text).map(([user = '', password = '']) => ({ user, password })))
  }
  return { auth, unreadable }
}
