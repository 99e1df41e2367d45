/** Which ways to the server exist for a plan, and why the others do not. Pure: nothing is dialled here (product.md §5). */
import type { RouteKind } from '../event/types.ts'
import type { IngressPlan, ServerPod, TunnelPlan } from '../resolve/types.ts'
import type { Via } from './types.ts'

export type Candidate =
  | { kind: 'ingress'; ingress: IngressPlan; address: string; port: number }
  | { kind: 'port-forward'; pods: ServerPod[] }
  | { kind: 'service-proxy'; service: string; port: number }
  | { kind: 'url'; host: string; port: number; tls: boolean }

export interface Excluded {
  kind: RouteKind
  reason: string
}

export const readyPods = (pods: readonly ServerPod[]): ServerPod[] => pods.filter(pod => pod.ready && !pod.terminating)

/** In the order to try. Several replicas: each needs a connector of its own, so port-forward goes first. */
export function candidates(
  plan: TunnelPlan,
  pods: readonly ServerPod[],
  via: Via,
  hasCluster: boolean
): { candidates: Candidate[]; excluded: Excluded[] } {
  if (via.kind === 'url') return { candidates: [urlCandidate(via.url, plan)], excluded: [] }
  const { address } = plan.server
  if (address !== undefined && via.kind === 'auto') return { candidates: [{ kind: 'url', ...address, tls: false }], excluded: [] }
  const ready = readyPods(pods)
  const found: Candidate[] = []
  const excluded: Excluded[] = []
  const ways: Record<'ingress' | 'port-forward' | 'service-proxy', () => Candidate | string> = {
    ingress: () => ingressCandidate(plan),
    'port-forward': () => {
      if (!hasCluster) return 'no cluster'
      return ready.length > 0 ? { kind: 'port-forward', pods: ready } : (plan.server.unread ?? 'the tunnel server has no ready pod')
    },
    'service-proxy': () => {
      if (!hasCluster) return 'no cluster'
      if (plan.server.service === undefined) return 'the tunnel server has no Service'
      if (plan.server.carrier !== 'ws') return `it carries ${plan.server.carrier}, not WebSocket`
      return { kind: 'service-proxy', service: plan.server.service, port: plan.server.servicePort }
    }
  }
  const order =
    ready.length > 1 ? (['port-forward', 'ingress', 'service-proxy'] as const) : (['ingress', 'port-forward', 'service-proxy'] as const)
  for (const kind of order) {
    if (via.kind !== 'auto' && via.kind !== kind) continue
    const way = ways[kind]()
    if (typeof way === 'string') excluded.push({ kind, reason: way })
    else found.push(way)
  }
  return { candidates: found, excluded }
}

function ingressCandidate(plan: TunnelPlan): Candidate | string {
  const { carrier, path } = plan.server
  if (carrier !== 'ws' && carrier !== 'wss') return `the server carries ${carrier}, which an Ingress does not pass`
  const leading = plan.ingresses.filter(ingress => ingress.tunnelPath !== undefined && path.startsWith(ingress.tunnelPath))
  if (leading.length === 0) return plan.ingresses.length === 0 ? 'no Ingress leads to the server' : `no Ingress path leads to ${path}`
  const addressed = leading.find(ingress => ingress.addresses.length > 0)
  const address = addressed?.addresses[0]
  if (addressed === undefined || address === undefined) return `Ingress ${leading[0]?.name ?? ''} has no address yet`
  return { kind: 'ingress', ingress: addressed, address, port: addressed.port }
}

function urlCandidate(url: URL, plan: TunnelPlan): Candidate {
  const tls = url.protocol === 'wss:' || url.protocol === 'https:' || url.protocol === 'tls:'
  const fallback = plan.server.carrier === 'ws' && !tls ? 80 : 443
  return { kind: 'url', host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? fallback : Number(url.port), tls }
}
