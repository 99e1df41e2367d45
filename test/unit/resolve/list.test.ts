import { describe, expect, it } from 'vitest'
import { listTunnels } from '../../../src/resolve/list.ts'
import { objectCluster, type PlainObject, readManifests, readyPod } from '../../harness/object-cluster.ts'

const everything = { namespace: 'default', allNamespaces: true }

describe('list', () => {
  it('shows one row per tunnel', async () => {
    const rows = await listTunnels(
      objectCluster([...readManifests('manifests/article.yaml'), ...readManifests('manifests/two-namespaces.yaml')]),
      everything
    )
    expect(rows.map(({ plan, ...row }) => ({ ...row, hasPlan: plan !== undefined }))).toEqual([
      {
        name: 'nginx',
        namespace: 'default',
        workload: 'deployment/nginx',
        tunnel: '10bc451e…',
        protocol: 'http',
        hosts: ['nginx.local'],
        appPort: 80,
        sidecars: { ready: 1, total: 1 },
        weights: [1],
        server: 'proxy:8421',
        peer: 'gost',
        passes: ['intercepts nginx.local (ingress nginx)'],
        bypasses: [],
        notes: [],
        problems: [],
        joinable: true,
        hasPlan: true
      },
      {
        name: 'cart:8080',
        namespace: 'shop',
        workload: 'statefulset/cart',
        tunnel: '11111111…',
        protocol: 'http',
        hosts: ['*.shop.example'],
        appPort: 8080,
        sidecars: { ready: 2, total: 2 },
        weights: [3],
        server: 'gateway.infra:443',
        peer: 'gost',
        passes: ['intercepts *.shop.example (ingress public)'],
        bypasses: [
          'Service cart goes to the pods: its callers are NOT intercepted',
          'Ingress old-cart (old.example) goes to Service cart, past the tunnel: NOT intercepted'
        ],
        notes: [],
        problems: [],
        joinable: true,
        hasPlan: true
      },
      {
        name: 'cart:9090',
        namespace: 'shop',
        workload: 'statefulset/cart',
        tunnel: '22222222…',
        protocol: 'http',
        hosts: ['admin.example'],
        appPort: 9090,
        sidecars: { ready: 2, total: 2 },
        weights: [1],
        server: 'gateway.infra:443',
        peer: 'gost',
        passes: ['intercepts admin.example (ingress public)'],
        bypasses: [],
        notes: [],
        problems: [],
        joinable: true,
        hasPlan: true
      }
    ])
  })

  it('shows what cannot be joined, with the reason', async () => {
    const pod = (name: string, container: object): PlainObject =>
      readyPod({ name, spec: { containers: [{ name: 'gost', image: 'gogost/gost', ...container }] } })
    const rows = await listTunnels(
      objectCluster([
        ...readManifests('manifests/article.yaml'),
        pod('random', { args: ['-L', 'rtcp://:0/:80', '-F', 'tunnel+ws://proxy:8421'] }),
        pod('quic', { args: ['-L', 'rtcp://:0/:80', '-F', 'tunnel+quic://proxy:8421?tunnel.id=4d21094e-b74c-4916-86c1-d9fa36ea677b'] }),
        pod('script', { command: ['sh', '-c', 'while true; do gost -C /g.yaml; done'] }),
        pod('plain', { image: 'nginx' })
      ]),
      { namespace: 'default' }
    )
    expect(rows.map(row => [row.name, row.joinable, row.tunnel, row.problems])).toEqual([
      ['nginx', true, '10bc451e…', []],
      ['quic', false, '4d21094e…', ['container gost: its carrier quic is not supported']],
      ['random', false, undefined, ['container gost: it has no tunnel.id, so gost makes a random one at each start']],
      ['script', false, undefined, ['container gost: cannot read its shell script']]
    ])
  })

  it('names what is not ready, and a server that cannot be read', async () => {
    const objects = readManifests('manifests/article.yaml').filter(object => object.metadata.name !== 'nginx' || object.kind === 'Ingress')
    const args = ['-L', 'rtcp://:0/:80', '-F', 'tunnel+ws://gone:8421?tunnel.id=4d21094e-b74c-4916-86c1-d9fa36ea677b']
    const rows = await listTunnels(
      objectCluster([
        ...objects,
        readyPod({ name: 'lone', ready: false, spec: { containers: [{ name: 'gost', image: 'gogost/gost', args }] } })
      ]),
      { namespace: 'default' }
    )
    expect(rows).toMatchObject([
      {
        name: 'lone',
        sidecars: { ready: 0, total: 1 },
        weights: [],
        peer: undefined,
        server: 'gone:8421',
        problems: ['no pod with a sidecar is ready', 'gone is no Service of this cluster']
      }
    ])
  })

  it('reads 200 Deployments with -A in at most 12 requests and 1.5 s', async () => {
    const article = readManifests('manifests/article.yaml')
    const many = Array.from({ length: 200 }, (_, index) => {
      const id = `${String(index).padStart(8, '0')}-59dc-4c70-999e-91a30813ac78`
      const deployment = article.find(object => object.kind === 'Deployment' && object.metadata.name === 'nginx')
      const text = JSON.stringify(deployment).replaceAll('10bc451e-59dc-4c70-999e-91a30813ac78', id).replaceAll('nginx', `app-${index}`)
      const object = JSON.parse(text) as PlainObject & { spec: { replicas: number } }
      return { ...object, metadata: { ...object.metadata, namespace: `team-${index % 20}` }, spec: { ...object.spec, replicas: 3 } }
    })
    const servers = Array.from({ length: 20 }, (_, index) =>
      article
        .filter(object => object.metadata.name === 'proxy')
        .map(object => ({ ...object, metadata: { ...object.metadata, namespace: `team-${index}` } }))
    )
    const cluster = objectCluster([...many, ...servers.flat()])
    const start = performance.now()
    const rows = await listTunnels(cluster, everything)
    const elapsedMs = performance.now() - start
    expect(rows).toHaveLength(200)
    expect(rows.every(row => row.sidecars.ready === 3 && row.problems.length === 0)).toBe(true)
    expect(cluster.requests.length).toBeLessThanOrEqual(12)
    expect(elapsedMs).toBeLessThan(1_500)
  })
})
