/**
 * `auth-provider: oidc`, the last one kubectl knows. client-node has a good one: it is loaded only for users who have it, since importing
 * it costs more than a whole `list`.
 */
import { credentialsError } from './errors.ts'
import type { UserEntry } from './kubeconfig-file.ts'

type Provider = NonNullable<UserEntry['authProvider']>

/** The id token, refreshed in memory when it expired. Throws CLUSTER_CREDENTIALS. */
export async function oidcToken(provider: Provider, userName: string): Promise<string> {
  if (provider.name !== 'oidc') {
    throw credentialsError(`user ${userName}: auth-provider ${provider.name} no longer exists in kubectl (since 1.26)`, {
      hint: 'use a credential plugin (exec), for example gke-gcloud-auth-plugin or kubelogin'
    })
  }
  const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js')
  const refresher = new OpenIDConnectAuth()
  try {
    const applied: { headers: Record<string, string> } = { headers: {} }
    await refresher.applyAuthentication({ name: userName, authProvider: provider }, applied)
    const token = applied.headers['Authorization']?.replace(/^Bearer /, '')
    if (token !== undefined) return token
  } catch (error) {
    throw credentialsError(`user ${userName}: the OIDC provider did not renew the token`, { hint: 'log in again', cause: error })
  }
  throw credentialsError(`user ${userName}: the OIDC id-token has expired and cannot be renewed`, {
    hint: 'log in again; auth-provider.config needs idp-issuer-url, client-id and refresh-token'
  })
}
