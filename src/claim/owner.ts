/** The workload of a tunnel as the owner of its claims: with it gone, Kubernetes removes what sessions left. */
import type { Cluster, OwnerReference } from '../kube/types.ts'

const OWNERS: Readonly<
  Record<string, { kind: 'deployments' | 'statefulsets' | 'daemonsets' | 'replicasets' | 'pods'; apiVersion: string; word: string }>
> = {
  deployment: { kind: 'deployments', apiVersion: 'apps/v1', word: 'Deployment' },
  statefulset: { kind: 'statefulsets', apiVersion: 'apps/v1', word: 'StatefulSet' },
  daemonset: { kind: 'daemonsets', apiVersion: 'apps/v1', word: 'DaemonSet' },
  replicaset: { kind: 'replicasets', apiVersion: 'apps/v1', word: 'ReplicaSet' },
  pod: { kind: 'pods', apiVersion: 'v1', word: 'Pod' }
}

/** Undefined where it cannot be read: an owner is a kindness, no need. */
export async function ownerOf(cluster: Pick<Cluster, 'get'>, workload: string, namespace: string): Promise<OwnerReference | undefined> {
  const [word = '', name = ''] = workload.split('/')
  const owner = OWNERS[word]
  if (owner === undefined) return undefined
  const found = await cluster.get(owner.kind, namespace, name).catch(() => undefined)
  const uid = found?.metadata?.uid
  return uid === undefined ? undefined : { apiVersion: owner.apiVersion, kind: owner.word, name, uid }
}
