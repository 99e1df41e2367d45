/** A candidate, made into the replicas it reaches, each with its dials. */
import type { Dial } from '../base/connection.ts'
import type { ServerPlan, ServerPod } from '../resolve/types.ts'
import { dialTcp } from '../transport/tcp.ts'
import { dialTls } from '../transport/tls.ts'
import { overCarrier } from './carrier.ts'
import type { Candidate } from './candidates.ts'
import type { RouteOptions } from './open-routes.ts'
import type { ReplicaRoute } from './types.ts'
import { visitorWays } from './visitor.ts'

type ReplicaOptions = Pick<RouteOptions, 'plan' | 'cluster' | 'entrypoint'>

export function replicasOf(candidate: Candidate, options: ReplicaOptions, ready: readonly ServerPod[]): ReplicaRoute[] {
  const { plan, cluster } = options
  const { server } = plan
  const context = { plan, cluster, entrypoint: options.entrypoint }
  const alone = ready.length <= 1
  const shared = (kind: ReplicaRoute['kind'], describe: string, dialTunnel: Dial): ReplicaRoute[] => [
    {
      key: `${kind}:${describe}`,
      replica: ready.length === 1 ? (ready[0]?.pod ?? describe) : describe,
      kind,
      describe,
      several: ready.length > 1,
      dialTunnel,
      visitor: visitorWays(context, ready[0], alone)
    }
  ]
  switch (candidate.kind) {
    case 'ingress': {
      const { ingress, address, port } = candidate
      const raw = dialTcp({ host: address, port }, { pooled: inClear(server, ingress.tls) })
      const edge = ingress.tls ? { edgeTls: { serverName: ingress.host } } : {}
      return shared(
        'ingress',
        `ingress ${ingress.name} (${ingress.host} at ${address}:${port})`,
        overCarrier(raw, server, { host: ingress.host, ...edge })
      )
    }
    case 'service-proxy': {
      if (cluster === undefined) return []
      const target = { namespace: server.namespace, service: candidate.service, port: candidate.port }
      const headers = server.hostHeader === undefined ? {} : { Host: server.hostHeader }
      return shared(
        'service-proxy',
        `API server proxy to ${candidate.service}:${candidate.port}`,
        cluster.serviceProxySocket(target, server.path, headers)
      )
    }
    case 'url': {
      const tcp = dialTcp({ host: candidate.host, port: candidate.port }, { pooled: inClear(server, candidate.tls) })
      const edge = candidate.tls && server.carrier === 'ws' ? dialTls(tcp, { verify: true, serverName: candidate.host }) : tcp
      // The address may be that of an Ingress, which routes by Host; a tunnel server does not look at it.
      const ingress = plan.ingresses.find(each => each.tunnelPath !== undefined)
      const host = server.hostHeader ?? ingress?.host
      return shared('url', `${candidate.host}:${candidate.port}`, overCarrier(edge, server, host === undefined ? {} : { host }))
    }
    case 'port-forward':
      return candidate.pods.map(pod => ({
        key: `port-forward:${pod.pod}`,
        replica: pod.pod,
        kind: 'port-forward' as const,
        describe: `port-forward to ${pod.pod}:${pod.tunnelPort}`,
        several: false,
        dialTunnel: overCarrier(portOf(pod, options), server),
        visitor: visitorWays(context, pod, alone)
      }))
  }
}

/** Whether nothing but our own readers takes the bytes from the socket. */
const inClear = ({ carrier }: ServerPlan, tls: boolean): boolean => !tls && (carrier === 'ws' || carrier === 'tcp')

function portOf(pod: ServerPod, { cluster }: ReplicaOptions): Dial {
  return async signal => {
    if (cluster === undefined) throw new Error('a port-forward needs a cluster')
    return cluster.forwarder(pod.namespace, pod.pod).dial(pod.tunnelPort, signal)
  }
}
