/** Targets in clusters that are not the article's: namespaces, Secrets, several tunnels, refusals, servers elsewhere. */
import { describe, expect, it } from 'vitest'
import { InterceptError } from '../../../src/base/errors.ts'
import { parsePortMapping } from '../../../src/resolve/port-mapping.ts'
import { resolveTargets } from '../../../src/resolve/resolve.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { type ObjectCluster, objectCluster, type PlainObject, readManifests, readyPod } from '../../harness/object-cluster.ts'

const CART = '11111111-1111-4111-8111-111111111111'
const ADMIN = '22222222-2222-4222-8222-222222222222'

const shop = (): ObjectCluster => objectCluster(readManifests('manifests/two-namespaces.yaml'), { namespace: 'shop' })
const article = (...more: PlainObject[]): ObjectCluster => objectCluster([...readManifests('manifests/article.yaml'), ...more])

const resolve = (cluster: ObjectCluster, target: string, ports: string[] = []): Promise<TunnelPlan[]> =>
  resolveTargets(cluster, {
    targets: [parseTarget(target)],
    namespace: cluster.namespace,
    ports: ports.map(parsePortMapping),
    signal: AbortSignal.timeout(5_000)
  })

async function one(cluster: ObjectCluster, target: string, ports: string[] = []): Promise<TunnelPlan> {
  const [plan, ...rest] = await resolve(cluster, target, ports)
  if (plan === undefined || rest.length > 0) throw new Error(`${rest.length + 1} plans`)
  return plan
}

async function failure(attempt: Promise<unknown>): Promise<InterceptError> {
  const thrown = await attempt.then(
    () => undefined,
    (error: unknown) => error
  )
  if (!(thrown instanceof InterceptError)) throw new Error('no InterceptError', { cause: thrown })
  return thrown
}

const sidecar = (name: string, args: string[], more: Partial<PlainObject> = {}): PlainObject =>
  readyPod({ name, labels: { app: name }, spec: { containers: [{ name: 'gost', image: 'gogost/gost', args }], ...more } })
const forward = (host: string, id = CART): string[] => ['-L', 'rtcp://:0/:80', '-F', `tunnel+ws://${host}?tunnel.id=${id}`]
const service = (name: string, spec: object): PlainObject => ({ kind: 'Service', metadata: { name }, spec })

describe('two tunnels of one StatefulSet, with the server in another namespace', () => {
  it('plans both, named by their ports', async () => {
    const plans = await resolve(shop(), 'svc/cart')
    expect(plans.map(plan => [plan.name, plan.tunnelId, plan.app?.port, plan.hosts, plan.workload])).toEqual([
      ['cart:8080', CART, 8080, ['*.shop.example'], 'statefulset/cart'],
      ['cart:9090', ADMIN, 9090, ['admin.example'], 'statefulset/cart']
    ])
    expect(plans[0]?.sidecars.map(pod => [pod.pod, pod.container, pod.weight])).toEqual([
      ['cart-0', 'tunnel', 3],
      ['cart-1', 'tunnel', 3]
    ])
    expect(plans[0]?.podSelector).toBe('app=cart')
  })

  it('reads the server in its namespace: replicas, Secret, TLS, timeouts, an entrypoint with its own Service', async () => {
    const [plan] = await resolve(shop(), 'sts/cart')
    expect(plan?.server).toMatchObject({
      namespace: 'infra',
      service: 'gateway',
      servicePort: 443,
      entrypointServicePort: 80,
      entrypointService: 'gateway-web',
      carrier: 'wss',
      path: '/t',
      auth: { user: 'shop', password: 'word' },
      tls: { secure: false, serverName: 'gateway.infra.svc.cluster.local' },
      readTimeoutMs: 20_000,
      unread: undefined
    })
    expect(plan?.server.pods.map(pod => [pod.namespace, pod.tunnelPort, pod.entrypointPort])).toEqual([
      ['infra', 8443, 8080],
      ['infra', 8443, 8080]
    ])
  })

  it('finds the Ingress paths of each tunnel, with TLS, class and addresses', async () => {
    const [cart, admin] = await resolve(shop(), 'sts/cart')
    expect(cart?.ingresses).toEqual([
      {
        name: 'public',
        namespace: 'infra',
        host: '*.shop.example',
        addresses: ['203.0.113.7', 'lb.example'],
        port: 443,
        tls: true,
        tunnelPath: undefined,
        entrypoint: true,
        class: 'nginx'
      },
      {
        name: 'public',
        namespace: 'infra',
        host: 'admin.example',
        addresses: ['203.0.113.7', 'lb.example'],
        port: 80,
        tls: false,
        tunnelPath: '/t',
        entrypoint: false,
        class: 'nginx'
      }
    ])
    expect(admin?.ingresses).toMatchObject([{ host: 'admin.example', tunnelPath: '/t', entrypoint: true }])
    expect(cart?.passes).toEqual(['intercepts *.shop.example (ingress public)'])
    expect(admin?.server.hostHeader).toBe('admin.example')
  })

  it('says what goes past the tunnel', async () => {
    const [cart, admin] = await resolve(shop(), 'sts/cart')
    expect(cart?.bypasses).toEqual([
      'Service cart goes to the pods: its callers are NOT intercepted',
      'Ingress old-cart (old.example) goes to Service cart, past the tunnel: NOT intercepted'
    ])
    expect(admin?.bypasses).toEqual([])
  })

  it.each([
    ['8080:80', CART],
    ['8080:web', CART],
    ['8080:8080', CART],
    ['8080:http', CART],
    ['cart=8080:9090', ADMIN],
    ['8080:admin', ADMIN]
  ])('takes the tunnel that --port %s means, and leaves the other alone', async (port, id) => {
    const plan = await one(shop(), 'svc/cart', [port])
    expect(plan.tunnelId).toBe(id)
    expect(plan.notes).toEqual([`left alone: ${id === CART ? 'cart:9090' : 'cart:8080'}`])
  })

  it('asks which one a bare --port means, with the lines to type', async () => {
    expect(await failure(resolve(shop(), 'svc/cart', ['3000']))).toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      message: '--port 3000 fits 2 tunnels: cart:8080, cart:9090',
      hint: 'say which: --port cart=3000:8080 or --port cart=3000:9090'
    })
  })

  it('names the ports there are when none fits', async () => {
    expect(await failure(resolve(shop(), 'svc/cart', ['3000:7']))).toMatchObject({
      code: 'BAD_USAGE',
      message: 'no tunnel of cart forwards to 7',
      hint: 'REMOTE may be 8080, http, 80, web, 9090, admin: --port 3000:8080'
    })
  })

  it('reads exactly the Secrets that the tunnels need', async () => {
    const cluster = shop()
    await resolve(cluster, 'svc/cart')
    expect(cluster.requests.filter(request => request.startsWith('get')).sort()).toEqual([
      'get secrets infra/gateway',
      'get secrets shop/tunnels'
    ])
    expect(cluster.requests.filter(request => request.startsWith('list')).length).toBe(
      new Set(cluster.requests.filter(request => request.startsWith('list'))).size
    )
  })

  it('shows no secret in any text', async () => {
    const text = JSON.stringify(
      (await resolve(shop(), 'svc/cart')).map(({ notes, passes, bypasses, name, workload }) => ({
        notes,
        passes,
        bypasses,
        name,
        workload
      }))
    )
    expect(text).not.toMatch(/1111-4111|2222-4222|word/)
  })
})

describe('a server or an Ingress as the target', () => {
  const infra = (): ObjectCluster => objectCluster(readManifests('manifests/two-namespaces.yaml'), { namespace: 'infra' })

  it('lists the tunnels of a server that has several', async () => {
    expect(await failure(resolve(infra(), 'svc/gateway'))).toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      message: 'service/gateway leads to 2 tunnels: *.shop.example; admin.example',
      details: { tunnels: [{ tunnel: '11111111…' }, { tunnel: '22222222…' }] }
    })
  })

  it('lists those of an Ingress that leads to several', async () => {
    expect((await failure(resolve(infra(), 'ing/public'))).message).toBe('ingress/public leads to 2 tunnels: *.shop.example; admin.example')
  })

  it('says that an Ingress goes past any tunnel', async () => {
    expect(await failure(resolve(shop(), 'ing/old-cart'))).toMatchObject({
      code: 'TUNNEL_NOT_FOUND',
      message: 'Ingress old-cart leads to no tunnel server (Service cart is no tunnel server: its pods are reached past any tunnel)'
    })
  })

  it('names workloads to choose from', async () => {
    const other = sidecar('other', forward('proxy:8421', CART))
    const server = readManifests('manifests/article.yaml').map(object =>
      object.kind === 'Deployment' && object.metadata.name === 'proxy'
        ? (JSON.parse(JSON.stringify(object).replace('nginx.local:10bc', `other.local:${CART},nginx.local:10bc`)) as PlainObject)
        : object
    )
    expect(await failure(resolve(objectCluster([...server, other]), 'svc/proxy'))).toMatchObject({
      message:
        'service/proxy leads to 2 tunnels: other.local → kubectl intercept pod/other; nginx.local → kubectl intercept deployment/nginx',
      hint: 'name one of them: kubectl intercept pod/other'
    })
    expect((await one(objectCluster([...server, other]), 'ing/nginx')).hosts).toEqual(['nginx.local'])
  })

  it('plans a tunnel whose sidecars are elsewhere', async () => {
    const objects = readManifests('manifests/article.yaml').filter(
      object => !(object.kind === 'Deployment' && object.metadata.name === 'nginx')
    )
    const plan = await one(objectCluster(objects), 'svc/proxy')
    expect(plan).toMatchObject({
      sidecars: [],
      app: undefined,
      hosts: ['nginx.local'],
      server: { service: 'proxy', servicePort: 8421, path: '/proxy' }
    })
    expect(plan.notes).toContain('no sidecar of tunnel 10bc451e… was found in namespace default')
  })
})

describe('names', () => {
  it('tries kinds in order, and takes the Service first', async () => {
    const direct = service('nginx', { selector: { app: 'nginx' }, ports: [{ port: 80 }] })
    const plan = await one(article(direct), 'nginx')
    expect(plan).toMatchObject({
      workload: 'deployment/nginx',
      notes: [],
      bypasses: ['Service nginx goes to the pods: its callers are NOT intercepted']
    })
  })

  it('offers the nearest names, and list', async () => {
    expect(await failure(resolve(article(), 'svc/ngnix'))).toMatchObject({
      code: 'TARGET_NOT_FOUND',
      message: 'there is no Service ngnix in namespace default, nor a workload or an Ingress of that name (did you mean nginx?)',
      hint: 'see what can be intercepted: kubectl intercept list -n default'
    })
    expect((await failure(resolve(article(), 'sts/nginx'))).message).toBe(
      'there is no StatefulSet nginx in namespace default (did you mean nginx?)'
    )
  })

  it('says why the pods have no tunnel client, container by container', async () => {
    const app = readyPod({
      name: 'app',
      spec: {
        containers: [
          { name: 'web', image: 'nginx' },
          { name: 'relay', image: 'gogost/gost', args: ['-L', 'rtcp://:0/:80', '-F', 'relay://r:1'] }
        ]
      }
    })
    expect(await failure(resolve(article(app), 'pod/app'))).toMatchObject({
      code: 'TUNNEL_NOT_FOUND',
      message:
        'pod/app has no tunnel client (pod/app, container web: image nginx is not gost; pod/app, container relay: chain chain-0 ends in a relay hop, not in a tunnel)'
    })
  })

  it('says why a tunnel cannot be joined, and how to name it by flags', async () => {
    expect(
      await failure(resolve(article(sidecar('app', ['-L', 'rtcp://:0/:80', '-F', 'tunnel+ws://proxy:8421'])), 'pod/app'))
    ).toMatchObject({
      code: 'TUNNEL_NOT_FOUND',
      message: 'the tunnel of pod/app cannot be joined: it has no tunnel.id, so gost makes a random one at each start',
      hint: 'when you know its server and id: kubectl intercept --tunnel-server URL --tunnel-id UUID'
    })
  })

  it('reads the pod template of a workload without pods', async () => {
    const objects = readManifests('manifests/article.yaml').map(object =>
      object.metadata.name === 'nginx' && object.kind === 'Deployment'
        ? { ...object, spec: { ...(object['spec'] as object), replicas: 0 } }
        : object
    )
    const plan = await one(objectCluster(objects), 'deploy/nginx')
    expect(plan).toMatchObject({ sidecars: [], app: { port: 80 }, hosts: ['nginx.local'] })
    expect(plan.notes).toEqual(['deployment/nginx has no pods now: read its pod template', 'no pod with a sidecar is ready'])
  })

  it('takes two targets of one tunnel as one', async () => {
    const plans = await resolveTargets(article(), {
      targets: ['deploy/nginx', 'ing/nginx', 'svc/proxy'].map(parseTarget),
      namespace: 'default',
      ports: [],
      signal: AbortSignal.timeout(5_000)
    })
    expect(plans).toHaveLength(1)
  })

  it.each([
    [['svc/nginx', 'svc/nginx'], 'nginx', ['3456']],
    [['svc/nginx', 'svc/proxy'], 'nginx', ['3456']],
    [['svc/nginx', 'svc/proxy'], 'nginx', ['proxy=3456']],
    [['svc/proxy', 'nginx', 'ing/nginx'], 'proxy', ['ing/nginx=3456:80']]
  ])('takes %j for one tunnel called %s, with --port %j', async (targets, name, ports) => {
    const plans = await resolveTargets(article(), {
      targets: targets.map(parseTarget),
      namespace: 'default',
      ports: ports.map(parsePortMapping),
      signal: AbortSignal.timeout(5_000)
    })
    expect(plans.map(plan => plan.name)).toEqual([name])
    expect(plans[0]?.notes.filter(note => note.includes('intercepted once'))).toEqual([])
  })
})

describe('a tunnel of several workloads', () => {
  it('counts the sidecars of both and says so', async () => {
    const canary = sidecar('canary', forward('proxy:8421', '10bc451e-59dc-4c70-999e-91a30813ac78'))
    const plan = await one(article(canary), 'deploy/nginx')
    expect(plan.sidecars.map(pod => pod.pod)).toEqual(['nginx-7c5ddbdf54-x0000', 'canary'])
    expect(plan.notes).toEqual(['pod/canary registers under the same tunnel 10bc451e… and takes visitors too'])
    expect(plan.alsoServedBy).toEqual([{ workload: 'pod/canary', podSelector: undefined }])
  })
})

describe('refusals', () => {
  it('pass on with the flags that replace them', async () => {
    const cluster = article()
    cluster.forbid('list pods')
    expect(await failure(resolve(cluster, 'svc/nginx'))).toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: 'you may not list pods in namespace default',
      hint: 'kubectl auth can-i list pods -n default; or name the tunnel yourself: kubectl intercept --tunnel-server URL --tunnel-id UUID'
    })
  })

  it('name the same right whichever answer comes first', async () => {
    const cluster = article()
    cluster.forbid('list pods')
    cluster.forbid('list services')
    const slowly: ObjectCluster = {
      ...cluster,
      async list(kind, options) {
        if (kind === 'services') await cluster.list('pods', options).catch(() => {})
        return await cluster.list(kind, options)
      }
    }
    expect(await failure(resolve(slowly, 'svc/nginx'))).toMatchObject({ message: 'you may not list services in namespace default' })
  })

  it('of Ingresses leave a plan without them, and one line', async () => {
    const cluster = article()
    cluster.forbid('list ingresses')
    const plan = await one(cluster, 'deploy/nginx')
    expect(plan).toMatchObject({ ingresses: [], hosts: ['nginx.local'], passes: ['intercepts nginx.local (Service proxy, port 80)'] })
    expect(plan.notes).toEqual(['ingresses in namespace default may not be listed: routes and hosts through them are not known'])
  })

  it("of the server's namespace leave a plan whose server is unread", async () => {
    const cluster = shop()
    cluster.forbid('list pods infra')
    const [plan] = await resolve(cluster, 'svc/cart')
    expect(plan?.server).toMatchObject({
      service: undefined,
      pods: [],
      carrier: 'wss',
      path: '/t',
      unread: 'the Services and pods behind gateway.infra.svc.cluster.local may not be read (forbidden)'
    })
    expect(plan?.tunnelId).toBe(CART)
  })

  it("of the server's Secret leave its pods, its ports and the Ingresses' hosts", async () => {
    const cluster = shop()
    cluster.forbid('get secrets/gateway')
    const [plan] = await resolve(cluster, 'svc/cart')
    expect(plan?.server.unread).toBe(
      'the tunnel server behind Service gateway could not be read: container gost: -C /etc/gost/gost.yaml is in Secret gateway, which may not be read (forbidden)'
    )
    expect(plan?.server.pods.map(pod => [pod.tunnelPort, pod.entrypointPort])).toEqual([
      [8443, undefined],
      [8443, undefined]
    ])
    expect(plan?.ingresses.map(ingress => [ingress.host, ingress.tunnelPath])).toEqual([['admin.example', '/t']])
  })

  it("of the sidecar's Secret end with its name", async () => {
    const cluster = shop()
    cluster.forbid('get secrets/tunnels')
    expect((await failure(resolve(cluster, 'svc/cart'))).message).toBe(
      'the tunnel of service/cart cannot be joined: Secret tunnels may not be read (forbidden)'
    )
  })
})

describe('where the server is', () => {
  const proxyArgs = ['-L', `tunnel+ws://:8421?entrypoint=:80&tunnel=a.local:${CART}`]
  const server = readyPod({
    name: 'server-0',
    labels: { app: 'server' },
    ip: '10.42.7.7',
    spec: { hostname: 'server-0', containers: [{ name: 'gost', image: 'gogost/gost', args: proxyArgs }] }
  })
  const plain = service('server', { clusterIP: '10.96.0.9', selector: { app: 'server' }, ports: [{ port: 8421 }, { port: 80 }] })
  const headless = service('server', { clusterIP: 'None', selector: { app: 'server' }, ports: [{ port: 1 }] })

  it.each([
    ['server:8421', plain, 'server', 'server-0'],
    ['server.default:8421', plain, 'server', 'server-0'],
    ['server.default.svc:8421', plain, 'server', 'server-0'],
    ['server.default.svc.cluster.local.:8421', plain, 'server', 'server-0'],
    ['server.default.svc.corp.internal:8421', plain, 'server', 'server-0'],
    ['10.96.0.9:8421', plain, 'server', 'server-0'],
    ['10.42.7.7:8421', plain, undefined, 'server-0'],
    ['server:8421', headless, 'server', 'server-0'],
    ['server-0.server:8421', headless, 'server', 'server-0'],
    ['server-0.server.default.svc.cluster.local:8421', headless, 'server', 'server-0']
  ])('%s is found', async (host, object, name, pod) => {
    const plan = await one(objectCluster([server, object, sidecar('app', forward(host))]), 'pod/app')
    expect(plan.server.service).toBe(name)
    expect(plan.server.pods.map(one => [one.pod, one.tunnelPort, one.entrypointPort])).toEqual([[pod, 8421, 80]])
    expect(plan.hosts).toEqual(['a.local'])
    expect(plan.server.unread).toBeUndefined()
  })

  it('stands behind a Service without selector, by its Endpoints', async () => {
    const bare = service('server', { clusterIP: '10.96.0.9', ports: [{ port: 8421 }] })
    const endpoints: PlainObject = { kind: 'Endpoints', metadata: { name: 'server' }, subsets: [{ addresses: [{ ip: '10.42.7.7' }] }] }
    expect(
      (await one(objectCluster([server, bare, endpoints, sidecar('app', forward('server:8421'))]), 'pod/app')).server.pods
    ).toHaveLength(1)
  })

  it('stands behind an alias: ExternalName, and hostAliases', async () => {
    const alias = service('edge', { type: 'ExternalName', externalName: 'server.default.svc.cluster.local' })
    expect((await one(objectCluster([server, plain, alias, sidecar('app', forward('edge:8421'))]), 'pod/app')).server.service).toBe(
      'server'
    )
    const aliased = sidecar('app', forward('edge.corp:8421'), { hostAliases: [{ ip: '10.96.0.9', hostnames: ['edge.corp'] }] })
    expect((await one(objectCluster([server, plain, aliased]), 'pod/app')).server.service).toBe('server')
  })

  it('is the sidecar’s own pod', async () => {
    const both = sidecar('both', [...proxyArgs, '--', ...forward('127.0.0.1:8421')])
    const plan = await one(objectCluster([both]), 'pod/both')
    expect(plan.server).toMatchObject({ service: undefined, unread: undefined, pods: [{ pod: 'both', tunnelPort: 8421 }] })
  })

  it('is reached out and in again through an Ingress', async () => {
    const ingress: PlainObject = {
      kind: 'Ingress',
      metadata: { name: 'edge' },
      spec: {
        tls: [{ hosts: ['edge.example'] }],
        rules: [
          {
            host: 'edge.example',
            http: { paths: [{ path: '/ws', pathType: 'Prefix', backend: { service: { name: 'server', port: { number: 8421 } } } }] }
          }
        ]
      }
    }
    const args = ['-L', 'rtcp://:0/:80', '-F', `tunnel+wss://edge.example:443?tunnel.id=${CART}`]
    const plan = await one(objectCluster([server, plain, ingress, sidecar('app', args)]), 'pod/app')
    expect(plan.server).toMatchObject({ service: 'server', servicePort: 8421, carrier: 'ws', unread: undefined })
    expect(plan.ingresses).toMatchObject([{ host: 'edge.example', tls: true, tunnelPath: '/ws', entrypoint: false }])
  })

  it.each([
    ['tunnel.example.com:443', 'tunnel.example.com is no Service of this cluster'],
    ['198.51.100.4:8421', '198.51.100.4 is neither a Service nor a pod of namespace default']
  ])('is outside: %s', async (host, reason) => {
    const plan = await one(article(sidecar('app', forward(host))), 'pod/app')
    expect(plan.server).toMatchObject({
      service: undefined,
      pods: [],
      unread: reason,
      address: { host: host.split(':')[0], port: Number(host.split(':')[1]) }
    })
    expect(plan.notes).toContain(`the server could not be read: ${reason}`)
  })

  it('is a Service without pods', async () => {
    const plan = await one(objectCluster([plain, sidecar('app', forward('server:8421'))]), 'pod/app')
    expect(plan.server).toMatchObject({ service: 'server', pods: [], unread: 'no pod stands behind Service server' })
  })
})

describe('--all', () => {
  it('takes every tunnel of the namespace', async () => {
    const plans = await resolveTargets(shop(), { targets: 'all', namespace: 'shop', ports: [], signal: AbortSignal.timeout(5_000) })
    expect(plans.map(plan => [plan.name, plan.target.text])).toEqual([
      ['cart:8080', 'statefulset/cart'],
      ['cart:9090', 'statefulset/cart']
    ])
  })

  it('takes all namespaces with -A, and narrows with -l', async () => {
    const cluster = objectCluster([...readManifests('manifests/two-namespaces.yaml'), ...readManifests('manifests/article.yaml')])
    const all = await resolveTargets(cluster, {
      targets: 'all',
      namespace: 'default',
      allNamespaces: true,
      ports: [],
      signal: AbortSignal.timeout(5_000)
    })
    expect(all.map(plan => plan.name).sort()).toEqual(['cart:8080', 'cart:9090', 'nginx'])
    const some = await resolveTargets(cluster, {
      targets: 'all',
      namespace: 'default',
      allNamespaces: true,
      selector: 'app in (nginx,proxy)',
      ports: [],
      signal: AbortSignal.timeout(5_000)
    })
    expect(some.map(plan => plan.name)).toEqual(['nginx'])
  })

  it('says that there is none, and refuses a selector it cannot read', async () => {
    const options = { targets: 'all' as const, namespace: 'empty', ports: [], signal: AbortSignal.timeout(5_000) }
    expect(await failure(resolveTargets(article(), options))).toMatchObject({
      code: 'TUNNEL_NOT_FOUND',
      hint: 'see why: kubectl intercept list'
    })
    expect(await failure(resolveTargets(article(), { ...options, selector: 'a=(' }))).toMatchObject({ code: 'BAD_USAGE' })
  })
})
