/**
 * A host and a port, as a program in the target's namespace would dial them → where that leads: pods behind a port-forward, the API server, a
 * host outside, or a place that only the inside of the cluster reaches.
 */
import type { Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { isOver, isReady, isTerminating, nameOf, namespaceOf, type Pod, portsOf, type Service, targetPort } from '../resolve/objects.ts'
import type { PodPort } from './choose-pod.ts'
import { type Directory, isForbidden } from './directory.ts'
import { type Candidate, ipOfDashes, meaningOf } from './names.ts'

/** `inside`: how any pod of the cluster dials it. */
export type Destination =
  | { kind: 'pods'; name: string; pods: PodPort[]; inside: Endpoint; forget: () => void }
  | { kind: 'api-server' }
  /** `doubt`: it might be a name of the cluster that we may not look up, or a missing one; for when it is no host outside either. */
  | { kind: 'outside'; to: Endpoint; doubt: InterceptError | undefined; alias: string | undefined }
  /** `why` is thrown, unless a pod inside is to dial it. */
  | { kind: 'inside'; why: InterceptError; inside: Endpoint }

export interface Names {
  directory: Directory
  namespace: string
  domain: string
}

/** A port's number, or its name where a person wrote it. */
export type PortRef = number | string

/** ExternalNames of ExternalNames. */
const MAX_DEPTH = 4

/** Throws CLUSTER_FORBIDDEN, CLUSTER_UNREACHABLE, TARGET_NOT_FOUND, SERVICE_UNREACHABLE, BAD_USAGE. */
export function resolveName(names: Names, host: string, port: PortRef): Promise<Destination> {
  return resolveAt(names, { host, port, depth: 0, alias: undefined })
}

interface Asked {
  host: string
  port: PortRef
  depth: number
  /** The Service whose ExternalName this is. */
  alias: string | undefined
}

async function resolveAt(names: Names, asked: Asked): Promise<Destination> {
  const { host, port } = asked
  if (typeof port === 'number' && !(port >= 1 && port <= 65_535)) throw unusable(`port ${port} is none`)
  const meaning = meaningOf(host, names.namespace, names.domain)
  if (meaning.kind === 'invalid') throw unusable(meaning.why)
  if (meaning.kind === 'loopback') return outside(asked, host)
  if (meaning.kind === 'ip') return ofIp(names, meaning.ip, asked)
  let doubt: InterceptError | undefined
  for (const candidate of meaning.candidates) {
    try {
      const found = await lookUp(names, candidate, asked)
      if (found !== undefined) return found
      doubt ??= candidate.kind === 'service' && !meaning.name.includes('.') ? missing(candidate) : undefined
    } catch (error) {
      // A guess about somebody else's namespace proves nothing.
      if (!isForbidden(error) || candidate.sure) throw error
      doubt = error
    }
  }
  const sure = meaning.candidates.find(candidate => candidate.sure)
  if (sure !== undefined) throw missing(sure)
  return outside(asked, meaning.name, doubt)
}

const unusable = (why: string): InterceptError =>
  new InterceptError('BAD_USAGE', why, { hint: 'for example nginx.shop:80, or 10.96.0.1:443' })

function missing(candidate: Candidate): InterceptError {
  const { namespace } = candidate
  const what =
    candidate.kind === 'service'
      ? `Service ${candidate.service}`
      : candidate.kind === 'member'
        ? `ready pod ${candidate.host} of a headless Service ${candidate.service}`
        : `pod with address ${candidate.ip}`
  return new InterceptError('TARGET_NOT_FOUND', `there is no ${what} in namespace ${namespace}`, {
    hint: `kubectl get ${candidate.kind === 'service' ? 'services' : 'pods -o wide'} -n ${namespace}`
  })
}

function outside({ port, alias }: Asked, host: string, doubt?: InterceptError): Destination {
  if (typeof port !== 'number') throw unusable(`port ${port} has no number outside of the cluster`)
  return { kind: 'outside', to: { host, port }, doubt, alias }
}

async function lookUp(names: Names, candidate: Candidate, asked: Asked): Promise<Destination | undefined> {
  const { directory } = names
  if (candidate.kind === 'pod-ip') {
    const pod = await directory.podByIp(candidate.ip)
    return pod !== undefined && namespaceOf(pod) === candidate.namespace ? ofPod(pod, asked.port) : undefined
  }
  const service = await directory.service(candidate.namespace, candidate.service)
  if (service === undefined) return undefined
  return candidate.kind === 'service'
    ? ofService(names, service, asked)
    : ofMember(names, service, { host: candidate.host, port: asked.port })
}

async function ofIp(names: Names, ip: string, asked: Asked): Promise<Destination> {
  const { directory } = names
  try {
    const [service, pod] = await Promise.all([directory.serviceByIp(ip), directory.podByIp(ip)])
    if (service !== undefined) return await ofService(names, service, asked)
    if (pod !== undefined) return ofPod(pod, asked.port)
  } catch (error) {
    if (!isForbidden(error)) throw error
    return outside(asked, ip, error)
  }
  return outside(asked, ip)
}

/** One pod, by its name or address: the port is the pod's own. */
export function ofPod(pod: Pod, port: PortRef): Destination {
  const name = `pod ${nameOf(pod)} in namespace ${namespaceOf(pod)}`
  if (isOver(pod)) throw unreachable(`${name} has ended`, `kubectl get pods -n ${namespaceOf(pod)}`)
  const number = typeof port === 'number' ? port : targetPort({ port: 0, targetPort: port }, pod)
  if (number === undefined || number === 0) throw noPort(name, port, containerPorts(pod))
  return {
    kind: 'pods',
    name,
    pods: [{ namespace: namespaceOf(pod), pod: nameOf(pod), port: number }],
    inside: { host: pod.status?.podIP ?? nameOf(pod), port: number },
    forget: () => {}
  }
}

export async function ofService(names: Names, service: Service, asked: Omit<Asked, 'host'>): Promise<Destination> {
  const { spec } = service
  const [name, namespace] = [nameOf(service), namespaceOf(service)]
  const words = `Service ${name} in namespace ${namespace}`
  if (spec?.type === 'ExternalName') {
    if (asked.depth >= MAX_DEPTH)
      throw unreachable(`${words} is an ExternalName of an ExternalName without end`, `kubectl get svc -n ${namespace}`)
    const external = (spec.externalName ?? '').replace(/\.$/, '')
    // It is looked up as it stands, without the search list.
    return resolveAt(names, {
      ...asked,
      host: /^[\d.]+$|:/.test(external) ? external : `${external}.`,
      depth: asked.depth + 1,
      alias: words
    })
  }
  if (name === 'kubernetes' && namespace === 'default') {
    if (asked.port === 443 || asked.port === 'https') return { kind: 'api-server' }
    throw noPort(words, asked.port, ['443'])
  }
  const port = portOf(service, asked.port)
  const selector = spec?.selector ?? {}
  const inside = { host: `${name}.${namespace}.svc`, port: port.port }
  if (Object.keys(selector).length === 0) {
    const why = `${words} has no selector: its endpoints are no pods that a port-forward reaches`
    return { kind: 'inside', why: unreachable(why, viaPod), inside }
  }
  const pods = await names.directory.podsOf(namespace, selector)
  const able = pods.filter(pod => serves(pod, spec?.publishNotReadyAddresses === true))
  if (able.length === 0) throw noReadyPods(words, pods.length, namespace)
  const reached = able.flatMap(pod => {
    const number = targetPort(port, pod)
    return number === undefined ? [] : [{ namespace, pod: nameOf(pod), port: number }]
  })
  if (reached.length === 0)
    throw unreachable(`no pod of ${words} has a port named ${String(port.targetPort)}`, `kubectl describe svc ${name} -n ${namespace}`)
  return { kind: 'pods', name: words, pods: reached, inside, forget: () => names.directory.forgetPods(namespace, selector) }
}

async function ofMember(names: Names, service: Service, { host, port }: { host: string; port: PortRef }): Promise<Destination | undefined> {
  const { spec } = service
  if (spec?.clusterIP !== 'None' || spec.selector === undefined) return undefined
  const pods = await names.directory.podsOf(namespaceOf(service), spec.selector)
  const ip = ipOfDashes(host)
  const pod = pods.find(
    candidate =>
      serves(candidate, spec.publishNotReadyAddresses === true) &&
      (candidate.spec?.hostname === host
        ? candidate.spec.subdomain === nameOf(service)
        : ip !== undefined && candidate.status?.podIP === ip)
  )
  return pod === undefined ? undefined : ofPod(pod, port)
}

const serves = (pod: Pod, evenUnready: boolean): boolean => !isOver(pod) && (evenUnready || (isReady(pod) && !isTerminating(pod)))

/** A headless Service has no ports of its own: DNS gives the pods' addresses, and a number is the pod's port (as in `kubectl port-forward`). */
function portOf(service: Service, wanted: PortRef): ReturnType<typeof portsOf>[number] {
  const ports = portsOf(service)
  const found = ports.find(
    port => (port.protocol ?? 'TCP') === 'TCP' && (typeof wanted === 'number' ? port.port === wanted : port.name === wanted)
  )
  if (service.spec?.clusterIP === 'None' && typeof wanted === 'number') return { port: wanted }
  if (found !== undefined) return found
  const known = ports.map(
    ({ name, port, protocol = 'TCP' }) => `${port}${protocol === 'TCP' ? '' : `/${protocol}`}${name === undefined ? '' : ` (${name})`}`
  )
  throw noPort(`Service ${nameOf(service)} in namespace ${namespaceOf(service)}`, wanted, known)
}

const containerPorts = (pod: Pod): string[] =>
  (pod.spec?.containers ?? [])
    .flatMap(container => container.ports ?? [])
    .map(({ containerPort, name }) => `${containerPort}${name === undefined ? '' : ` (${name})`}`)

const noPort = (words: string, wanted: PortRef, known: readonly string[]): InterceptError =>
  new InterceptError('TARGET_NOT_FOUND', `${words} has no TCP port ${wanted}`, {
    hint: known.length === 0 ? 'it names no ports' : `it has ${known.join(', ')}`
  })

const noReadyPods = (words: string, all: number, namespace: string): InterceptError =>
  unreachable(`${words} has no ready pod${all === 0 ? '' : ` (${all} not ready)`}`, `kubectl get pods -n ${namespace}`)

export const unreachable = (message: string, hint: string): InterceptError => new InterceptError('SERVICE_UNREACHABLE', message, { hint })

const viaPod = 'let a pod dial it: kubectl intercept access --via-pod POD'
