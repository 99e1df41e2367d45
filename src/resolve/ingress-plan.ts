/** Ingresses of the server's namespace → what leads to its entrypoint (visitors) and to its tunnel port (us). Pure. */
import { isWildcard, keyOf, routeHost, sampleHost } from '../discovery/hosts.ts'
import type { IngressRule } from '../discovery/types.ts'
import { type Ingress, nameOf, namespaceOf, type Service, servicePort, targetPort } from './objects.ts'
import type { FoundServer } from './server-pods.ts'
import type { IngressPlan } from './types.ts'

interface Backend {
  service?: { name: string; port?: { name?: string; number?: number } }
}

interface Path {
  path: string
  pathType: string
  leads: 'tunnel' | 'entrypoint' | undefined
}

/** One plan per Ingress and host that leads to the server; to the tunnel, where it is one of its hosts. */
export function ingressPlans(
  ingresses: readonly Ingress[],
  server: FoundServer,
  services: readonly Service[],
  tunnelId: string
): IngressPlan[] {
  const hosts = hostsOf(server.fact?.rules ?? [], tunnelId)
  const isOurs = ownHost(server, tunnelId)
  return ingresses.flatMap(ingress => {
    const byHost = new Map<string, Path[]>()
    for (const rule of ingress.spec?.rules ?? []) {
      const paths = (rule.http?.paths ?? []).map(path => ({
        path: path.path ?? '/',
        pathType: path.pathType,
        leads: leadsTo(path.backend, server, services)
      }))
      byHost.set(rule.host ?? '', [...(byHost.get(rule.host ?? '') ?? []), ...paths])
    }
    const fallback = ingress.spec?.defaultBackend === undefined ? undefined : leadsTo(ingress.spec.defaultBackend, server, services)
    if (fallback !== undefined && !byHost.has('')) byHost.set('', [])
    return [...byHost].flatMap(([host, paths]) => {
      const all = fallback === undefined ? paths : [...paths, { path: '/', pathType: 'Prefix', leads: fallback }]
      return concreteHosts(host, hosts).flatMap(name => planOf(ingress, name, all, { server, isOurs }) ?? [])
    })
  })
}

/** A rule for all hosts, or a wildcard, stands for those hosts of the tunnel that it covers. */
function concreteHosts(host: string, hosts: readonly string[]): string[] {
  if (host !== '' && !host.startsWith('*.')) return [host]
  const covered = hosts.filter(candidate => host === '' || covers(host, candidate))
  return covered.length === 0 ? [host] : covered
}

/** Kubernetes: `*.x` stands for exactly one more label. */
export const covers = (wildcard: string, host: string): boolean =>
  wildcard === host || (wildcard.startsWith('*.') && host.endsWith(wildcard.slice(1)) && !host.slice(0, -wildcard.length + 1).includes('.'))

function planOf(
  ingress: Ingress,
  host: string,
  paths: readonly Path[],
  world: { server: FoundServer; isOurs: (host: string) => boolean }
): IngressPlan | undefined {
  const { server, isOurs } = world
  const tunnelPath = tunnelPathOf(paths, server.fact?.path, ingress)
  const entrypoint = isOurs(host) && paths.some(path => path.leads === 'entrypoint')
  if (tunnelPath === undefined && !entrypoint) return undefined
  const tls = usesTls(ingress, host)
  const status = ingress.status?.loadBalancer?.ingress ?? []
  return {
    name: nameOf(ingress),
    namespace: namespaceOf(ingress),
    host,
    addresses: status.flatMap(item => item.ip ?? item.hostname ?? []),
    port: portOf(
      status.flatMap(item => item.ports ?? []).filter(port => port.error === undefined),
      tls
    ),
    tls,
    tunnelPath,
    entrypoint,
    class: ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.['kubernetes.io/ingress.class']
  }
}

/** Whether the server's rules give visitors of this host to the tunnel. Of rules that cannot be read it is believed, where none that can says otherwise. */
function ownHost({ fact }: FoundServer, tunnelId: string): (host: string) => boolean {
  const rules = (fact?.rules ?? []).filter(rule => !rule.private)
  const believes = fact === undefined || fact.rulesUnreadable !== undefined
  // To gost `*` alone is nothing, to ours it is every host that has no other rule.
  const takesRest = believes || (fact.peer === 'ours' && rules.some(rule => rule.host === '*' && rule.tunnelId === tunnelId))
  return host => {
    const owners = tunnelsOfHost(rules, host)
    return owners.has(tunnelId) || (takesRest && (owners.size === 0 || host === ''))
  }
}

const ruleCovers = (rule: string, host: string): boolean => routeHost([{ host: rule, tunnelId: '', private: false }], host) !== undefined

function portOf(ports: readonly { port: number }[], tls: boolean): number {
  const usual = tls ? 443 : 80
  return ports.length === 0 || ports.some(({ port }) => port === usual) ? usual : (ports[0]?.port ?? usual)
}

function usesTls(ingress: Ingress, host: string): boolean {
  return (ingress.spec?.tls ?? []).some(({ hosts }) => hosts === undefined || hosts.length === 0 || hosts.some(name => covers(name, host)))
}

function leadsTo(backend: Backend, server: FoundServer, services: readonly Service[]): Path['leads'] {
  const { service: ref } = backend
  const service = ref === undefined ? undefined : services.find(candidate => nameOf(candidate) === ref.name)
  const port = service === undefined ? undefined : servicePort(service, { name: ref?.port?.name, number: ref?.port?.number })
  if (service === undefined || port === undefined) return undefined
  for (const { object, pod, fact } of server.pods) {
    if (!stands(service, object.metadata?.labels ?? {}, server)) continue
    const target = targetPort(port, object)
    if (target === pod.tunnelPort) return 'tunnel'
    if (fact?.entrypoints.some(entrypoint => entrypoint.port === target) === true) return 'entrypoint'
  }
  if (service !== server.service) return undefined
  // Without the server's arguments its own Service still tells the tunnel port; what else it serves must be the entrypoint.
  if (port.port === server.servicePort) return 'tunnel'
  return server.fact === undefined ? 'entrypoint' : undefined
}

const stands = (service: Service, labels: Readonly<Record<string, string>>, server: FoundServer): boolean =>
  service === server.service || Object.entries(service.spec?.selector ?? { '': '' }).every(([key, value]) => labels[key] === value)

/** The path that the Ingress picks for the server's WebSocket path, when it leads to the tunnel port. A rewriting Ingress is believed. */
function tunnelPathOf(paths: readonly Path[], serverPath: string | undefined, ingress: Ingress): string | undefined {
  const leading = paths.filter(path => path.leads === 'tunnel')
  if (serverPath === undefined) return leading[0]?.path
  const best = paths
    .filter(path => takes(path, serverPath))
    .sort((a, b) => b.path.length - a.path.length || Number(b.pathType === 'Exact') - Number(a.pathType === 'Exact'))[0]
  if (best?.leads === 'tunnel') return best.path
  const rewrites = Object.keys(ingress.metadata?.annotations ?? {}).some(key => /rewrite|strip-?prefix|replace-?path/i.test(key))
  return rewrites ? leading[0]?.path : undefined
}

function takes({ path, pathType }: Path, request: string): boolean {
  if (pathType === 'Exact') return path === request
  if (pathType === 'ImplementationSpecific') return request.startsWith(path.replace(/[*(].*$/, ''))
  const prefix = path.replace(/\/+$/, '')
  return request === prefix || request.startsWith(`${prefix}/`)
}

/** The tunnel's public hosts, in the order of the server's rules. */
export const hostsOf = (rules: readonly IngressRule[], tunnelId: string): string[] => {
  const isOurs = ({ host, tunnelId: id }: IngressRule): boolean =>
    id === tunnelId && host !== '*' && rules.findLast(rule => keyOf(rule.host) === keyOf(host))?.tunnelId === tunnelId
  return [...new Set(rules.filter(rule => !rule.private && isOurs(rule)).map(rule => rule.host))]
}

/** The tunnels that an Ingress host leads to: one for a plain host, all below a wildcard, all for an empty one. */
export function tunnelsOfHost(rules: readonly IngressRule[], host: string): Set<string> {
  if (host === '') return new Set(rules.map(rule => rule.tunnelId))
  if (!host.startsWith('*.')) {
    const rule = routeHost(rules, host)
    return new Set(rule === undefined ? [] : [rule.tunnelId])
  }
  const below = rules.filter(rule =>
    isWildcard(rule.host) ? ruleCovers(rule.host, host.slice(2)) || covers(host, sampleHost(rule.host)) : covers(host, rule.host)
  )
  return new Set(below.map(rule => rule.tunnelId))
}
