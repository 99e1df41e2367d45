/** The objects behind a container's environment, read in parallel, and what a process in the container has. A refusal becomes a line, not an error. */
import { asError, InterceptError } from '../base/errors.ts'
import type { Inventory } from '../resolve/inventory.ts'
import type { Cluster } from '../kube/types.ts'
import { BINARY, type EnvironmentSources, isOldName } from './environment-plan.ts'
import { parseEnviron } from './as-found.ts'
import { referencesOf } from './references.ts'
import type { Allocatable } from '../resolve/resource-field.ts'
import { isUnread, readOrWhy, type Unread } from '../resolve/unread.ts'
import type { Container, Missing, ObjectRead, Pod, ReadObject, Service } from './types.ts'

/** Before this minor version of 1.x, `envFrom` took only what looks like a variable's name. */
const RELAXED_MINOR = 32

export async function readSources(inventory: Inventory, pod: Pod, container: Container): Promise<EnvironmentSources> {
  const namespace = pod.metadata?.namespace ?? ''
  const wanted = referencesOf(pod, container)
  const [configMaps, secrets, services, readNode] = await Promise.all([
    readAll(wanted.configMaps, name => readConfigMap(inventory, namespace, name)),
    readAll(wanted.secrets, name => readSecret(inventory, namespace, name)),
    readServices(inventory, pod),
    wanted.node ? readNodeOf(inventory, pod) : undefined
  ])
  const sources = { configMap: lookup(configMaps), secret: lookup(secrets) }
  const node = readNode ?? (hasOddNames(container, sources) ? await readNodeOf(inventory, pod) : undefined)
  return {
    ...sources,
    ...services,
    allocatable: node?.allocatable ?? { problem: 'was not read' },
    strictNames: node?.minor !== undefined && node.minor < RELAXED_MINOR
  }
}

const readAll = async (names: readonly string[], read: (name: string) => Promise<ObjectRead>): Promise<Map<string, ObjectRead>> =>
  new Map(await Promise.all(names.map(async name => [name, await read(name)] as const)))

const lookup =
  (objects: ReadonlyMap<string, ObjectRead>) =>
  (name: string): ObjectRead =>
    objects.get(name) ?? { problem: 'was not read', absent: false }

/** Names that an old kubelet leaves out: only then its version matters. */
const hasOddNames = (container: Container, sources: Pick<EnvironmentSources, 'configMap' | 'secret'>): boolean =>
  (container.envFrom ?? []).some(({ prefix = '', configMapRef, secretRef }) => {
    const object = configMapRef === undefined ? sources.secret(secretRef?.name ?? '') : sources.configMap(configMapRef.name ?? '')
    return 'values' in object && [...object.values.keys()].some(key => !isOldName(`${prefix}${key}`))
  })

async function readConfigMap(inventory: Inventory, namespace: string, name: string): Promise<ObjectRead> {
  const map = await readOrWhy(() => inventory.get('configmaps', namespace, name))
  if (isUnread(map)) return map
  return {
    values: new Map(Object.entries(map.data ?? {})),
    unusable: new Map(Object.keys(map.binaryData ?? {}).map(key => [key, BINARY]))
  }
}

async function readSecret(inventory: Inventory, namespace: string, name: string): Promise<ObjectRead> {
  const secret = await readOrWhy(() => inventory.get('secrets', namespace, name))
  return isUnread(secret) ? secret : secretTexts(secret.data ?? {})
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A container with a variable that is not UTF-8 does not start: the container runtime refuses it. */
function secretTexts(data: Readonly<Record<string, string>>): ReadObject {
  const values = new Map<string, string>()
  const unusable = new Map<string, string>()
  for (const [key, base64] of Object.entries(data)) {
    try {
      values.set(key, UTF8.decode(Buffer.from(base64, 'base64')))
    } catch {
      unusable.set(key, 'is not UTF-8 text, which a variable cannot hold')
    }
  }
  return { values, unusable }
}

async function readServices(inventory: Inventory, pod: Pod): Promise<Pick<EnvironmentSources, 'services' | 'servicesUnread'>> {
  const namespace = pod.metadata?.namespace ?? ''
  const wanted = pod.spec?.enableServiceLinks !== false
  const [own, master] = await Promise.all([
    wanted ? readOrWhy<Service[]>(() => inventory.list('services', namespace)) : [],
    readOrWhy<Service>(() => inventory.get('services', 'default', 'kubernetes'))
  ])
  const missing = (what: string, source: string, { problem, hint }: Unread): Missing => ({
    what,
    why: `${what.startsWith('all') ? `the Services of namespace ${namespace}` : 'Service kubernetes of namespace default'} ${problem}`,
    source,
    secret: false,
    ...(hint === undefined ? {} : { hint })
  })
  return {
    services: [...(isUnread(own) ? [] : own), ...(isUnread(master) ? [] : [master])],
    servicesUnread: {
      ...(isUnread(own) ? { own: missing('all service links', 'services', own) } : {}),
      ...(isUnread(master) && !master.absent
        ? { master: missing('KUBERNETES_SERVICE_HOST, KUBERNETES_PORT …', 'service/kubernetes', master) }
        : {})
    }
  }
}

interface NodeRead {
  allocatable: Allocatable
  minor: number | undefined
}

async function readNodeOf(inventory: Inventory, pod: Pod): Promise<NodeRead> {
  const name = pod.spec?.nodeName
  if (name === undefined || name === '') return { allocatable: { problem: 'is not known: the pod has no node' }, minor: undefined }
  const node = await readOrWhy(() => inventory.get('nodes', '', name))
  if (isUnread(node)) return { allocatable: { problem: node.problem }, minor: undefined }
  const minor = /^v1\.(\d+)/.exec(node.status?.nodeInfo?.kubeletVersion ?? '')?.[1]
  return { allocatable: { quantities: node.status?.allocatable ?? {} }, minor: minor === undefined ? undefined : Number(minor) }
}

/** What prints a process's environment without guessing where an entry ends. Images without a shell have at least one of them, or none at all. */
const PRINTERS = [
  ['cat', '/proc/self/environ'],
  ['env', '-0']
] as const

export type InContainer = { found: ReadonlyMap<string, string> } | { problem: string; hint?: string }

/** The environment of a process that is started in the container now. Needs `pods/exec`. */
export async function readInContainer(
  cluster: Pick<Cluster, 'exec'>,
  pod: Pod,
  container: Container,
  signal: AbortSignal
): Promise<InContainer> {
  const { namespace = '', name = '' } = pod.metadata ?? {}
  const statuses = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? [])
  ]
  if (statuses.find(status => status.name === container.name)?.state?.running === undefined) return { problem: 'it does not run' }
  try {
    for (const command of PRINTERS) {
      const { exitCode, stdout } = await cluster.exec(namespace, name, { container: container.name, command }, signal)
      if (exitCode === 0) return { found: parseEnviron(stdout) }
    }
    return { problem: 'its image has neither cat nor env' }
  } catch (thrown) {
    signal.throwIfAborted()
    const hint = thrown instanceof InterceptError && thrown.code === 'CLUSTER_FORBIDDEN' ? thrown.hint : undefined
    return { problem: asError(thrown).message, ...(hint === undefined ? {} : { hint }) }
  }
}
