import { describe, expect, it } from 'vitest'
import { candidates } from '../../../src/route/candidates.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import type { Via } from '../../../src/route/types.ts'
import { ingressPlan, serverPlan, serverPod, tunnelPlan } from '../../harness/plans.ts'

const auto: Via = { kind: 'auto' }
const kinds = (plan = tunnelPlan(), via: Via = auto, cluster = true): string[] =>
  candidates(plan, plan.server.pods, via, cluster).candidates.map(({ kind }) => kind)
const reasons = (plan: ReturnType<typeof tunnelPlan>, cluster = true): Record<string, string> =>
  Object.fromEntries(candidates(plan, plan.server.pods, auto, cluster).excluded.map(({ kind, reason }) => [kind, reason]))

describe('candidates', () => {
  it('tries the ingress first for one replica', () => {
    expect(kinds()).toEqual(['ingress', 'port-forward', 'service-proxy'])
  })

  it('forwards to each of several replicas first, since stock replicas do not share connectors', () => {
    const pods = [serverPod('proxy-1'), serverPod('proxy-2')]
    expect(kinds(tunnelPlan({ server: serverPlan({ pods }) }))).toEqual(['port-forward', 'ingress', 'service-proxy'])
  })

  it('counts only ready pods that stay', () => {
    const pods = [serverPod('proxy-1'), serverPod('proxy-2', { ready: false }), serverPod('proxy-3', { terminating: true })]
    expect(kinds(tunnelPlan({ server: serverPlan({ pods }) }))[0]).toBe('ingress')
  })

  it('takes only the way that was asked for', () => {
    expect(kinds(tunnelPlan(), { kind: 'service-proxy' })).toEqual(['service-proxy'])
    const url: Via = { kind: 'url', url: new URL('wss://tunnel.example.com/x') }
    expect(candidates(tunnelPlan(), [], url, true).candidates).toEqual([{ kind: 'url', host: 'tunnel.example.com', port: 443, tls: true }])
  })

  it.each<[string, Partial<TunnelPlan>, string, string]>([
    ['no Ingress', { ingresses: [] }, 'ingress', 'no Ingress leads to the server'],
    ['an Ingress of another path', { ingresses: [ingressPlan({ tunnelPath: '/ws' })] }, 'ingress', 'no Ingress path leads to /proxy'],
    ['an Ingress without an address', { ingresses: [ingressPlan({ addresses: [] })] }, 'ingress', 'Ingress nginx has no address yet'],
    ['plain TCP', { server: serverPlan({ carrier: 'tcp' }) }, 'ingress', 'the server carries tcp, which an Ingress does not pass'],
    ['plain TCP', { server: serverPlan({ carrier: 'tcp' }) }, 'service-proxy', 'it carries tcp, not WebSocket'],
    ['no ready pod', { server: serverPlan({ pods: [] }) }, 'port-forward', 'the tunnel server has no ready pod'],
    ['no Service', { server: serverPlan({ service: undefined }) }, 'service-proxy', 'the tunnel server has no Service']
  ])('says why a way falls out: %s', (_name, more, kind, reason) => {
    expect(reasons(tunnelPlan(more))[kind]).toBe(reason)
  })

  it('dials a server outside the cluster directly', () => {
    const plan = tunnelPlan({ server: serverPlan({ pods: [], address: { host: '203.0.113.5', port: 8421 } }) })
    expect(candidates(plan, [], auto, true).candidates).toEqual([{ kind: 'url', host: '203.0.113.5', port: 8421, tls: false }])
  })
})
