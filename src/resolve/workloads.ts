/** Workload objects: by name, and the selector under which their pods are followed. */
import { formatSelector, type LabelSelector, labelsOf, nameOf, type Pod, type WorkloadObject } from './objects.ts'
import type { World } from './world.ts'

export const WORKLOAD_KINDS = {
  deployment: 'deployments',
  statefulset: 'statefulsets',
  daemonset: 'daemonsets',
  replicaset: 'replicasets'
} as const
export type WorkloadKind = keyof typeof WORKLOAD_KINDS

export const isWorkloadKind = (kind: string): kind is WorkloadKind => Object.hasOwn(WORKLOAD_KINDS, kind)

export async function findWorkload(world: World, kind: WorkloadKind, namespace: string, name: string): Promise<WorkloadObject | undefined> {
  const objects: readonly WorkloadObject[] = await world.inventory.listIfAllowed(WORKLOAD_KINDS[kind], namespace)
  return objects.find(object => nameOf(object) === name)
}

export const selectorOf = (workload: WorkloadObject): LabelSelector => workload.spec?.selector ?? {}

/** Labels that change with each revision or pod. */
const REVISION_LABELS = new Set([
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index'
])

/** The selector of `deployment/nginx`; where the object may not be read, the labels that its pods share. Undefined for a single pod. */
export async function podSelectorOf(world: World, workload: string, namespace: string, pods: readonly Pod[]): Promise<string | undefined> {
  const [kind = '', name = ''] = workload.split('/')
  if (kind === 'pod') return undefined
  const object = isWorkloadKind(kind) ? await findWorkload(world, kind, namespace, name) : undefined
  if (object !== undefined) return formatSelector(selectorOf(object))
  const [first, ...rest] = pods.map(labelsOf)
  const shared = Object.entries(first ?? {}).filter(
    ([key, value]) => !REVISION_LABELS.has(key) && rest.every(labels => labels[key] === value)
  )
  return shared.length === 0 ? undefined : shared.map(([key, value]) => `${key}=${value}`).join(',')
}
