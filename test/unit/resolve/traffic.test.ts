/** What the objects around a tunnel say: Ingress paths, protocols, rollouts, ways past. */
import { describe, expect, it } from 'vitest'
import { resolveTargets } from '../../../src/resolve/resolve.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { objectCluster, type PlainObject, readManifests, readyPod } from '../../harness/object-cluster.ts'

const ID = '10bc451e-59dc-4c70-999e-91a30813ac78'
const OTHER = '4d21094e-b74c-4916-86c1-d9fa36ea677b'
const withoutIngress = readManifests('manifests/article.yaml').filter(object => object.kind !== 'Ingress')

async function planOf(objects: readonly PlainObject[], target = 'deploy/nginx'): Promise<TunnelPlan> {
  const plans = await resolveTargets(objectCluster(objects), {
    targets: [parseTarget(target)],
    namespace: 'default',
    ports: [],
    signal: AbortSignal.timeout(5_000)
  })
  const [plan] = plans
  if (plan === undefined || plans.length > 1) throw new Error(`${plans.length} plans`)
  return plan
}

const path = (text: string, port: string | number, pathType = 'Prefix'): object => ({
  path: text,
  pathType,
  backend: { service: { name: 'proxy', port: typeof port === 'number' ? { number: port } : { name: port } } }
})
const ingress = (spec: object, more: Partial<PlainObject> = {}, annotations: Record<string, string> = {}): PlainObject => ({
  kind: 'Ingress',
  metadata: { name: 'web', annotations },
  spec,
  ...more
})
const rule = (host: string | undefined, ...paths: object[]): object => ({ ...(host === undefined ? {} : { host }), http: { paths } })
const ingressesOf = async (object: PlainObject): Promise<TunnelPlan['ingresses']> => (await planOf([...withoutIngress, object])).ingresses

describe('Ingress paths', () => {
  it.each([
    ['by number', [path('/', 80), path('/proxy', 8421)], '/proxy', true],
    ['the longest prefix wins', [path('/proxy', 'tunnel'), path('/', 'entrypoint')], '/proxy', true],
    ['an exact path wins over an equal prefix', [path('/proxy', 'entrypoint'), path('/proxy', 'tunnel', 'Exact')], '/proxy', true],
    ['a longer path that leads elsewhere takes the request', [path('/', 'tunnel'), path('/proxy', 'entrypoint')], undefined, true],
    ['everything to the tunnel port', [path('/', 'tunnel')], '/', false],
    ['a prefix ends at a slash', [path('/pro', 'tunnel'), path('/', 'entrypoint')], undefined, true],
    ['an exact path of another request', [path('/ws', 'tunnel', 'Exact'), path('/', 'entrypoint')], undefined, true],
    ['a controller pattern', [path('/proxy(/|$)(.*)', 'tunnel', 'ImplementationSpecific')], '/proxy(/|$)(.*)', false]
  ])('%s', async (_title, paths, tunnelPath, entrypoint) => {
    expect(await ingressesOf(ingress({ rules: [rule('nginx.local', ...paths)] }))).toMatchObject([
      { host: 'nginx.local', tunnelPath, entrypoint }
    ])
  })

  it('believe a rewriting Ingress', async () => {
    const spec = { rules: [rule('nginx.local', path('/gost', 'tunnel'), path('/', 'entrypoint'))] }
    expect(await ingressesOf(ingress(spec, {}, { 'nginx.ingress.kubernetes.io/rewrite-target': '/proxy' }))).toMatchObject([
      { tunnelPath: '/gost' }
    ])
  })

  it('leave out what leads to other Services, and hosts of other tunnels', async () => {
    const elsewhere = { path: '/', pathType: 'Prefix', backend: { service: { name: 'blog', port: { number: 80 } } } }
    expect(await ingressesOf(ingress({ rules: [rule('blog.local', elsewhere), rule('other.local', path('/', 'entrypoint'))] }))).toEqual([])
  })

  it('take a rule without host, and a default backend, for the hosts of the tunnel', async () => {
    expect(await ingressesOf(ingress({ rules: [rule(undefined, path('/', 'entrypoint'))] }))).toMatchObject([
      { host: 'nginx.local', entrypoint: true }
    ])
    expect(await ingressesOf(ingress({ defaultBackend: { service: { name: 'proxy', port: { name: 'entrypoint' } } } }))).toMatchObject([
      { host: 'nginx.local', entrypoint: true, tunnelPath: undefined }
    ])
  })

  it('read TLS for all hosts, and the ports of the status', async () => {
    const status = { loadBalancer: { ingress: [{ hostname: 'lb', ports: [{ port: 8443, protocol: 'TCP' }] }] } }
    expect(
      await ingressesOf(ingress({ tls: [{ secretName: 'cert' }], rules: [rule('nginx.local', path('/', 'entrypoint'))] }, { status }))
    ).toMatchObject([{ tls: true, port: 8443, addresses: ['lb'] }])
  })
})

describe('two tunnels on one server', () => {
  const CART = OTHER
  const NOBODY = 'a3b0c442-98fc-4c14-9afb-f4c8996fb924'
  const serverWith = (rules: string): PlainObject =>
    readyPod({
      name: 'proxy-0',
      labels: { app: 'proxy' },
      spec: {
        containers: [
          { name: 'gost', image: 'gogost/gost', args: ['-L', `tunnel+ws://:8421?entrypoint=:80&path=/proxy&tunnel=${rules}`], ports: PORTS }
        ]
      }
    })
  const PORTS = [
    { name: 'tunnel', containerPort: 8421 },
    { name: 'entrypoint', containerPort: 80 }
  ]
  const sidecar = (name: string, id: string): PlainObject =>
    readyPod({
      name,
      spec: {
        containers: [
          {
            name: 'gost',
            image: 'gogost/gost',
            args: ['-L', 'rtcp://:0/:3000', '-F', `tunnel+ws://proxy:8421?tunnel.id=${id}&path=/proxy`]
          }
        ]
      }
    })
  const service = withoutIngress.filter(({ kind }) => kind === 'Service')
  const front = ingress({ rules: ['nginx.local', 'cart.local', 'free.local'].map(host => rule(host, path('/', 'entrypoint'))) })
  const hosts = async (rules: string, id: string): Promise<[string[], string[]]> => {
    const plan = await planOf([...service, serverWith(rules), front, sidecar('app', id)], 'pod/app')
    return [plan.hosts, plan.ingresses.map(({ host }) => host)]
  }

  it.each([
    ['each has its own', `nginx.local:${ID},cart.local:${CART}`, CART, ['cart.local'], ['cart.local']],
    ['one without a rule has none', `nginx.local:${ID},cart.local:${CART}`, NOBODY, [], []],
    [
      'an exact rule wins over a wildcard of the other',
      `*.local:${CART},nginx.local:${ID}`,
      CART,
      ['*.local'],
      ['cart.local', 'free.local']
    ],
    ['of two rules for one host the later wins', `nginx.local:${CART},nginx.local:${ID}`, CART, [], []],
    [
      'a wildcard stays where its apex is given away',
      `*.local:${CART},local:${ID}`,
      CART,
      ['*.local'],
      ['nginx.local', 'cart.local', 'free.local']
    ]
  ])('share out the hosts: %s', async (_title, rules, id, own, fronted) => {
    expect(await hosts(rules, id)).toEqual([own, fronted])
  })

  it('are believed to have every host of the Ingress where the rules cannot be read', async () => {
    const unread = readyPod({
      name: 'proxy-0',
      labels: { app: 'proxy' },
      spec: { containers: [{ name: 'x', image: 'unknown', ports: PORTS }] }
    })
    const plan = await planOf([...service, unread, front, sidecar('app', ID)], 'pod/app')
    expect(plan.hosts).toEqual(['nginx.local', 'cart.local', 'free.local'])
  })
})

describe('the protocol', () => {
  const app = (args: string[], ports: object[] = []): PlainObject =>
    readyPod({
      name: 'app',
      spec: {
        containers: [
          { name: 'gost', image: 'gogost/gost', args },
          { name: 'app', image: 'app', ports }
        ]
      }
    })
  const tunnel = (listen: string, id = ID): string[] => ['-L', listen, '-F', `tunnel+ws://proxy:8421?tunnel.id=${id}`]

  it.each([
    ['http', app(tunnel('rtcp://:0/:3000'))],
    ['udp', app(tunnel('rudp://:0/:53'))],
    ['tls', app(tunnel('rtcp://:0/:443'))],
    ['tls', app(tunnel('rtcp://:0/:3000'), [{ name: 'https', containerPort: 3000 }])],
    ['tcp', app(tunnel('rtcp://:0/:3000', OTHER))]
  ])('is %s', async (protocol, pod) => {
    expect((await planOf([...withoutIngress, pod], 'pod/app')).protocol).toBe(protocol)
  })

  it('is TLS behind an Ingress that passes it through', async () => {
    const passthrough = ingress(
      { rules: [rule('nginx.local', path('/', 'entrypoint'))] },
      {},
      { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' }
    )
    expect((await planOf([...withoutIngress, passthrough])).protocol).toBe('tls')
  })

  it('without a host names the entrypoint that passes', async () => {
    const plan = await planOf([...withoutIngress, app(tunnel('rtcp://:0/:3000', OTHER))], 'pod/app')
    expect(plan.passes).toEqual(['intercepts what is sent to tunnel 4d21094e… through Service proxy, port 80'])
    expect(plan.hosts).toEqual([])
  })
})

describe('a rollout', () => {
  const serverOnly = withoutIngress.filter(object => object.metadata.name === 'proxy')
  const pod = (name: string, id: string, more: { ready?: boolean; terminating?: boolean; weight?: number } = {}): PlainObject =>
    readyPod({
      ...more,
      name,
      labels: { app: 'shop' },
      owner: { kind: 'ReplicaSet', name: 'shop-1' },
      spec: {
        containers: [
          {
            name: 'gost',
            image: 'gogost/gost',
            args: ['-L', 'rtcp://:0/:80', '-F', `tunnel+ws://proxy:8421?tunnel.id=${id}&tunnel.weight=${more.weight ?? 1}`]
          }
        ]
      }
    })
  const web: PlainObject = { kind: 'Service', metadata: { name: 'shop' }, spec: { selector: { app: 'shop' }, ports: [{ port: 80 }] } }

  it('to another tunnel id leaves the tunnel of ending pods', async () => {
    const plan = await planOf([...serverOnly, web, pod('old', OTHER, { terminating: true }), pod('new', ID)], 'svc/shop')
    expect(plan.tunnelId).toBe(ID)
    expect(plan.sidecars.map(sidecar => sidecar.pod)).toEqual(['new'])
  })

  it('keeps the tunnel of ending pods while there is no other', async () => {
    expect((await planOf([...serverOnly, web, pod('old', ID, { terminating: true })], 'svc/shop')).sidecars).toMatchObject([
      { terminating: true }
    ])
  })

  it('reads the app and the server of a ready pod', async () => {
    const late = pod('late', ID, { ready: false, weight: 5 })
    const plan = await planOf([...serverOnly, web, late, pod('serving', ID)], 'svc/shop')
    expect(plan.sidecars.map(sidecar => [sidecar.pod, sidecar.ready, sidecar.weight])).toEqual([
      ['late', false, 5],
      ['serving', true, 1]
    ])
    expect(plan.workload).toBe('replicaset/shop-1')
  })

  it('forgets pods that are over', async () => {
    const over = { ...pod('over', ID), status: { phase: 'Succeeded' } }
    expect((await planOf([...serverOnly, web, over, pod('new', ID)], 'svc/shop')).sidecars.map(sidecar => sidecar.pod)).toEqual(['new'])
  })
})

describe('an app that is another Service', () => {
  it('is named with its namespace, and as the way past', async () => {
    const args = ['-L', 'rtcp://:0/backend.shop:8080', '-F', `tunnel+ws://proxy:8421?tunnel.id=${ID}`]
    const edge = readyPod({ name: 'edge', labels: { app: 'edge' }, spec: { containers: [{ name: 'gost', image: 'gogost/gost', args }] } })
    const own: PlainObject = { kind: 'Service', metadata: { name: 'edge' }, spec: { selector: { app: 'edge' }, ports: [{ port: 8080 }] } }
    const plan = await planOf([...withoutIngress, edge, own], 'pod/edge')
    expect(plan.appService).toEqual({ namespace: 'shop', service: 'backend', port: 8080 })
    expect(plan.bypasses).toEqual(["Service backend is the sidecar's target: its direct callers are NOT intercepted"])
  })
})
