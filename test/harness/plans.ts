/** A plan of the article's nginx, for tests that need one: override what matters. */
import type { IngressPlan, ServerPlan, ServerPod, SidecarPod, TunnelPlan } from '../../src/resolve/types.ts'

export const TUNNEL = '10bc451e-59dc-4c70-999e-91a30813ac78'

export const serverPod = (pod: string, more: Partial<ServerPod> = {}): ServerPod => ({
  pod,
  namespace: 'shop',
  ip: '10.244.0.7',
  ready: true,
  terminating: false,
  tunnelPort: 8421,
  entrypointPort: 80,
  ...more
})

export const sidecarPod = (pod: string, more: Partial<SidecarPod> = {}): SidecarPod => ({
  pod,
  namespace: 'shop',
  container: 'gost',
  ready: true,
  terminating: false,
  weight: 1,
  app: { host: '', port: 80 },
  proxyProtocol: 0,
  ...more
})

export const ingressPlan = (more: Partial<IngressPlan> = {}): IngressPlan => ({
  name: 'nginx',
  namespace: 'shop',
  host: 'nginx.local',
  addresses: ['192.0.2.1'],
  port: 80,
  tls: false,
  tunnelPath: '/proxy',
  entrypoint: true,
  class: 'traefik',
  ...more
})

export const serverPlan = (more: Partial<ServerPlan> = {}): ServerPlan => ({
  namespace: 'shop',
  service: 'proxy',
  servicePort: 8421,
  entrypointServicePort: 80,
  pods: [serverPod('proxy-1')],
  carrier: 'ws',
  path: '/proxy',
  hostHeader: undefined,
  auth: undefined,
  tls: undefined,
  readTimeoutMs: 15_000,
  keepalive: false,
  maxReceiveBuffer: undefined,
  peer: 'gost',
  unread: undefined,
  ...more
})

export const tunnelPlan = (more: Partial<TunnelPlan> = {}): TunnelPlan => ({
  name: 'nginx',
  namespace: 'shop',
  workload: 'deployment/nginx',
  target: { text: 'svc/nginx', kind: 'service', name: 'nginx' },
  tunnelId: TUNNEL,
  protocol: 'http',
  hosts: ['nginx.local'],
  app: { host: '', port: 80 },
  sidecars: [sidecarPod('nginx-1')],
  server: serverPlan(),
  ingresses: [ingressPlan()],
  passes: [],
  bypasses: [],
  notes: [],
  podSelector: 'app=nginx',
  ...more
})
