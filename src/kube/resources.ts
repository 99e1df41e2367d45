/** The kinds we read: their place in the API and what JSON says of them that the types say otherwise. Pure. */
import type { Kind, ListOptions } from './types.ts'

interface Resource {
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  root: string
  /** As `kubectl auth can-i` takes it. */
  full: string
  /** Its objects belong to no namespace. */
  clusterWide?: true
}

const core = { root: '/api/v1' }
const apps = { root: '/apis/apps/v1' }

export const RESOURCES: Readonly<Record<Kind, Resource>> = {
  pods: { ...core, full: 'pods' },
  services: { ...core, full: 'services' },
  endpoints: { ...core, full: 'endpoints' },
  configmaps: { ...core, full: 'configmaps' },
  secrets: { ...core, full: 'secrets' },
  deployments: { ...apps, full: 'deployments.apps' },
  statefulsets: { ...apps, full: 'statefulsets.apps' },
  daemonsets: { ...apps, full: 'daemonsets.apps' },
  replicasets: { ...apps, full: 'replicasets.apps' },
  ingresses: { root: '/apis/networking.k8s.io/v1', full: 'ingresses.networking.k8s.io' },
  nodes: { ...core, full: 'nodes', clusterWide: true },
  leases: { root: '/apis/coordination.k8s.io/v1', full: 'leases.coordination.k8s.io' }
}

export function resourcePath(kind: Kind, namespace: string | undefined, name?: string): string {
  const scope = namespace === undefined || RESOURCES[kind].clusterWide === true ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${RESOURCES[kind].root}${scope}/${kind}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}

export function withQuery(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') params.set(key, String(value))
  const text = params.toString()
  return text === '' ? path : `${path}?${text}`
}

export const selectors = ({ labelSelector, fieldSelector }: ListOptions) => ({ labelSelector, fieldSelector })

type Json = Record<string, unknown>

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const STATUS_DATES = new Set(['startTime', 'startedAt', 'finishedAt', 'lastTransitionTime', 'lastProbeTime', 'lastUpdateTime'])

/**
 * Makes a parsed object what client-node's types say it is: times become `Date`. `managedFields`, often half of an object and of no use
 * here, is dropped. Changes the object in place.
 */
export function shapeObject(object: unknown): void {
  if (!isJson(object)) return
  const { metadata, status } = object
  if (isJson(metadata)) {
    delete metadata['managedFields']
    toDate(metadata, 'creationTimestamp')
    toDate(metadata, 'deletionTimestamp')
  }
  if (isJson(status)) datesWithin(status)
}

function toDate(holder: Json, key: string): void {
  const value = holder[key]
  if (typeof value === 'string') holder[key] = new Date(value)
}

function datesWithin(value: Json): void {
  for (const [key, inner] of Object.entries(value)) {
    if (STATUS_DATES.has(key)) toDate(value, key)
    else if (Array.isArray(inner))
      for (const item of inner)
        if (isJson(item)) datesWithin(item)
        else if (isJson(inner)) datesWithin(inner)
  }
}
