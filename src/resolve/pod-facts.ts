/** Pods → what their containers run, with the ConfigMaps and Secrets that gost's configuration needs: each fetched once, in parallel, and no other. */
import { asError } from '../base/errors.ts'
import { together } from '../base/together.ts'
import { type ContainerFacts, gostFacts } from '../discovery/container.ts'
import { type ObjectData, type PodSpec, runningContainers, type Sources } from '../discovery/pod-spec.ts'
import { NOT_FETCHED, referencesOf } from '../discovery/references.ts'
import type { ServerFact, SidecarFact } from '../discovery/types.ts'
import { type Inventory, isForbidden } from './inventory.ts'
import { labelsOf, nameOf, namespaceOf, type Pod, portsOf, type Service } from './objects.ts'

export interface PodFacts {
  pod: Pod
  containers: { name: string; image: string; facts: ContainerFacts }[]
  sidecars: SidecarFact[]
  servers: ServerFact[]
  problems: string[]
}

export interface FactReader {
  read(pods: readonly Pod[]): Promise<PodFacts[]>
  /** With what was fetched so far; fetches nothing. */
  peek(pod: Pod): PodFacts
}

/** More ConfigMaps than this in one namespace are listed instead of fetched one by one. Secrets are never listed. */
const LIST_FROM = 4
/** An object can lead to another one, but not for ever. */
const MAX_ROUNDS = 5

export function factReader(inventory: Inventory, services: (namespace: string) => readonly Service[]): FactReader {
  const objects = new Map<string, ObjectData>()
  const sources = (pod: Pod): Sources => {
    const namespace = namespaceOf(pod)
    const known = (kind: string, name: string): ObjectData => objects.get(`${kind} ${namespace} ${name}`) ?? { problem: NOT_FETCHED }
    return {
      configMap: name => known('configmaps', name),
      secret: name => known('secrets', name),
      field: path => fieldOf(pod, path),
      serviceVariable: name => serviceVariable(services(namespace), name)
    }
  }
  const wanted = (pods: readonly Pod[]): Map<string, Set<string>> => {
    const byKind = new Map<string, Set<string>>()
    for (const pod of pods) {
      const spec = specOf(pod)
      for (const container of runningContainers(spec)) {
        const { configMaps, secrets } = referencesOf(spec, container, sources(pod))
        for (const [kind, names] of [
          ['configmaps', configMaps],
          ['secrets', secrets]
        ] as const) {
          const key = `${kind} ${namespaceOf(pod)}`
          byKind.set(key, new Set([...(byKind.get(key) ?? []), ...names]))
        }
      }
    }
    return byKind
  }
  const fetchAll = async (byKind: Map<string, Set<string>>): Promise<boolean> => {
    const fetches: Promise<void>[] = []
    for (const [key, names] of byKind) {
      const [kind = '', namespace = ''] = key.split(' ')
      if (kind === 'secrets') for (const name of names) fetches.push(fetchSecret(inventory, namespace, name, objects))
      else if (names.size > 0) fetches.push(fetchConfigMaps(inventory, namespace, names, objects))
    }
    await together(fetches)
    return fetches.length > 0
  }
  return {
    async read(pods) {
      for (let round = 0; round < MAX_ROUNDS; round += 1) if (!(await fetchAll(wanted(pods)))) break
      return pods.map(pod => factsOf(pod, sources(pod)))
    },
    peek: pod => factsOf(pod, sources(pod))
  }
}

const specOf = (pod: Pod): PodSpec => pod.spec ?? { containers: [] }

function factsOf(pod: Pod, sources: Sources): PodFacts {
  const spec = specOf(pod)
  const containers = runningContainers(spec).map(container => ({
    name: container.name,
    image: container.image ?? '',
    facts: gostFacts(spec, container, sources)
  }))
  return {
    pod,
    containers,
    sidecars: containers.flatMap(({ facts }) => facts.sidecars),
    servers: containers.flatMap(({ facts }) => facts.servers),
    problems: containers.flatMap(({ name, facts }) => facts.problems.map(problem => `container ${name}: ${problem}`))
  }
}

async function fetchSecret(inventory: Inventory, namespace: string, name: string, into: Map<string, ObjectData>): Promise<void> {
  const data = await attempt(async () => {
    const secret = await inventory.get('secrets', namespace, name)
    return secret === undefined
      ? undefined
      : new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]))
  })
  into.set(`secrets ${namespace} ${name}`, data)
}

async function fetchConfigMaps(
  inventory: Inventory,
  namespace: string,
  names: ReadonlySet<string>,
  into: Map<string, ObjectData>
): Promise<void> {
  if (names.size >= LIST_FROM || inventory.everywhere) await inventory.listIfAllowed('configmaps', namespace)
  await together(
    [...names].map(async name => {
      const data = await attempt(async () => {
        const map = await inventory.get('configmaps', namespace, name)
        if (map === undefined) return undefined
        const binary = Object.entries(map.binaryData ?? {}).map(
          ([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')] as const
        )
        return new Map([...Object.entries(map.data ?? {}), ...binary])
      })
      into.set(`configmaps ${namespace} ${name}`, data)
    })
  )
}

async function attempt(fetch: () => Promise<Map<string, string> | undefined>): Promise<ObjectData> {
  try {
    const data = await fetch()
    return data === undefined ? { problem: 'does not exist' } : { data }
  } catch (thrown) {
    if (!isForbidden(thrown)) throw asError(thrown)
    return { problem: 'may not be read (forbidden)' }
  }
}

function fieldOf(pod: Pod, path: string): string | undefined {
  const entry = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (entry !== null) return (entry[1] === 'labels' ? labelsOf(pod) : (pod.metadata?.annotations ?? {}))[entry[2] ?? ''] ?? ''
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': nameOf(pod),
    'metadata.namespace': namespaceOf(pod),
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': pod.spec?.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName,
    'status.podIP': pod.status?.podIP,
    'status.hostIP': pod.status?.hostIP
  }
  return fields[path]
}

/** `PROXY_SERVICE_HOST`, `PROXY_SERVICE_PORT`, `PROXY_SERVICE_PORT_TUNNEL`. */
function serviceVariable(services: readonly Service[], name: string): string | undefined {
  const match = /^([A-Z][A-Z0-9_]*)_SERVICE_(HOST|PORT)(?:_([A-Z0-9_]+))?$/.exec(name)
  if (match === null) return undefined
  const upper = (text: string | undefined): string => (text ?? '').toUpperCase().replaceAll('-', '_')
  const service = services.find(candidate => upper(nameOf(candidate)) === match[1])
  const ip = service?.spec?.clusterIP
  if (service === undefined || ip === undefined || ip === 'None' || ip === '') return undefined
  if (match[2] === 'HOST') return ip
  const port = match[3] === undefined ? portsOf(service)[0] : portsOf(service).find(candidate => upper(candidate.name) === match[3])
  return port === undefined ? undefined : String(port.port)
}
