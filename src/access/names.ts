/**
 * What a host name or address means to a pod of a namespace, by the search list that the kubelet writes (`ns.svc.DOMAIN svc.DOMAIN DOMAIN`) and
 * the names that cluster DNS knows (kubernetes/dns, specification.md). Pure: whether any of it exists is for `resolve-name.ts`.
 */
import { bytesFromIp, ipFromBytes } from '../relay/ip.ts'

export const CLUSTER_DOMAIN = 'cluster.local'

export type Candidate = (
  | { kind: 'service'; namespace: string; service: string }
  /** A pod of a headless Service, by its host name, or its address with dashes. */
  | { kind: 'member'; namespace: string; service: string; host: string }
  /** `1-2-3-4.ns.pod.DOMAIN`. */
  | { kind: 'pod-ip'; namespace: string; ip: string }
) & {
  /** Written as a name of the cluster: it can mean nothing outside. */
  sure: boolean
}

export type Meaning =
  | { kind: 'invalid'; why: string }
  | { kind: 'loopback' }
  | { kind: 'ip'; ip: string }
  /** In the order in which DNS tries them; when none exists and none is sure, the name is one of the outside. */
  | { kind: 'names'; name: string; candidates: Candidate[] }

/** RFC 1035 §2.3.4. */
const MAX_NAME = 253
/** Underscores are no host names, but people use them. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

export function meaningOf(host: string, namespace: string, domain: string = CLUSTER_DOMAIN): Meaning {
  const text = host.toLowerCase()
  const bytes = bytesFromIp(text)
  if (bytes !== undefined) return meaningOfIp(ipFromBytes(bytes))
  const name = text.replace(/\.$/, '')
  if (name === '' || name.length > MAX_NAME) return { kind: 'invalid', why: name === '' ? 'the name is empty' : 'the name is too long' }
  const labels = name.split('.')
  if (!labels.every(label => LABEL.test(label))) return { kind: 'invalid', why: 'it is no host name' }
  // `127.1` and `0x7f.0.0.1` are addresses to some programs and names to others.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')) return { kind: 'invalid', why: 'it is neither an address nor a host name' }
  if (labels.at(-1) === 'localhost') return { kind: 'loopback' }
  const rooted = text.endsWith('.')
  return { kind: 'names', name, candidates: distinct(candidatesOf(labels, { namespace, domain: domain.split('.'), rooted })) }
}

function meaningOfIp(ip: string): Meaning {
  const loopback = ip.startsWith('127.') || ip === '::1' || ip === '0.0.0.0' || ip === '::'
  return loopback ? { kind: 'loopback' } : { kind: 'ip', ip }
}

interface Where {
  namespace: string
  domain: readonly string[]
  rooted: boolean
}

function candidatesOf(labels: readonly string[], { namespace, domain, rooted }: Where): Candidate[] {
  const below = endsWith(labels, domain) ? labels.slice(0, -domain.length) : undefined
  const absolute = below === undefined ? foreignDomain(labels) : inCluster(below, true)
  if (rooted) return absolute
  const searched = [
    ...inCluster([...labels, namespace, 'svc'], false),
    // Nobody's namespace is called svc or pod.
    ...(['svc', 'pod'].includes(labels.at(-1) ?? '') ? [] : inCluster([...labels, 'svc'], false)),
    ...inCluster(labels, labels.at(-1) === 'svc')
  ]
  // `ndots:5` decides which goes first; both lead to the same objects.
  return [...absolute, ...searched]
}

const endsWith = (labels: readonly string[], tail: readonly string[]): boolean =>
  labels.length > tail.length && tail.every((label, at) => labels[labels.length - tail.length + at] === label)

/** Labels before the cluster's domain. */
function inCluster(labels: readonly string[], sure: boolean): Candidate[] {
  const [a = '', b = '', c = ''] = labels
  const kind = labels.at(-1)
  if (kind === 'svc' && labels.length === 3) return [{ kind: 'service', namespace: b, service: a, sure }]
  if (kind === 'svc' && labels.length === 4) return [{ kind: 'member', namespace: c, service: b, host: a, sure }]
  if (kind === 'pod' && labels.length === 3) {
    const ip = ipOfDashes(a)
    return ip === undefined ? [] : [{ kind: 'pod-ip', namespace: b, ip, sure }]
  }
  return []
}

/** `name.ns.svc.REST`: clusters may have another domain than the usual, which nothing tells us. */
function foreignDomain(labels: readonly string[]): Candidate[] {
  const at = labels.findIndex(label => label === 'svc' || label === 'pod')
  return (at === 2 || at === 3) && labels.length > at + 1 ? inCluster(labels.slice(0, at + 1), false) : []
}

/** `1-2-3-4`, `2001-db8--1` → the address. */
export function ipOfDashes(label: string): string | undefined {
  const bytes = bytesFromIp(label.replaceAll('-', '.')) ?? bytesFromIp(label.replaceAll('-', ':'))
  return bytes === undefined ? undefined : ipFromBytes(bytes)
}

/** The same object once, surest first met. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  const byKey = new Map<string, Candidate>()
  for (const candidate of candidates) {
    const key = keyOf(candidate)
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? candidate : { ...known, sure: known.sure || candidate.sure })
  }
  return [...byKey.values()]
}

const keyOf = (candidate: Candidate): string =>
  candidate.kind === 'pod-ip'
    ? `${candidate.kind} ${candidate.namespace} ${candidate.ip}`
    : `${candidate.kind} ${candidate.namespace} ${candidate.service} ${candidate.kind === 'member' ? candidate.host : ''}`
