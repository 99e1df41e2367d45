/** Reading objects: one by name, or a whole list page by page. */
import { InterceptError } from '../base/errors.ts'
import type { ApiClient } from './api-client.ts'
import { RESOURCES, resourcePath, selectors, shapeObject, withQuery } from './resources.ts'
import type { Kind, ListOptions, ObjectsByKind } from './types.ts'

export interface ListResult<T> {
  items: T[]
  /** From here a watch goes on. */
  resourceVersion: string
}

interface Page<T> {
  items?: T[] | null
  metadata?: { continue?: string; resourceVersion?: string }
}

const PAGE_ITEMS = 500

/** All pages. Throws CLUSTER_UNREACHABLE, CLUSTER_UNAUTHORIZED, CLUSTER_FORBIDDEN, CLUSTER_CREDENTIALS. */
export async function listAll<K extends Kind>(client: ApiClient, kind: K, options: ListOptions): Promise<ListResult<ObjectsByKind[K]>> {
  try {
    return await listPages<ObjectsByKind[K]>(client, kind, { options, limit: PAGE_ITEMS })
  } catch (error) {
    // The token of the next page is too old (410): one list without pages cannot meet that.
    if (!(error instanceof InterceptError) || error.details['status'] !== 410) throw error
    return listPages<ObjectsByKind[K]>(client, kind, { options, limit: undefined })
  }
}

async function listPages<T>(
  client: ApiClient,
  kind: Kind,
  how: { options: ListOptions; limit: number | undefined }
): Promise<ListResult<T>> {
  const { namespace, signal } = how.options
  const items: T[] = []
  let next: string | undefined
  let resourceVersion = ''
  do {
    const path = withQuery(resourcePath(kind, namespace), { ...selectors(how.options), limit: how.limit, continue: next })
    const page = await client.json<Page<T>>({ method: 'GET', path, signal }, { verb: 'list', resource: RESOURCES[kind].full, namespace })
    for (const item of page?.items ?? []) {
      shapeObject(item)
      items.push(item)
    }
    resourceVersion = page?.metadata?.resourceVersion ?? resourceVersion
    next = page?.metadata?.continue
  } while (next !== undefined && next !== '')
  return { items, resourceVersion }
}

export async function getOne<K extends Kind>(
  client: ApiClient,
  kind: K,
  at: { namespace: string; name: string; signal?: AbortSignal | undefined }
): Promise<ObjectsByKind[K] | undefined> {
  const { namespace, name, signal } = at
  const { full, clusterWide } = RESOURCES[kind]
  const asked = { verb: 'get', resource: full, namespace: clusterWide === true ? undefined : namespace, name }
  const found = await client.json<ObjectsByKind[K]>({ method: 'GET', path: resourcePath(kind, namespace, name), signal }, asked)
  if (found !== undefined) shapeObject(found)
  return found
}
