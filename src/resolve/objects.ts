/** Plain questions to Kubernetes objects: readiness, owners, selectors, ports. */
import type { ObjectsByKind } from '../kube/types.ts'

export type Pod = ObjectsByKind['pods']
export type Container = NonNullable<Pod['spec']>['containers'][number]
export type Service = ObjectsByKind['services']
export type Ingress = ObjectsByKind['ingresses']
export type Endpoints = ObjectsByKind['endpoints']
export type WorkloadObject =
  | ObjectsByKind['deployments']
  | ObjectsByKind['statefulsets']
  | ObjectsByKind['daemonsets']
  | ObjectsByKind['replicasets']
export type Labels = Readonly<Record<string, string>>

export interface LabelSelector {
  matchLabels?: Labels
  matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[]
}

export const nameOf = (object: { metadata?: { name?: string } }): string => object.metadata?.name ?? ''
export const namespaceOf = (object: { metadata?: { namespace?: string } }): string => object.metadata?.namespace ?? ''
export const labelsOf = (object: { metadata?: { labels?: Labels } }): Labels => object.metadata?.labels ?? {}

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ?? false
export const isTerminating = (pod: Pod): boolean => pod.metadata?.deletionTimestamp !== undefined
/** Ended pods take no traffic and never will again. */
export const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

/** `deployment/nginx`, from the controlling owner; a ReplicaSet of a Deployment carries the pod-template-hash at its end. */
export function workloadOf(pod: Pod): string {
  const owner = pod.metadata?.ownerReferences?.find(reference => reference.controller === true)
  if (owner === undefined) return `pod/${nameOf(pod)}`
  const hash = labelsOf(pod)['pod-template-hash']
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`))
    return `deployment/${owner.name.slice(0, -hash.length - 1)}`
  return `${owner.kind.toLowerCase()}/${owner.name}`
}

/** A Service's selector; nothing matches an empty one. */
export const selects = (selector: Labels | undefined, labels: Labels): boolean =>
  selector !== undefined && Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value)

/** A workload's selector. */
export function matches(selector: LabelSelector, labels: Labels): boolean {
  if (!Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value)) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    if (operator === 'In') return value !== undefined && values.includes(value)
    if (operator === 'NotIn') return value === undefined || !values.includes(value)
    if (operator === 'Exists') return value !== undefined
    return operator === 'DoesNotExist' && value === undefined
  })
}

/** The text form of a selector, for list and watch requests. */
export function formatSelector(selector: LabelSelector): string {
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'In' || operator === 'NotIn') return `${key} ${operator.toLowerCase()} (${values.join(',')})`
    return operator === 'Exists' ? key : `!${key}`
  })
  return [...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`), ...expressions].join(',')
}

/** `-l`: `a=b,c!=d,e in (x,y),f,!g`. Undefined when it cannot be read. */
export function parseSelector(text: string): LabelSelector | undefined {
  const matchExpressions: { key: string; operator: string; values: string[] }[] = []
  for (const part of text.split(/,(?![^()]*\))/).map(item => item.trim())) {
    const set = /^([\w./-]+)\s+(in|notin)\s+\(([^()]*)\)$/.exec(part)
    const equal = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/.exec(part)
    const exists = /^(!?)\s*([\w./-]+)$/.exec(part)
    if (set !== null)
      matchExpressions.push({
        key: set[1] ?? '',
        operator: set[2] === 'in' ? 'In' : 'NotIn',
        values: (set[3] ?? '').split(',').map(value => value.trim())
      })
    else if (equal !== null)
      matchExpressions.push({ key: equal[1] ?? '', operator: equal[2] === '!=' ? 'NotIn' : 'In', values: [equal[3] ?? ''] })
    else if (exists !== null)
      matchExpressions.push({ key: exists[2] ?? '', operator: exists[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] })
    else return undefined
  }
  return { matchExpressions }
}

/** A Service port's container port in this pod; a name is looked up in the pod's containers. */
export function targetPort(port: { port: number; targetPort?: number | string }, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target
  if (/^\d+$/.test(target)) return Number(target)
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  return containers.flatMap(container => container.ports ?? []).find(candidate => candidate.name === target)?.containerPort
}

export const portsOf = (
  service: Service
): { name?: string; port: number; targetPort?: number | string; protocol?: string; appProtocol?: string }[] => service.spec?.ports ?? []

/** The Service port that an Ingress backend or a `--port` names. */
export function servicePort(
  service: Service,
  wanted: { name?: string | undefined; number?: number | undefined }
): ReturnType<typeof portsOf>[number] | undefined {
  return portsOf(service).find(port => (wanted.name === undefined ? port.port === wanted.number : port.name === wanted.name))
}
