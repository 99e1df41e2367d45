/** kubelet's `$(VAR)` in command, args and env values, and the environment that stands behind it. Objects are looked up only for names that are asked for. */
import type { ContainerSpec, EnvEntry, KeySelector, Sources } from './pod-spec.ts'

/** Undefined: the variable is not set. */
export type Value = { text: string } | { unknown: string } | undefined
export type Lookup = (name: string) => Value

/** `$(VAR)` → its value, `$$` → `$`; what is not set stays as written. What is set but unreadable stays too and is told to `onUnknown`. */
export function expand(text: string, lookup: Lookup, onUnknown: (name: string, why: string) => void = () => {}): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (written: string, name: string | undefined) => {
    if (name === undefined) return '$'
    const value = lookup(name)
    if (value === undefined) return written
    if ('text' in value) return value.text
    onUnknown(name, value.unknown)
    return written
  })
}

/** The environment that kubelet gives the container: service links, then envFrom, then env, later ones over earlier ones. */
export function environment(container: ContainerSpec, sources: Sources, serviceLinks = true): Lookup {
  const entries = container.env ?? []
  const before = (name: string, end: number): Value => {
    for (let index = end - 1; index >= 0; index -= 1) {
      const entry = entries[index]
      if (entry?.name === name) return entryValue(entry, sources, other => before(other, index))
    }
    const given = fromObjects(container, sources, name)
    if (given !== undefined) return given
    const link = serviceLinks ? sources.serviceVariable?.(name) : undefined
    return link === undefined ? undefined : { text: link }
  }
  return name => before(name, entries.length)
}

function entryValue(entry: EnvEntry, sources: Sources, earlier: Lookup): Value {
  const { valueFrom } = entry
  if (valueFrom?.configMapKeyRef !== undefined) return keyValue(valueFrom.configMapKeyRef, 'ConfigMap', sources)
  if (valueFrom?.secretKeyRef !== undefined) return keyValue(valueFrom.secretKeyRef, 'Secret', sources)
  if (valueFrom?.fieldRef !== undefined) {
    const text = sources.field(valueFrom.fieldRef.fieldPath)
    return text === undefined
      ? { unknown: `variable ${entry.name} is the pod's ${valueFrom.fieldRef.fieldPath}, which is not known` }
      : { text }
  }
  if (valueFrom?.resourceFieldRef !== undefined)
    return { unknown: `variable ${entry.name} is the container's ${valueFrom.resourceFieldRef.resource}` }
  let unknown: string | undefined
  const text = expand(entry.value ?? '', earlier, (_name, why) => {
    unknown = why
  })
  return unknown === undefined ? { text } : { unknown }
}

function keyValue(ref: KeySelector, kind: 'ConfigMap' | 'Secret', sources: Sources): Value {
  const name = ref.name ?? ''
  const object = kind === 'Secret' ? sources.secret(name) : sources.configMap(name)
  if ('problem' in object) return { unknown: `${kind} ${name} ${object.problem}` }
  const text = object.data.get(ref.key)
  if (text !== undefined) return { text }
  return ref.optional === true ? undefined : { unknown: `${kind} ${name} has no key ${ref.key}` }
}

function fromObjects(container: ContainerSpec, sources: Sources, name: string): Value {
  let unknown: Value
  for (const from of [...(container.envFrom ?? [])].reverse()) {
    const prefix = from.prefix ?? ''
    const ref = from.secretRef ?? from.configMapRef
    if (ref === undefined || !name.startsWith(prefix)) continue
    const kind = from.secretRef === undefined ? 'ConfigMap' : 'Secret'
    const object = kind === 'Secret' ? sources.secret(ref.name ?? '') : sources.configMap(ref.name ?? '')
    if ('problem' in object) {
      if (ref.optional !== true) unknown ??= { unknown: `${kind} ${ref.name ?? ''} ${object.problem}` }
      continue
    }
    const text = object.data.get(name.slice(prefix.length))
    if (text !== undefined) return { text }
  }
  return unknown
}
