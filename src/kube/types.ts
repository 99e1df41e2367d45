/** The cluster as the rest of the program sees it. Only this folder knows client-node and the API server's habits. */
import type {
  V1ConfigMap,
  V1DaemonSet,
  V1Deployment,
  V1Endpoints,
  V1Ingress,
  V1Node,
  V1Pod,
  V1ReplicaSet,
  V1Secret,
  V1Service,
  V1StatefulSet
} from '@kubernetes/client-node'
import type { Readable } from 'node:stream'
import type { Closable } from '../base/closable.ts'
import type { Connection, Dial } from '../base/connection.ts'

export interface ObjectsByKind {
  pods: V1Pod
  services: V1Service
  endpoints: V1Endpoints
  configmaps: V1ConfigMap
  secrets: V1Secret
  deployments: V1Deployment
  statefulsets: V1StatefulSet
  daemonsets: V1DaemonSet
  replicasets: V1ReplicaSet
  ingresses: V1Ingress
  /** Belong to no namespace: `get('nodes', '', name)`. */
  nodes: V1Node
  leases: Lease
}
export type Kind = keyof ObjectsByKind

/** Of coordination.k8s.io/v1. Its times (microseconds, RFC 3339) stay the text that the server sent: they are compared, not reckoned with. */
export interface Lease {
  metadata: {
    name: string
    namespace: string
    /** What a replacement or removal has seen. */
    resourceVersion?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    ownerReferences?: OwnerReference[]
  }
  spec: { holderIdentity: string; leaseDurationSeconds: number; acquireTime: string; renewTime: string; leaseTransitions?: number }
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
}

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  signal?: AbortSignal | undefined
}

/** A live copy of a list. `onChange` is called (coalesced, in a microtask at the earliest) with the whole current list; survives resets, 410 and API server restarts. */
export interface Watch extends Closable {
  /** The first list is in. Rejects with an InterceptError when it is forbidden. */
  readonly ready: Promise<void>
}

export interface ServiceTarget {
  namespace: string
  service: string
  /** Number or name. */
  port: number | string
}

/** Dials ports of one pod through the API server: SPDY/3.1 in one WebSocket, else `v4.channel.k8s.io`; reconnects by itself. Connections are `opaque`. */
export interface PodForwarder extends Closable {
  /** Loopback port of the pod. Rejects with code ECONNREFUSED (Node style) when nothing listens there. */
  dial(port: number, signal: AbortSignal): Promise<Connection>
}

export interface ExecCommand {
  container: string
  command: readonly string[]
}

export interface ExecStreamCommand {
  container?: string | undefined
  command: readonly string[]
}

/** What a command in a container wrote, and how it ended. */
export interface ExecResult {
  stdout: Buffer
  stderr: string
  /** 127 where the container has no such program, as a shell says it. */
  exitCode: number
}

/** A command whose output is read as it comes: a reader that waits makes the command wait. */
export interface ExecStream {
  /** Destroying it ends the command. Fails when the connection is cut. */
  readonly stdout: Readable
  /** Settles when the command ended, whether or not the output was read. */
  readonly ended: Promise<Pick<ExecResult, 'stderr' | 'exitCode'>>
}

export interface TokenWanted {
  namespace: string
  serviceAccount: string
  /** Undefined: the API server's own. */
  audience?: string | undefined
  expirationSeconds?: number | undefined
  /** The token is valid as long as this pod exists. */
  pod?: { name: string; uid: string } | undefined
}

export interface ServiceAccountToken {
  token: string
  expiresAt: Date
}

export interface HttpAnswer {
  status: number
  headers: ReadonlyArray<readonly [string, string]>
}

export interface Cluster extends Closable {
  readonly context: string
  /** Namespace of `-n`, else of the context, else `default`. */
  readonly namespace: string
  readonly server: string
  /** All list pages. Throws CLUSTER_UNREACHABLE, CLUSTER_UNAUTHORIZED, CLUSTER_FORBIDDEN (hint: `kubectl auth can-i …`). */
  list<K extends Kind>(kind: K, options: ListOptions): Promise<ObjectsByKind[K][]>
  /** Undefined when it does not exist. */
  get<K extends Kind>(kind: K, namespace: string, name: string, signal?: AbortSignal): Promise<ObjectsByKind[K] | undefined>
  watch<K extends Kind>(kind: K, options: ListOptions, onChange: (items: ObjectsByKind[K][]) => void): Watch
  /** Shared: one forwarder (one WebSocket) per pod. Closing the cluster closes them. */
  forwarder(namespace: string, pod: string): PodForwarder
  /** A WebSocket to `services/…/proxy` + path: its messages as a byte stream; `headers` reach the backend (Host passes through). */
  serviceProxySocket(target: ServiceTarget, path: string, headers: Readonly<Record<string, string>>): Dial
  /** One HTTP request through `services/…/proxy`, answered by the backend. */
  serviceProxyRequest(
    target: ServiceTarget,
    request: { method: string; path: string; headers: Readonly<Record<string, string>> },
    signal: AbortSignal
  ): Promise<HttpAnswer>
  /** Runs a command in a container to its end, without stdin. Throws CLUSTER_FORBIDDEN, TARGET_NOT_FOUND, CLUSTER_UNREACHABLE. */
  exec(namespace: string, pod: string, command: ExecCommand, signal: AbortSignal): Promise<ExecResult>
  /**
   * A command in a container whose stdin and stdout are the connection, stderr being thrown away. It ends when the command ends; an exit status that is
   * not 0 destroys it with an `ExecEnded`. Without a container the pod's only one is taken.
   */
  execConnection(namespace: string, pod: string, command: ExecStreamCommand, signal: AbortSignal): Promise<Connection>
  /** Bytes to the API server's port, through the kubeconfig's proxy, below TLS: whoever takes it speaks TLS with the server himself. */
  readonly dialServer: Dial
  /** The same for output of any length; without limit in time as long as bytes come. */
  execStream(namespace: string, pod: string, command: ExecCommand, signal: AbortSignal): Promise<ExecStream>
  /** TokenRequest. Undefined when there is no such ServiceAccount. Throws CLUSTER_FORBIDDEN. */
  requestToken(wanted: TokenWanted, signal: AbortSignal): Promise<ServiceAccountToken | undefined>
  /** Undefined when there is one of that name: whoever gets the Lease back has made it. Throws CLUSTER_FORBIDDEN. */
  createLease(lease: Lease): Promise<Lease | undefined>
  /** Compare and swap by `metadata.resourceVersion`. Undefined when it was changed meanwhile or is gone. Throws CLUSTER_FORBIDDEN. */
  replaceLease(lease: Lease): Promise<Lease | undefined>
  /** False when it was changed since `metadata.resourceVersion`. Throws CLUSTER_FORBIDDEN. */
  deleteLease(lease: Pick<Lease, 'metadata'>): Promise<boolean>
  /** SelfSubjectAccessReview. Undefined when that itself cannot be asked. `subresource` as in pods/portforward. */
  canI(
    verb: string,
    resource: string,
    options: { namespace: string; group?: string; subresource?: string; name?: string }
  ): Promise<boolean | undefined>
  /** `user@cluster` as far as known, for claims and logs. */
  readonly user: string
}
