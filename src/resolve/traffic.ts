/** What passes the tunnel and what goes past it, in the words of the banner, and the names by which `--port` may call a tunnel. Pure. */
import { isLoopback } from '../discovery/address.ts'
import { shortTunnel } from '../base/format.ts'
import type { TunnelMember } from './groups.ts'
import { type Ingress, labelsOf, nameOf, type Pod, portsOf, type Service, selects, targetPort } from './objects.ts'
import type { IngressPlan, TunnelPlan } from './types.ts'

export interface Passing {
  tunnelId: string
  hosts: readonly string[]
  ingresses: readonly IngressPlan[]
  entrypoint: string | undefined
  /** Entrypoints of this tunnel alone. */
  ports?: readonly string[]
}

export function passesOf({ tunnelId, hosts, ingresses, entrypoint, ports = [] }: Passing): string[] {
  const open = ingresses.filter(ingress => ingress.entrypoint)
  const lines = new Map<string, string>()
  for (const ingress of open)
    lines.set(ingress.host, `intercepts ${ingress.host === '' ? 'every host' : ingress.host} (ingress ${ingress.name})`)
  for (const host of hosts) if (!lines.has(host)) lines.set(host, `intercepts ${host}${entrypoint === undefined ? '' : ` (${entrypoint})`}`)
  const all = [...lines.values(), ...ports.map(port => `intercepts what arrives at ${port}`)]
  if (all.length > 0) return all
  return [`intercepts what is sent to tunnel ${shortTunnel(tunnelId)} through ${entrypoint ?? 'the entrypoint'}`]
}

/** Services that select the app's pods at the app's port, and Ingresses in front of them. */
export function bypassesOf(members: readonly TunnelMember[], services: readonly Service[], ingresses: readonly Ingress[]): string[] {
  const past = services.filter(service => members.some(({ pod, fact }) => reachesApp(service, pod, fact.app)))
  const lines = past.map(service => `Service ${nameOf(service)} goes to the pods: its callers are NOT intercepted`)
  for (const ingress of ingresses) {
    for (const rule of ingress.spec?.rules ?? []) {
      const names = (rule.http?.paths ?? []).map(path => path.backend.service?.name)
      const service = past.find(candidate => names.includes(nameOf(candidate)))
      if (service !== undefined)
        lines.push(
          `Ingress ${nameOf(ingress)} (${rule.host ?? 'every host'}) goes to Service ${nameOf(service)}, past the tunnel: NOT intercepted`
        )
    }
  }
  return [...new Set(lines)]
}

function reachesApp(service: Service, pod: Pod, app: TunnelPlan['app']): boolean {
  if (!selects(service.spec?.selector, labelsOf(pod))) return false
  if (app === undefined) return true
  // The app is another Service: that one is the way past, whatever it selects.
  if (!isLoopback(app.host)) return false
  if (service.spec?.clusterIP === 'None') return true
  return portsOf(service).some(port => targetPort(port, pod) === app.port)
}

/** What REMOTE may say: the container port with its name, and the Service ports in front of it with theirs. */
export function remotesOf(members: readonly TunnelMember[], services: readonly Service[]): string[] {
  const names = new Set<string>()
  for (const { pod, fact } of members) {
    const { app } = fact
    if (app === undefined) continue
    names.add(String(app.port))
    for (const port of (pod.spec?.containers ?? []).flatMap(container => container.ports ?? [])) {
      if (isLoopback(app.host) && port.containerPort === app.port && port.name !== undefined) names.add(port.name)
    }
    for (const service of services.filter(candidate => selects(candidate.spec?.selector, labelsOf(pod)))) {
      for (const port of portsOf(service).filter(candidate => targetPort(candidate, pod) === app.port)) {
        names.add(String(port.port))
        if (port.name !== undefined) names.add(port.name)
      }
    }
  }
  return [...names]
}

const TLS_WORDS = new Set(['https', 'tls', 'ssl', 'wss'])

/** What visitors speak, as far as the objects tell: `tls` only with a clear sign, `tcp` only for a tunnel without any host. */
export function protocolOf(
  members: readonly TunnelMember[],
  services: readonly Service[],
  ingresses: readonly Ingress[],
  reach: { hosts: readonly string[]; read: boolean }
): TunnelPlan['protocol'] {
  if (members.some(({ fact }) => fact.network === 'udp')) return 'udp'
  const passthrough = ingresses.some(({ metadata }) =>
    Object.entries(metadata?.annotations ?? {}).some(([key, value]) => key.endsWith('/ssl-passthrough') && value === 'true')
  )
  if (passthrough || members.some(({ pod, fact }) => speaksTls(pod, fact.app, services))) return 'tls'
  return reach.read && reach.hosts.length === 0 ? 'tcp' : 'http'
}

function speaksTls(pod: Pod, app: TunnelPlan['app'], services: readonly Service[]): boolean {
  if (app === undefined) return false
  if (app.port === 443 || app.port === 8443) return true
  const containerPort = (pod.spec?.containers ?? [])
    .flatMap(container => container.ports ?? [])
    .find(port => port.containerPort === app.port)
  if (TLS_WORDS.has(containerPort?.name ?? '')) return true
  return services
    .filter(service => selects(service.spec?.selector, labelsOf(pod)))
    .flatMap(service => portsOf(service).filter(port => targetPort(port, pod) === app.port))
    .some(port => TLS_WORDS.has(port.name ?? '') || TLS_WORDS.has(port.appProtocol ?? ''))
}
