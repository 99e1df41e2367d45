/** Ways to a tunnel server: to its tunnel port as a connector, to its entrypoint as a visitor. */
import type { Closable } from '../base/closable.ts'
import type { Dial } from '../base/connection.ts'
import type { RouteKind } from '../event/types.ts'
import type { HttpAnswer } from '../kube/types.ts'
import type { ServerPod } from '../resolve/types.ts'

export interface VisitorRequest {
  method: string
  path: string
  /** The visitors' Host. */
  host: string
  headers?: Readonly<Record<string, string>>
}

/** How to be a visitor: of one replica, or of whichever the ingress picks. */
export interface VisitorWay {
  kind: RouteKind
  describe: string
  /** Raw bytes to the entrypoint; undefined where only HTTP requests pass (ingress, service-proxy). */
  dial: Dial | undefined
  request(request: VisitorRequest, signal: AbortSignal): Promise<HttpAnswer>
}

/** One server replica, or a shared address in front of one. */
export interface ReplicaRoute {
  /** Stable: the same way to the same replica has the same key. */
  key: string
  replica: string
  kind: RouteKind
  describe: string
  /** Each dial may lead to another replica. */
  several: boolean
  /** The byte stream that the bind goes over: TLS and WebSocket are done. */
  dialTunnel: Dial
  /** Best first; empty when no visitor's way is open to us. */
  visitor: VisitorWay[]
}

/** One address in front of several replicas: nobody can say which one a connection or a visitor meets. */
export interface SharedAddress {
  route: ReplicaRoute
  /** Ways to be a visitor of whichever replica answers, best first. */
  visitors: VisitorWay[]
}

export interface RouteSet extends Closable {
  readonly kind: RouteKind
  readonly describe: string
  readonly replicas: readonly ReplicaRoute[]
  /** Set once several replicas were seen behind one address, for as long as that is the way. */
  readonly shared: SharedAddress | undefined
  /** Ready replicas of the server, covered or not. */
  readonly total: number
  /** Why not every replica is covered, when so. */
  readonly uncovered: string | undefined
  /**
   * Recomputes after server pods came or went. True when the replicas, or how many there are, changed. A shared address gives way to
   * port-forwards only after one of them has worked.
   */
  update(pods: readonly ServerPod[], signal: AbortSignal): Promise<boolean>
  /** So many replicas behind the shared address are held now; said when that changes. */
  covered(held: number): void
}

export type Via = { kind: 'auto' } | { kind: 'ingress' | 'port-forward' | 'service-proxy' } | { kind: 'url'; url: URL }
