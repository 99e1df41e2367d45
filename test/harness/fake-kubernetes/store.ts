/** The objects of the fake API server, their versions and the history that watches read. */
import type { Kind } from '../../../src/kube/types.ts'

export interface FakeObject {
  kind?: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; resourceVersion?: string; [key: string]: unknown }
  [key: string]: unknown
}

export interface Change {
  version: number
  kind: Kind
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: FakeObject
}

export class FakeStore {
  readonly #objects = new Map<string, FakeObject>()
  #history: Change[] = []
  #compactedTo = 0
  version = 100
  readonly listeners = new Set<(change: Change) => void>()

  set(kind: Kind, object: FakeObject): FakeObject {
    const key = keyOf(kind, object.metadata.namespace ?? 'default', object.metadata.name)
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED'
    this.version += 1
    const metadata = {
      namespace: 'default',
      uid: key,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...object.metadata,
      resourceVersion: String(this.version),
      managedFields: [{ manager: 'fake' }]
    }
    const stored = { ...structuredClone(object), metadata }
    this.#objects.set(key, stored)
    this.#record({ version: this.version, kind, type, object: stored })
    return stored
  }

  /** False when it was not there. */
  delete(kind: Kind, name: string, namespace = 'default'): boolean {
    const key = keyOf(kind, namespace, name)
    const object = this.#objects.get(key)
    if (object === undefined) return false
    this.#objects.delete(key)
    this.version += 1
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } }
    this.#record({ version: this.version, kind, type: 'DELETED', object: last })
    return true
  }

  get(kind: Kind, namespace: string, name: string): FakeObject | undefined {
    return this.#objects.get(keyOf(kind, namespace, name))
  }

  list(kind: Kind, namespace: string | undefined, matches: (object: FakeObject) => boolean): FakeObject[] {
    const prefix = namespace === undefined ? `${kind}/` : `${kind}/${namespace}/`
    return [...this.#objects].filter(([key, object]) => key.startsWith(prefix) && matches(object)).map(([, object]) => object)
  }

  /** Undefined when that version is no longer known: 410. */
  since(version: number): Change[] | undefined {
    return version < this.#compactedTo ? undefined : this.#history.filter(change => change.version > version)
  }

  /** Forgets the history, as etcd compaction does. */
  compact(): void {
    this.version += 1
    this.#compactedTo = this.version
    this.#history = []
  }

  #record(change: Change): void {
    this.#history.push(change)
    for (const listener of this.listeners) listener(change)
  }
}

const keyOf = (kind: Kind, namespace: string, name: string): string => `${kind}/${namespace}/${name}`

/** `a=b,c!=d,e,!f` over labels, `metadata.name=x,spec.nodeName=y` over fields. */
export function selectorOf(labels: string, fields: string): (object: FakeObject) => boolean {
  const label = labels.split(',').filter(term => term !== '')
  const field = fields.split(',').filter(term => term !== '')
  return object =>
    label.every(term => holds(term, key => object.metadata.labels?.[key])) && field.every(term => holds(term, key => fieldOf(object, key)))
}

function holds(term: string, value: (key: string) => string | undefined): boolean {
  const match = /^([^!=]+)(==?|!=)(.*)$/.exec(term)
  if (match !== null) return (match[2] === '!=') !== (value(match[1] ?? '') === match[3])
  return term.startsWith('!') ? value(term.slice(1)) === undefined : value(term) !== undefined
}

function fieldOf(object: FakeObject, path: string): string | undefined {
  let value: unknown = object
  for (const key of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return typeof value === 'string' ? value : undefined
}
