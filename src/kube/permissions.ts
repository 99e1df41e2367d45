/** May we? Asked with a SelfSubjectAccessReview, which every authenticated user may create. */
import { type ApiClient, readText } from './api-client.ts'
import type { Cluster } from './types.ts'

interface Review {
  status?: { allowed?: boolean }
}

/** Undefined when the question itself was refused. Throws CLUSTER_UNREACHABLE when there was no answer. */
export function canI(client: ApiClient): Cluster['canI'] {
  return async (verb, resource, { namespace, group, subresource, name }) => {
    const [plural = '', sub] = resource.split('/')
    const body = JSON.stringify({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          verb,
          namespace,
          group: group ?? '',
          resource: plural,
          subresource: subresource ?? sub ?? '',
          name: name ?? ''
        }
      }
    })
    const answer = await client.send({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body
    })
    const text = await readText(answer)
    if (answer.statusCode !== 200 && answer.statusCode !== 201) return undefined
    return (JSON.parse(text) as Review).status?.allowed
  }
}
