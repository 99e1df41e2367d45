/** A target's name → its pods, in the order of product.md §4 rules 1 and 2, with one line for every fallback taken. */
import { InterceptError } from '../base/errors.ts'
import { nearest } from '../base/format.ts'
import { together } from '../base/together.ts'
import { podsBehind, selectorText } from './server-pods.ts'
import { formatSelector, type Ingress, isOver, labelsOf, matches, nameOf, type Pod, type Service, type WorkloadObject } from './objects.ts'
import type { TargetKind, TargetRef } from './types.ts'
import { findWorkload, isWorkloadKind, selectorOf, WORKLOAD_KINDS, type WorkloadKind } from './workloads.ts'
import type { World } from './world.ts'

export interface Located {
  /** `deployment/nginx`, `service/nginx`. */
  what: string
  kind: TargetKind
  pods: Pod[]
  /** The pod template of a workload without pods, as a pod without a name. */
  template: Pod | undefined
  podSelector: string | undefined
  service: Service | undefined
  ingress: Ingress | undefined
  notes: string[]
}

const BARE: readonly TargetKind[] = ['service', 'deployment', 'statefulset', 'daemonset', 'ingress', 'pod']
const WITHOUT_SERVICE: readonly TargetKind[] = ['deployment', 'statefulset', 'daemonset', 'pod', 'ingress']
const WORDS: Readonly<Record<TargetKind, string>> = {
  service: 'Service',
  deployment: 'Deployment',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
  replicaset: 'ReplicaSet',
  pod: 'pod',
  ingress: 'Ingress'
}

/** Throws TARGET_NOT_FOUND with the nearest names. */
export async function locate(world: World, target: TargetRef, namespace: string): Promise<Located> {
  const kinds: readonly TargetKind[] =
    target.kind === undefined ? BARE : target.kind === 'service' ? ['service', ...WITHOUT_SERVICE] : [target.kind]
  const found = await together(kinds.map(kind => find(world, kind, namespace, target.name)))
  const index = found.findIndex(item => item !== undefined)
  const located = found[index]
  if (located === undefined) throw await notFound(world, target, namespace)
  if (target.kind === 'service' && located.kind !== 'service') {
    located.notes.push(`there is no Service ${target.name} in namespace ${namespace}: took ${located.what}`)
  }
  return located
}

async function find(world: World, kind: TargetKind, namespace: string, name: string): Promise<Located | undefined> {
  const base: Located = {
    what: `${kind}/${name}`,
    kind,
    pods: [],
    template: undefined,
    podSelector: undefined,
    service: undefined,
    ingress: undefined,
    notes: []
  }
  if (kind === 'service') {
    const service = (await world.services(namespace)).find(candidate => nameOf(candidate) === name)
    return service === undefined
      ? undefined
      : { ...base, service, pods: await podsBehind(world, service), podSelector: selectorText(service) }
  }
  if (kind === 'ingress') {
    const ingress = (await world.inventory.listIfAllowed('ingresses', namespace)).find(candidate => nameOf(candidate) === name)
    return ingress === undefined ? undefined : { ...base, ingress }
  }
  const pods = (await world.inventory.list('pods', namespace)).filter(pod => !isOver(pod))
  if (kind === 'pod') {
    const pod = pods.find(candidate => nameOf(candidate) === name)
    return pod === undefined ? undefined : { ...base, pods: [pod] }
  }
  const workload = await findWorkload(world, kind, namespace, name)
  return workload === undefined ? undefined : ofWorkload(base, workload, pods, namespace)
}

function ofWorkload(base: Located, workload: WorkloadObject, pods: readonly Pod[], namespace: string): Located {
  const selector = selectorOf(workload)
  const own = pods.filter(pod => matches(selector, labelsOf(pod)))
  const template = own.length > 0 ? undefined : templatePod(workload, namespace)
  const notes = template === undefined ? [] : [`${base.what} has no pods now: read its pod template`]
  return { ...base, pods: own, template, podSelector: formatSelector(selector), notes }
}

function templatePod(workload: WorkloadObject, namespace: string): Pod | undefined {
  const template = workload.spec?.template
  return template?.spec === undefined
    ? undefined
    : {
        metadata: { labels: template.metadata?.labels ?? {}, annotations: template.metadata?.annotations ?? {}, namespace, name: '' },
        spec: template.spec
      }
}

async function notFound(world: World, target: TargetRef, namespace: string): Promise<InterceptError> {
  const kind = target.kind === undefined ? '' : `${WORDS[target.kind]} `
  const kinds: readonly WorkloadKind[] =
    target.kind !== undefined && isWorkloadKind(target.kind) ? [target.kind] : ['deployment', 'statefulset', 'daemonset']
  const objects = await together([
    world.inventory.listIfAllowed('services', namespace),
    world.inventory.listIfAllowed('ingresses', namespace),
    ...kinds.map(one => world.inventory.listIfAllowed(WORKLOAD_KINDS[one], namespace))
  ])
  const names = new Set(objects.flatMap(list => list.map(nameOf)))
  const close = nearest(target.name, names)
  const fallback = target.kind === 'service' ? ', nor a workload or an Ingress of that name' : ''
  const meant = close.length === 0 ? '' : ` (did you mean ${close.join(', ')}?)`
  return new InterceptError('TARGET_NOT_FOUND', `there is no ${kind}${target.name} in namespace ${namespace}${fallback}${meant}`, {
    hint: `see what can be intercepted: kubectl intercept list -n ${namespace}`,
    details: { target: target.text, namespace, nearest: close }
  })
}
