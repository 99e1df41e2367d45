/** Create, replace and delete as the API server does them: names are unique, and who names a version must have seen the last one. */
import type { Kind } from '../../../src/kube/types.ts'
import type { FakeObject, FakeStore } from './store.ts'

interface Asked {
  verb: string
  resource: string
  namespace: string | undefined
  name: string | undefined
}

export function write(
  store: FakeStore,
  { verb, resource, namespace = 'default', name }: Asked,
  body: string
): { code: number; body?: unknown } {
  const kind = resource as Kind
  const sent: unknown = body === '' ? {} : JSON.parse(body)
  if (verb === 'create') {
    const object = sent as FakeObject
    if (store.get(kind, namespace, object.metadata.name) !== undefined) return { code: 409 }
    return { code: 201, body: store.set(kind, { ...object, metadata: { ...object.metadata, namespace } }) }
  }
  const found = store.get(kind, namespace, name ?? '')
  if (found === undefined) return { code: 404 }
  const seen = verb === 'delete' ? (sent as { preconditions?: { resourceVersion?: string } }).preconditions : (sent as FakeObject).metadata
  if (seen?.resourceVersion !== undefined && seen.resourceVersion !== found.metadata.resourceVersion) return { code: 409 }
  if (verb === 'update') return { code: 200, body: store.set(kind, sent as FakeObject) }
  store.delete(kind, name ?? '', namespace)
  return { code: 200, body: { kind: 'Status', status: 'Success' } }
}
