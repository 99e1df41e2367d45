/** What discovery would find in the article's cluster, written down: the plan of `svc/nginx` for the demo's own server and sidecar. */
import type { TunnelPlan } from '../resolve/types.ts'
import type { InterceptSettings } from '../session/options.ts'
import { HOST, type World } from './world.ts'

const POD = 'nginx-6d4cf56db6-demo1'

export function demoPlan({ tunnelId, server, cluster }: World): TunnelPlan {
  return {
    name: 'nginx',
    namespace: 'default',
    workload: 'deployment/nginx',
    target: { text: 'svc/nginx', kind: 'service', name: 'nginx' },
    tunnelId,
    protocol: 'http',
    hosts: [HOST],
    app: { host: '', port: cluster.port },
    sidecars: [
      {
        pod: POD,
        namespace: 'default',
        container: 'sidecar',
        ready: true,
        terminating: false,
        weight: 1,
        app: { host: '', port: cluster.port },
        proxyProtocol: 0
      }
    ],
    server: {
      namespace: 'default',
      service: 'proxy',
      servicePort: server.tunnelPort,
      entrypointServicePort: undefined,
      pods: [],
      carrier: 'ws',
      path: '/proxy',
      hostHeader: undefined,
      auth: undefined,
      tls: undefined,
      readTimeoutMs: 15_000,
      keepalive: false,
      maxReceiveBuffer: undefined,
      peer: 'ours',
      unread: undefined
    },
    ingresses: [],
    passes: [`intercepts ${HOST}`],
    bypasses: [],
    notes: [],
    podSelector: undefined
  }
}

export function demoSettings({ server }: World, share: Partial<Pick<InterceptSettings, 'split'>>): InterceptSettings {
  return {
    weight: 255,
    split: share.split,
    filter: undefined,
    mirror: undefined,
    mayThin: true,
    via: { kind: 'url', url: new URL(`ws://127.0.0.1:${server.tunnelPort}/proxy`) },
    entrypoint: new URL(`http://127.0.0.1:${server.entrypointPort}`),
    fallback: true,
    returnLimit: 1_000,
    onPause: 'wait',
    wait: true,
    graceMs: 10_000,
    requireAll: false,
    probePath: '/',
    manner: 'refuse'
  }
}
