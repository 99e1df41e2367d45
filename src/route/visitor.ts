/** The ways to be a visitor of a plan's entrypoint, best first: ingress, port-forward, service-proxy (product.md §6 "verified"). */
import type { Dial } from '../base/connection.ts'
import type { Cluster } from '../kube/types.ts'
import type { IngressPlan, ServerPod, TunnelPlan } from '../resolve/types.ts'
import { dialTcp } from '../transport/tcp.ts'
import { dialTls } from '../transport/tls.ts'
import type { VisitorWay } from './types.ts'
import { requestOver } from './visitor-request.ts'

export interface VisitorContext {
  plan: TunnelPlan
  cluster: Cluster | undefined
  /** `--entrypoint URL`. */
  entrypoint: URL | undefined
}

/** Ways to one replica (`pod`), or to whichever answers when undefined. The ingress cannot choose a replica, so it is left out when there are several. */
export function visitorWays({ plan, cluster, entrypoint }: VisitorContext, pod: ServerPod | undefined, alone: boolean): VisitorWay[] {
  const ways: VisitorWay[] = []
  if (entrypoint !== undefined) ways.push(byUrl(entrypoint))
  if (alone) for (const ingress of plan.ingresses) if (ingress.entrypoint && ingress.addresses.length > 0) ways.push(byIngress(ingress))
  if (cluster === undefined) return ways
  const port = pod?.entrypointPort
  if (pod !== undefined && port !== undefined) {
    const dial: Dial = signal => cluster.forwarder(pod.namespace, pod.pod).dial(port, signal)
    ways.push({
      kind: 'port-forward',
      describe: `port-forward to ${pod.pod}:${port}`,
      dial,
      request: (request, signal) => requestOver(dial, request, signal)
    })
  }
  const { entrypointServicePort, namespace } = plan.server
  const service = plan.server.entrypointService ?? plan.server.service
  if (alone && service !== undefined && entrypointServicePort !== undefined) {
    ways.push({
      kind: 'service-proxy',
      describe: `API server proxy to ${service}:${entrypointServicePort}`,
      dial: undefined,
      request: ({ host, headers, ...rest }, signal) =>
        cluster.serviceProxyRequest(
          { namespace, service, port: entrypointServicePort },
          { ...rest, headers: { ...headers, Host: host } },
          signal
        )
    })
  }
  return ways
}

function byIngress(ingress: IngressPlan): VisitorWay {
  const host = ingress.addresses[0] ?? ''
  const tcp = dialTcp({ host, port: ingress.port })
  const dial = ingress.tls ? dialTls(tcp, { verify: false, serverName: ingress.host }) : tcp
  return {
    kind: 'ingress',
    describe: `ingress ${ingress.name} at ${host}:${ingress.port}`,
    dial: undefined,
    request: (request, signal) => requestOver(dial, request, signal)
  }
}

function byUrl(url: URL): VisitorWay {
  const tls = url.protocol === 'https:' || url.protocol === 'tls:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const tcp = dialTcp({ host, port: url.port === '' ? (tls ? 443 : 80) : Number(url.port) })
  const dial = tls ? dialTls(tcp, { verify: false, serverName: host }) : tcp
  return { kind: 'url', describe: `entrypoint ${url.host}`, dial, request: (request, signal) => requestOver(dial, request, signal) }
}
