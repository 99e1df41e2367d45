/** The variables that name the Services of a namespace, as the kubelet makes them (pkg/kubelet/envvars), docker-link format included. Pure. */
import type { Service, Variable } from './types.ts'

/** Sorted by name: the kubelet has no order. */
export function serviceLinks(services: readonly Service[]): Variable[] {
  return services
    .filter(hasIp)
    .flatMap(linksOf)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

const hasIp = ({ spec }: Service): boolean => spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None'

const variableName = (text: string): string => text.replaceAll('-', '_').toUpperCase()

function linksOf({ metadata, spec }: Service): Variable[] {
  const ip = spec?.clusterIP ?? ''
  const ports = spec?.ports ?? []
  const prefix = variableName(metadata?.name ?? '')
  const source = `service/${metadata?.name ?? ''}`
  const links: Variable[] = []
  const add = (name: string, value: string): void => void links.push({ name, value, source, secret: false })
  const [first] = ports
  add(`${prefix}_SERVICE_HOST`, ip)
  if (first !== undefined) add(`${prefix}_SERVICE_PORT`, String(first.port))
  for (const { name, port } of ports)
    if (name !== undefined && name !== '') add(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port))
  for (const [index, { port, protocol = 'TCP' }] of ports.entries()) {
    const proto = protocol.toLowerCase()
    const url = `${proto}://${ip.includes(':') ? `[${ip}]` : ip}:${port}`
    const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`
    if (index === 0) add(`${prefix}_PORT`, url)
    add(link, url)
    add(`${link}_PROTO`, proto)
    add(`${link}_PORT`, String(port))
    add(`${link}_ADDR`, ip)
  }
  return links
}

/** The Services that a pod is told about: those of its namespace, unless it wants none, and always the API server. */
export function linkedServices(namespace: string, enabled: boolean, all: readonly Service[]): Service[] {
  const isMaster = ({ metadata }: Service): boolean => metadata?.namespace === 'default' && metadata.name === 'kubernetes'
  const master = all.filter(service => isMaster(service) && hasIp(service))
  const own = all.filter(({ metadata }) => enabled && metadata?.namespace === namespace)
  // A Service of that name in the namespace itself stands in the same place: the kubelet's order is by chance, ours is the cluster's own.
  return [...own.filter(service => master.length === 0 || service.metadata?.name !== 'kubernetes'), ...master]
}
