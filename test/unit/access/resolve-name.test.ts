import { describe, expect, it } from 'vitest'
import { directory } from '../../../src/access/directory.ts'
import { resolveForward } from '../../../src/access/forward.ts'
import { type Destination, type Names, type PortRef, resolveName } from '../../../src/access/resolve-name.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { type ObjectCluster, objectCluster, type PlainObject, readyPod } from '../../harness/object-cluster.ts'

const service = (name: string, spec: object, namespace = 'shop'): PlainObject => ({ kind: 'Service', metadata: { name, namespace }, spec })
const pod = (name: string, ip: string, more: Partial<Parameters<typeof readyPod>[0]> = {}, containerPort = 8_080): PlainObject =>
  readyPod({
    name,
    namespace: 'shop',
    ip,
    labels: { app: 'web' },
    spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort }] }] },
    ...more
  })

const OBJECTS = [
  service('web', {
    clusterIP: '10.96.0.7',
    selector: { app: 'web' },
    ports: [
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'admin', port: 9_000 },
      { name: 'dns', port: 53, protocol: 'UDP' }
    ]
  }),
  service('web', { clusterIP: '10.96.0.8', selector: { app: 'web' }, ports: [{ port: 80 }] }, 'infra'),
  service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 80, targetPort: 5_432 }] }),
  service('bare', { clusterIP: '10.96.0.9', ports: [{ port: 80 }] }),
  service('mail', { type: 'ExternalName', externalName: 'smtp.example.com' }),
  service('alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
  service('loop', { type: 'ExternalName', externalName: 'loop.shop.svc.cluster.local' }),
  service('kubernetes', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] }, 'default'),
  pod('web-a', '10.42.0.1'),
  pod('web-b', '10.42.0.2', {}, 8_081),
  pod('web-c', '10.42.0.3', { ready: false }),
  pod('web-d', '10.42.0.4', { terminating: true }),
  readyPod({
    name: 'db-0',
    namespace: 'shop',
    ip: '10.42.0.5',
    labels: { app: 'db' },
    spec: { hostname: 'db-0', subdomain: 'db', containers: [] }
  }),
  readyPod({ name: 'host', namespace: 'shop', ip: '192.168.0.9', spec: { hostNetwork: true, containers: [] } })
]

function start(): { cluster: ObjectCluster; names: Names; at: (host: string, port?: PortRef) => Promise<string> } {
  const cluster = objectCluster(OBJECTS, { namespace: 'shop' })
  const clock = fakeClock()
  const names: Names = { directory: directory(cluster, { namespace: 'shop', clock }), namespace: 'shop', domain: 'cluster.local' }
  return { cluster, names, at: (host, port = 80) => resolveName(names, host, port).then(shown, (error: Error) => error.message) }
}

function shown(found: Destination): string {
  if (found.kind === 'pods') return found.pods.map(({ namespace, pod: name, port }) => `${namespace}/${name}:${port}`).join(' ')
  if (found.kind === 'outside') return `outside ${found.to.host}:${found.to.port}`
  return found.kind
}

describe('a name leads to', () => {
  const WEB = 'shop/web-a:8080 shop/web-b:8081'
  it.each<[string, PortRef, string]>([
    ['web', 80, WEB],
    ['web.shop', 80, WEB],
    ['web.shop.svc', 80, WEB],
    ['web.shop.svc.cluster.local.', 80, WEB],
    ['web', 'http', WEB],
    ['web', 9_000, 'shop/web-a:9000 shop/web-b:9000'],
    ['alias', 80, WEB],
    ['10.96.0.7', 80, WEB],
    ['10.42.0.2', 1_234, 'shop/web-b:1234'],
    ['10-42-0-2.shop.pod', 1, 'shop/web-b:1'],
    ['db', 5_432, 'shop/db-0:5432'],
    ['db-0.db', 5_432, 'shop/db-0:5432'],
    ['db-0.db.shop.svc.cluster.local', 5_432, 'shop/db-0:5432'],
    ['10-42-0-5.db.shop.svc', 5_432, 'shop/db-0:5432'],
    ['kubernetes.default', 443, 'api-server'],
    ['kubernetes.default.svc.cluster.local', 443, 'api-server'],
    ['10.96.0.1', 443, 'api-server'],
    ['mail', 25, 'outside smtp.example.com:25'],
    ['example.com', 443, 'outside example.com:443'],
    ['192.168.0.9', 22, 'outside 192.168.0.9:22'],
    ['8.8.8.8', 53, 'outside 8.8.8.8:53'],
    ['localhost', 80, 'outside localhost:80'],
    ['bare', 80, 'inside']
  ])('%s:%s → %s', async (host, port, expected) => {
    expect(await start().at(host, port)).toBe(expected)
  })

  it.each<[string, PortRef, RegExp]>([
    ['nothing.shop.svc', 80, /there is no Service nothing in namespace shop/],
    ['db-9.db.shop.svc', 80, /there is no ready pod db-9 of a headless Service db/],
    ['web', 81, /Service web in namespace shop has no TCP port 81/],
    ['web', 53, /has no TCP port 53/],
    ['kubernetes.default', 80, /has no TCP port 80/],
    ['loop', 80, /ExternalName of an ExternalName without end/],
    ['web.infra', 80, /Service web in namespace infra has no ready pod/],
    ['web', 0, /port 0 is none/],
    ['127.1', 80, /neither an address nor a host name/],
    ['', 80, /the name is empty/]
  ])('%s:%s is refused', async (host, port, why) => {
    expect(await start().at(host, port)).toMatch(why)
  })

  it('what it says also once pods and Services have changed', async () => {
    const cluster = objectCluster(OBJECTS, { namespace: 'shop' })
    const clock = fakeClock()
    const names: Names = { directory: directory(cluster, { namespace: 'shop', clock }), namespace: 'shop', domain: 'cluster.local' }
    expect(shown(await resolveName(names, 'web', 80))).toContain('web-a')
    cluster.remove('Pod', 'web-a', 'shop')
    cluster.apply(pod('web-c', '10.42.0.3'))
    await clock.advance(7_000)
    expect(shown(await resolveName(names, 'web', 80))).toBe('shop/web-b:8081 shop/web-c:8080')
  })
})

describe('what may not be read', () => {
  it('is said for names that are surely of the cluster', async () => {
    const { cluster, at } = start()
    cluster.forbid('get services infra')
    expect(await at('web.infra.svc')).toMatch(/may not get services web in namespace infra/)
  })

  it('is only a doubt about names that may be of the outside', async () => {
    const { cluster, names } = start()
    cluster.forbid('get services com')
    const found = await resolveName(names, 'api.example.com', 443)
    expect(found).toMatchObject({ kind: 'outside', doubt: { code: 'CLUSTER_FORBIDDEN' } })
  })

  it('in all namespaces is looked for in ours', async () => {
    const { cluster, at } = start()
    cluster.forbid('list services ')
    cluster.forbid('list pods ')
    expect(await at('10.96.0.7')).toContain('shop/web-a')
    cluster.forbid('list services shop')
    expect(await at('10.96.0.99')).toBe('outside 10.96.0.99:80')
  })
})

describe('--forward leads to', () => {
  it.each<['service' | 'pod' | 'name', string, PortRef, string]>([
    ['service', 'web', 80, 'shop/web-a:8080 shop/web-b:8081'],
    ['service', 'kubernetes.default', 'https', 'api-server'],
    ['pod', 'web-a', 'http', 'shop/web-a:8080'],
    ['pod', 'web-c', 9, 'shop/web-c:9'],
    ['name', 'web.shop', 'admin', 'shop/web-a:9000 shop/web-b:9000']
  ])('%s %s:%s → %s', async (kind, name, port, expected) => {
    expect(shown(await resolveForward(start().names, { kind, name, port }))).toBe(expected)
  })

  it.each<['service' | 'pod' | 'name', string, PortRef, RegExp]>([
    ['service', 'wob', 80, /there is no Service wob in namespace shop/],
    ['pod', 'web', 80, /there is no pod web in namespace shop/],
    ['pod', 'web-a', 'admin', /has no TCP port admin/],
    ['name', 'example.com', 'http', /has no number outside/]
  ])('nothing: %s %s:%s', async (kind, name, port, why) => {
    await expect(resolveForward(start().names, { kind, name, port })).rejects.toThrow(why)
  })
})
