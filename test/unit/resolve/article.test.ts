/** The article's manifests, as they stand. */
import { describe, expect, it } from 'vitest'
import { resolveTargets } from '../../../src/resolve/resolve.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { objectCluster, readManifests } from '../../harness/object-cluster.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'

async function article(target: string): Promise<{ plan: TunnelPlan; requests: string[] }> {
  const cluster = objectCluster(readManifests('manifests/article.yaml'))
  const plans = await resolveTargets(cluster, {
    targets: [parseTarget(target)],
    namespace: 'default',
    ports: [],
    signal: AbortSignal.timeout(5_000)
  })
  expect(plans).toHaveLength(1)
  const [plan] = plans
  if (plan === undefined) throw new Error('no plan')
  return { plan, requests: cluster.requests }
}

describe('the article', () => {
  it('falls back from the missing Service to the Deployment, with one note', async () => {
    const { plan } = await article('svc/nginx')
    expect(plan).toMatchObject({
      name: 'nginx',
      namespace: 'default',
      workload: 'deployment/nginx',
      tunnelId: ID,
      protocol: 'http',
      hosts: ['nginx.local'],
      app: { host: '', port: 80 },
      passes: ['intercepts nginx.local (ingress nginx)'],
      bypasses: [],
      notes: ['there is no Service nginx in namespace default: took deployment/nginx'],
      podSelector: 'app=nginx',
      remotes: ['80']
    })
    expect(plan.sidecars).toEqual([
      {
        pod: 'nginx-7c5ddbdf54-x0000',
        namespace: 'default',
        container: 'gost',
        ready: true,
        terminating: false,
        weight: 1,
        app: { host: '', port: 80 },
        proxyProtocol: 0
      }
    ])
  })

  it('finds the server, its ports and its Ingress', async () => {
    const { plan } = await article('deploy/nginx')
    expect(plan.server).toMatchObject({
      namespace: 'default',
      service: 'proxy',
      servicePort: 8421,
      entrypointServicePort: 80,
      carrier: 'ws',
      path: '/proxy',
      auth: undefined,
      tls: undefined,
      readTimeoutMs: 15_000,
      keepalive: false,
      peer: 'gost',
      unread: undefined,
      podSelector: 'app=proxy'
    })
    expect(plan.server.pods).toEqual([
      {
        pod: 'proxy-7c5ddbdf54-x0000',
        namespace: 'default',
        ip: expect.stringMatching(/^10\.42\./),
        ready: true,
        terminating: false,
        tunnelPort: 8421,
        entrypointPort: 80
      }
    ])
    expect(plan.ingresses).toEqual([
      {
        name: 'nginx',
        namespace: 'default',
        host: 'nginx.local',
        addresses: [],
        port: 80,
        tls: false,
        tunnelPath: '/proxy',
        entrypoint: true,
        class: undefined
      }
    ])
    expect(plan.notes).toEqual([])
  })

  it.each([
    ['nginx', 'deployment/nginx', []],
    ['ing/nginx', 'deployment/nginx', ['ingress/nginx leads to nginx.local (deployment/nginx)']],
    ['svc/proxy', 'deployment/nginx', ['service/proxy is the tunnel server: took its one tunnel, nginx.local (deployment/nginx)']],
    ['deploy/proxy', 'deployment/nginx', ['deployment/proxy is the tunnel server: took its one tunnel, nginx.local (deployment/nginx)']],
    ['pod/nginx-7c5ddbdf54-x0000', 'pod/nginx-7c5ddbdf54-x0000', []]
  ])('%s leads to the same tunnel', async (target, workload, notes) => {
    const { plan } = await article(target)
    expect(plan.tunnelId).toBe(ID)
    expect(plan.workload).toBe(workload)
    expect(plan.notes).toEqual(notes)
    expect(plan.server.service).toBe('proxy')
    expect(plan.server.servicePort).toBe(8421)
  })

  it('asks the API server for few lists, and for no ConfigMap or Secret', async () => {
    const { requests } = await article('svc/nginx')
    expect(new Set(requests).size).toBe(requests.length)
    expect(requests.length).toBeLessThanOrEqual(6)
    expect(requests.join()).not.toMatch(/secrets|configmaps/)
  })

  it('shows the tunnel id in no text', async () => {
    const { plan } = await article('svc/proxy')
    expect([...plan.notes, ...plan.passes, ...plan.bypasses, plan.name].join()).not.toContain(ID)
  })
})
