/** A cluster that is a list of plain objects, mostly from YAML manifests; Deployments get the pods their controller would make. Counts requests. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseAllDocuments } from 'yaml'
import { InterceptError } from '../../src/base/errors.ts'
import type { Cluster, Kind, ListOptions, ObjectsByKind } from '../../src/kube/types.ts'
import { matches, parseSelector } from '../../src/resolve/objects.ts'

interface Meta {
  name: string
  namespace?: string
  labels?: Record<string, string>
  [key: string]: unknown
}

export interface PlainObject {
  kind: string
  metadata: Meta
  [key: string]: unknown
}

const KINDS: Readonly<Record<Kind, string>> = {
  pods: 'Pod',
  services: 'Service',
  endpoints: 'Endpoints',
  configmaps: 'ConfigMap',
  secrets: 'Secret',
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
  daemonsets: 'DaemonSet',
  replicasets: 'ReplicaSet',
  ingresses: 'Ingress',
  nodes: 'Node',
  leases: 'Lease'
}

export interface ObjectCluster extends Pick<Cluster, 'list' | 'get' | 'namespace' | 'watch'> {
  /** `list pods shop`, `get secrets shop/gost`, in order. */
  readonly requests: string[]
  readonly objects: PlainObject[]
  /** Adds or replaces, then tells the watches. */
  apply(...objects: PlainObject[]): void
  remove(kind: string, name: string, namespace?: string): void
  /** Refuses `list pods`, `get secrets/gost`, `list services infra`: verb kind[/name] [namespace]. */
  forbid(rule: string): void
  readonly watching: number
}

/** All documents of a file below test/fixtures. */
export function readManifests(file: string): PlainObject[] {
  const text = readFileSync(path.join(import.meta.dirname, '../fixtures', file), 'utf8')
  return parseAllDocuments(text)
    .map(document => document.toJS() as PlainObject | null)
    .filter(object => object !== null)
}

export function objectCluster(objects: readonly PlainObject[], options: { namespace?: string } = {}): ObjectCluster {
  const namespace = options.namespace ?? 'default'
  const store: PlainObject[] = []
  const requests: string[] = []
  const refusals: string[] = []
  const watches = new Set<() => void>()
  const put = (object: PlainObject): void => {
    const whole = withData({ ...object, metadata: { namespace, ...object.metadata } })
    const at = store.findIndex(
      other =>
        other.kind === whole.kind && other.metadata.name === whole.metadata.name && other.metadata.namespace === whole.metadata.namespace
    )
    if (at < 0) store.push(whole)
    else store[at] = whole
  }
  for (const object of objects) put(object)
  for (const object of objects) for (const pod of podsOf({ ...object, metadata: { namespace, ...object.metadata } })) put(pod)

  const check = (verb: string, kind: Kind, where: string, name?: string): void => {
    requests.push(name === undefined ? `${verb} ${kind} ${where || '*'}` : `${verb} ${kind} ${where}/${name}`)
    const tries = [`${verb} ${kind}`, `${verb} ${kind} ${where}`, `${verb} ${kind}/${name ?? ''}`, `${verb} ${kind}/${name ?? ''} ${where}`]
    if (refusals.some(rule => tries.includes(rule))) {
      throw new InterceptError(
        'CLUSTER_FORBIDDEN',
        `you may not ${verb} ${kind}${name === undefined ? '' : ` ${name}`} in namespace ${where || '*'}`,
        {
          hint: `kubectl auth can-i ${verb} ${kind} -n ${where}`
        }
      )
    }
  }
  const select = <K extends Kind>(kind: K, { namespace: where, labelSelector }: ListOptions): ObjectsByKind[K][] => {
    const selector = labelSelector === undefined ? {} : parseSelector(labelSelector)
    if (selector === undefined) throw new TypeError(`selector ${labelSelector ?? ''}`)
    return store
      .filter(object => object.kind === KINDS[kind] && (where === undefined || object.metadata.namespace === where))
      .filter(object => matches(selector, object.metadata.labels ?? {}))
      .map(object => structuredClone(object) as unknown as ObjectsByKind[K])
  }
  const tell = (): void => {
    for (const watch of watches) watch()
  }
  return {
    namespace,
    requests,
    objects: store,
    async list(kind, listOptions) {
      check('list', kind, listOptions.namespace ?? '')
      return select(kind, listOptions)
    },
    async get(kind, where, name) {
      check('get', kind, where, name)
      return select(kind, { namespace: where }).find(object => object.metadata?.name === name)
    },
    watch(kind, listOptions, onChange) {
      let open = true
      const ready = (async () => {
        check('watch', kind, listOptions.namespace ?? '')
        if (open) onChange(select(kind, listOptions))
      })()
      ready.catch(() => {}) // the caller awaits it too
      const change = (): void => {
        queueMicrotask(() => {
          if (open) onChange(select(kind, listOptions))
        })
      }
      watches.add(change)
      return {
        ready,
        async close() {
          open = false
          watches.delete(change)
        }
      }
    },
    apply(...changed) {
      for (const object of changed) put(object)
      tell()
    },
    remove(kind, name, where = namespace) {
      const at = store.findIndex(object => object.kind === kind && object.metadata.name === name && object.metadata.namespace === where)
      if (at >= 0) store.splice(at, 1)
      tell()
    },
    forbid: rule => void refusals.push(rule),
    get watching() {
      return watches.size
    }
  }
}

/** As the API server stores `stringData`. */
function withData(object: PlainObject): PlainObject {
  const { stringData, ...rest } = object
  if (typeof stringData !== 'object' || stringData === null) return object
  return {
    ...rest,
    data: Object.fromEntries(Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')]))
  }
}

let lastIp = 1

interface Workload extends PlainObject {
  spec: {
    replicas?: number
    template: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec: unknown }
  }
}

/** The ready pods of a Deployment, StatefulSet or DaemonSet. */
export function podsOf(workload: PlainObject): PlainObject[] {
  if (!['Deployment', 'StatefulSet', 'DaemonSet'].includes(workload.kind)) return []
  const { spec, metadata, kind } = workload as Workload
  return Array.from({ length: spec.replicas ?? 1 }, (_, index) => {
    const hash = '7c5ddbdf54'
    const ordinal = kind === 'StatefulSet' ? String(index) : `x${String(index).padStart(4, '0')}`
    const owner = kind === 'Deployment' ? { kind: 'ReplicaSet', name: `${metadata.name}-${hash}` } : { kind, name: metadata.name }
    const labels = { ...spec.template.metadata?.labels, ...(kind === 'Deployment' ? { 'pod-template-hash': hash } : {}) }
    lastIp += 1
    return readyPod({
      name: kind === 'Deployment' ? `${metadata.name}-${hash}-${ordinal}` : `${metadata.name}-${ordinal}`,
      namespace: metadata.namespace ?? 'default',
      labels,
      annotations: spec.template.metadata?.annotations ?? {},
      spec: kind === 'StatefulSet' ? { hostname: `${metadata.name}-${ordinal}`, ...(spec.template.spec as object) } : spec.template.spec,
      owner,
      ip: `10.42.${lastIp >> 8}.${lastIp & 255}`
    })
  })
}

export interface PodShape {
  name: string
  namespace?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  spec: unknown
  owner?: { kind: string; name: string }
  ip?: string
  ready?: boolean
  terminating?: boolean
}

export function readyPod({
  name,
  namespace = 'default',
  labels = {},
  annotations = {},
  spec,
  owner,
  ip = '10.42.9.9',
  ready = true,
  terminating = false
}: PodShape): PlainObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels,
      annotations,
      uid: `uid-${name}`,
      ...(owner === undefined ? {} : { ownerReferences: [{ apiVersion: 'apps/v1', uid: 'o', controller: true, ...owner }] }),
      ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {})
    },
    spec,
    status: { phase: 'Running', podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] }
  }
}
