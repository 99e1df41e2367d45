/** The lists of one resolution: each kind at most once per namespace (or once for all), in parallel, kept until the answer is out. */
import { asError, InterceptError } from '../base/errors.ts'
import type { Cluster, Kind, ObjectsByKind } from '../kube/types.ts'
import { namespaceOf } from './objects.ts'

/** What this folder needs of the cluster. */
export type ReadableCluster = Pick<Cluster, 'list' | 'get' | 'namespace'>

export interface Inventory {
  /** Throws what the cluster threw. */
  list<K extends Kind>(kind: K, namespace: string): Promise<ObjectsByKind[K][]>
  /** Empty where it is forbidden; the refusal is remembered. */
  listIfAllowed<K extends Kind>(kind: K, namespace: string): Promise<ObjectsByKind[K][]>
  listAll<K extends Kind>(kind: K): Promise<ObjectsByKind[K][]>
  /** Undefined when it does not exist; from a list that is already there, else by name. */
  get<K extends Kind>(kind: K, namespace: string, name: string): Promise<ObjectsByKind[K] | undefined>
  /** `ingresses in namespace shop`, for notes. */
  readonly forbidden: ReadonlySet<string>
  readonly everywhere: boolean
}

export const isForbidden = (error: unknown): boolean => error instanceof InterceptError && error.code === 'CLUSTER_FORBIDDEN'

/** `everywhere`: one list over all namespaces instead of one per namespace. */
export function inventory(cluster: ReadableCluster, options: { everywhere: boolean; signal: AbortSignal | undefined }): Inventory {
  const { everywhere, signal } = options
  const lists = new Map<string, Promise<unknown[]>>()
  const objects = new Map<string, Promise<unknown>>()
  const forbidden = new Set<string>()

  // The map holds lists of many kinds: the key says which, so that the cast back is sound.
  const cached = <K extends Kind>(kind: K, namespace: string | undefined): Promise<ObjectsByKind[K][]> => {
    const key = `${kind} ${namespace ?? ''}`
    const known = lists.get(key) ?? cluster.list(kind, { namespace, signal })
    lists.set(key, known)
    known.catch(() => {}) // whoever awaits it sees the failure; a list asked for ahead may never be awaited
    return known as Promise<ObjectsByKind[K][]>
  }
  const list = async <K extends Kind>(kind: K, namespace: string): Promise<ObjectsByKind[K][]> => {
    if (!everywhere) return cached(kind, namespace)
    return (await cached(kind, undefined)).filter(item => namespaceOf(item) === namespace)
  }
  const orEmpty = async <T>(kind: Kind, where: string, items: Promise<T[]>): Promise<T[]> => {
    try {
      return await items
    } catch (thrown) {
      if (!isForbidden(thrown)) throw asError(thrown)
      forbidden.add(`${kind} in ${where}`)
      return []
    }
  }
  return {
    everywhere,
    forbidden,
    list,
    listIfAllowed: (kind, namespace) => orEmpty(kind, `namespace ${namespace}`, list(kind, namespace)),
    listAll: kind => cached(kind, undefined),
    async get(kind, namespace, name) {
      const key = `${kind} ${everywhere ? '' : namespace}`
      // A refused list says nothing about a single object.
      const listed = lists.has(key) ? await list(kind, namespace).catch(() => undefined) : undefined
      if (listed !== undefined) return listed.find(item => item.metadata?.name === name)
      const one = `${kind} ${namespace} ${name}`
      const known = objects.get(one) ?? cluster.get(kind, namespace, name, signal)
      objects.set(one, known)
      return (await known) as ObjectsByKind[typeof kind] | undefined
    }
  }
}
