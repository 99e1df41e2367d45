/** A token of a ServiceAccount, as the kubelet asks for it: `serviceaccounts/NAME/token`, bound to a pod. */
import type { ApiClient } from './api-client.ts'
import type { Cluster } from './types.ts'

interface TokenRequest {
  status?: { token?: string; expirationTimestamp?: string }
}

export function requestToken(client: ApiClient): Cluster['requestToken'] {
  return async ({ namespace, serviceAccount, audience, expirationSeconds, pod }, signal) => {
    const body = JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience === undefined || audience === '' ? [] : [audience],
        ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
        ...(pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } })
      }
    })
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(serviceAccount)}/token`
    const answer = await client.json<TokenRequest>(
      { method: 'POST', path, headers: { 'Content-Type': 'application/json' }, body, signal },
      { verb: 'create', resource: 'serviceaccounts/token', namespace, name: serviceAccount }
    )
    const { token, expirationTimestamp = '' } = answer?.status ?? {}
    const expiresAt = Date.parse(expirationTimestamp)
    return token === undefined || Number.isNaN(expiresAt) ? undefined : { token, expiresAt: new Date(expiresAt) }
  }
}
