/**
 * The environment that the kubelet gives a container, from plain objects, by the rules of its makeEnvironmentVariables (kubelet_pods.go): `envFrom`
 * first, then `env` in order with `$(VAR)` expanded from what came before and from service links, then the other service links. What cannot be known
 * is named instead of guessed, and so is everything that is made of it.
 */
import { expand, type Value } from '../discovery/expand.ts'
import { fieldValue, hostnameOf } from '../resolve/pod-field.ts'
import { type Allocatable, resourceValue } from '../resolve/resource-field.ts'
import type { Unread } from '../resolve/unread.ts'
import { linkedServices, serviceLinks } from './service-links.ts'
import type { Container, EnvironmentPlan, Missing, ObjectRead, Pod, Service, Variable } from './types.ts'

export interface EnvironmentSources {
  configMap: (name: string) => ObjectRead
  secret: (name: string) => ObjectRead
  /** Of the pod's namespace and the one of the API server, each or why not. */
  services: Service[]
  servicesUnread: { own?: Missing; master?: Missing }
  allocatable: Allocatable
  /** Kubelets before 1.32 leave out keys that are no variable names. */
  strictNames: boolean
}

type EnvEntry = NonNullable<Container['env']>[number]
type KeyRef = { name?: string | undefined; key: string; optional?: boolean | undefined }
type Known = Omit<Variable, 'name'>
type Unknown = Omit<Missing, 'what' | 'name'>
type Slot = Known | Unknown

interface Build {
  pod: Pod
  container: Container
  sources: EnvironmentSources
  own: Map<string, Slot>
  links: ReadonlyMap<string, Variable>
  /** `envFrom` that could not be read: any name with that prefix may stand behind it. */
  unread: { prefix: string; slot: Unknown }[]
  missing: Missing[]
  skipped: string[]
}

/** What kubelets before 1.32 took from `envFrom`. */
export const isOldName = (name: string): boolean => /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name) && name !== '.' && name !== '..'

export function planEnvironment(pod: Pod, container: Container, sources: EnvironmentSources): EnvironmentPlan {
  const services = linkedServices(pod.metadata?.namespace ?? '', pod.spec?.enableServiceLinks !== false, sources.services)
  const links = new Map(serviceLinks(services).map(link => [link.name, link]))
  const build: Build = {
    pod,
    container,
    sources,
    own: new Map(),
    links,
    unread: [],
    missing: Object.values(sources.servicesUnread),
    skipped: []
  }
  for (const from of container.envFrom ?? []) addObject(build, from)
  for (const entry of container.env ?? []) addEntry(build, entry)
  const hostname = hostnameOf(pod)
  if (!build.own.has('HOSTNAME') && hostname !== undefined) build.own.set('HOSTNAME', { value: hostname, source: 'runtime', secret: false })
  const variables: Variable[] = []
  for (const [name, slot] of build.own) {
    if ('value' in slot) variables.push({ name, ...slot })
    else build.missing.push({ ...slot, what: name, name })
  }
  for (const link of links.values()) if (!build.own.has(link.name)) variables.push(link)
  return { variables, missing: build.missing, skipped: build.skipped }
}

function addObject(build: Build, from: NonNullable<Container['envFrom']>[number]): void {
  const ref = from.configMapRef ?? from.secretRef
  if (ref === undefined) return
  const secret = from.configMapRef === undefined
  const [word, kind] = secret ? ['Secret', 'secret'] : ['ConfigMap', 'configmap']
  const name = ref.name ?? ''
  const object = secret ? build.sources.secret(name) : build.sources.configMap(name)
  const prefix = from.prefix ?? ''
  const source = `${kind}/${name}`
  if ('problem' in object) {
    if (object.absent && ref.optional === true) return
    const slot: Unknown = { source, secret, ...reason(`${word} ${name}`, object) }
    build.missing.push({ what: prefix === '' ? `all of ${word} ${name}` : `all of ${word} ${name} (${prefix}…)`, ...slot })
    if (!object.absent) build.unread.push({ prefix, slot })
    return
  }
  const refused: string[] = []
  const add = (key: string, slot: Slot): void => {
    if (build.sources.strictNames && !isOldName(`${prefix}${key}`)) refused.push(`${prefix}${key}`)
    else build.own.set(`${prefix}${key}`, slot)
  }
  for (const [key, value] of object.values) add(key, { value, source: `${source}:${key}`, secret })
  for (const [key, why] of object.unusable)
    if (!build.own.has(`${prefix}${key}`) && why !== BINARY)
      add(key, { source: `${source}:${key}`, secret, why: `${word} ${name}: key ${key} ${why}` })
  if (refused.length > 0)
    build.skipped.push(
      `Keys [${refused.sort().join(', ')}] from the EnvFrom ${kind === 'secret' ? 'secret' : 'configMap'} ${build.pod.metadata?.namespace ?? ''}/${name} were skipped since they are considered invalid environment variable names.`
    )
}

/** The kubelet reads `data` only. */
export const BINARY = 'is binaryData, of which no variable is made'

const reason = (what: string, { problem, hint }: Unread): { why: string; hint?: string } => ({
  why: `${what} ${problem}`,
  ...(hint === undefined ? {} : { hint })
})

function addEntry(build: Build, entry: EnvEntry): void {
  const { name } = entry
  if (entry.value !== undefined && entry.value !== '') {
    build.own.set(name, expanded(build, entry.value))
    return
  }
  if (entry.valueFrom === undefined) {
    build.own.set(name, { value: '', source: 'spec', secret: false })
    return
  }
  const slot = fromSource(build, entry.valueFrom)
  if (slot !== undefined) build.own.set(name, slot)
}

/** Undefined: optional and not there, so that the kubelet passes over it. */
function fromSource({ pod, container, sources }: Build, from: NonNullable<EnvEntry['valueFrom']>): Slot | undefined {
  if (from.fieldRef !== undefined) {
    const source = `field:${from.fieldRef.fieldPath}`
    return slotOf(fieldValue(pod, from.fieldRef.fieldPath), source)
  }
  if (from.resourceFieldRef !== undefined) {
    const source = `resource:${from.resourceFieldRef.resource}`
    return slotOf(resourceValue(from.resourceFieldRef, { pod, container, allocatable: sources.allocatable }), source)
  }
  if (from.configMapKeyRef !== undefined) return fromKey(from.configMapKeyRef, 'ConfigMap', sources.configMap)
  if (from.secretKeyRef !== undefined) return fromKey(from.secretKeyRef, 'Secret', sources.secret)
  if ('fileKeyRef' in from)
    return { source: 'file', secret: true, why: 'it is read from a file of a volume, which cannot be seen from outside' }
  return { value: '', source: 'spec', secret: false }
}

const slotOf = (read: { text: string } | { problem: string }, source: string): Slot =>
  'text' in read ? { value: read.text, source, secret: false } : { source, secret: false, why: read.problem }

function fromKey({ name = '', key, optional }: KeyRef, word: 'ConfigMap' | 'Secret', read: (name: string) => ObjectRead): Slot | undefined {
  const secret = word === 'Secret'
  const source = `${word.toLowerCase()}/${name}:${key}`
  const object = read(name)
  if ('problem' in object) {
    return object.absent && optional === true ? undefined : { source, secret, ...reason(`${word} ${name}`, object) }
  }
  const value = object.values.get(key)
  if (value !== undefined) return { value, source, secret }
  const unusable = object.unusable.get(key)
  if (optional === true && (unusable === undefined || unusable === BINARY)) return undefined
  return { source, secret, why: `${word} ${name}${unusable === undefined ? ` has no key ${key}` : `: key ${key} ${unusable}`}` }
}

function expanded(build: Build, text: string): Slot {
  let secret = false
  let lost: { name: string; slot: Unknown } | undefined
  let used = false
  const lookup = (name: string): Value => {
    const slot: Slot | undefined = build.own.get(name) ?? build.links.get(name) ?? hidden(build, name)
    if (slot === undefined) return undefined
    used = true
    secret ||= slot.secret
    if ('value' in slot) return { text: slot.value }
    lost ??= { name, slot }
    return { unknown: slot.why }
  }
  const value = expand(text, lookup)
  if (lost === undefined) return { value, source: used ? 'spec $(…)' : 'spec', secret }
  const { name, slot } = lost
  return { ...slot, secret, source: 'spec $(…)', why: `it is made of ${name}: ${slot.why}` }
}

const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_\d+_.+)?)$/

/** A name that is set nowhere may come from what could not be read. */
function hidden({ unread, sources }: Build, name: string): Unknown | undefined {
  const behind = unread.findLast(({ prefix }) => name.startsWith(prefix))
  if (behind !== undefined) return behind.slot
  if (!SERVICE_LINK.test(name)) return undefined
  return name.startsWith('KUBERNETES_') ? sources.servicesUnread.master : sources.servicesUnread.own
}
