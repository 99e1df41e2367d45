/** Writing Leases, the only objects that we change. Each is a compare-and-swap: nobody's change is ever overwritten unseen. */
import { InterceptError } from '../base/errors.ts'
import type { ApiClient, ApiRequest } from './api-client.ts'
import { RESOURCES, resourcePath, shapeObject } from './resources.ts'
import type { Cluster, Lease } from './types.ts'

const JSON_BODY = { 'Content-Type': 'application/json' }
const KIND = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }

export function createLease(client: ApiClient): Cluster['createLease'] {
  return async lease => {
    const path = resourcePath('leases', lease.metadata.namespace)
    return written<Lease>(client, { method: 'POST', path, body: JSON.stringify({ ...KIND, ...lease }) }, { verb: 'create', lease })
  }
}

export function replaceLease(client: ApiClient): Cluster['replaceLease'] {
  return async lease => {
    const path = resourcePath('leases', lease.metadata.namespace, lease.metadata.name)
    return written<Lease>(client, { method: 'PUT', path, body: JSON.stringify({ ...KIND, ...lease }) }, { verb: 'update', lease })
  }
}

export function deleteLease(client: ApiClient): Cluster['deleteLease'] {
  return async lease => {
    const { namespace, name, resourceVersion } = lease.metadata
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { resourceVersion } })
    const path = resourcePath('leases', namespace, name)
    return (await written(client, { method: 'DELETE', path, body }, { verb: 'delete', lease })) !== undefined
  }
}

/** Undefined for a conflict, and for an object that is not there. */
async function written<T>(
  client: ApiClient,
  request: ApiRequest,
  { verb, lease }: { verb: string; lease: Pick<Lease, 'metadata'> }
): Promise<T | undefined> {
  const { namespace, name } = lease.metadata
  const asked = { verb, resource: RESOURCES.leases.full, namespace, name: verb === 'create' ? undefined : name }
  try {
    const answer = await client.json<T>({ ...request, headers: JSON_BODY }, asked)
    shapeObject(answer)
    return answer
  } catch (error) {
    if (error instanceof InterceptError && error.details['status'] === 409) return undefined
    throw error
  }
}
