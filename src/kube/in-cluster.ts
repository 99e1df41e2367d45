/** Access from inside a pod: the service account that Kubernetes mounts. */
import { readFile } from 'node:fs/promises'
import { formatEndpoint } from '../base/connection.ts'
import type { ClusterAccess, Env } from './kubeconfig.ts'
import { emptyCluster, emptyUser } from './kubeconfig-overrides.ts'

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Undefined outside a pod. `folder` is for tests. */
export async function inClusterAccess(env: Env, folder = FOLDER): Promise<ClusterAccess | undefined> {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = env['KUBERNETES_SERVICE_PORT'] ?? ''
  if (host === '' || port === '') return undefined
  const tokenFile = `${folder}/token`
  if ((await readOr(tokenFile)) === undefined) return undefined
  const ca = `${folder}/ca.crt`
  return {
    context: '',
    clusterName: 'in-cluster',
    userName: 'service-account',
    namespace: (await readOr(`${folder}/namespace`))?.trim() || 'default',
    cluster: {
      ...emptyCluster,
      server: `https://${formatEndpoint({ host, port: Number(port) })}`,
      certificateAuthority: (await readOr(ca)) === undefined ? undefined : ca
    },
    user: { ...emptyUser, tokenFile }
  }
}

const readOr = (file: string): Promise<string | undefined> => readFile(file, 'utf8').catch(() => undefined)
