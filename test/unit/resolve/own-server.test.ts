/** Our own server in the cluster, with settings that gost has no words for. */
import { describe, expect, it } from 'vitest'
import { listTunnels } from '../../../src/resolve/list.ts'
import { resolveTargets } from '../../../src/resolve/resolve.ts'
import { parseTarget } from '../../../src/resolve/target.ts'
import type { TunnelPlan } from '../../../src/resolve/types.ts'
import { renderTunnels } from '../../../src/output/tunnel-rows.ts'
import { type ObjectCluster, objectCluster, type PlainObject, readManifests, readyPod } from '../../harness/object-cluster.ts'

const NGINX = '10bc451e-59dc-4c70-999e-91a30813ac78'
const DB = '11111111-1111-4111-8111-111111111111'
const DNS = '22222222-2222-4222-8222-222222222222'

const sidecar = (name: string, listen: string, id: string): PlainObject =>
  readyPod({
    name,
    labels: { app: name },
    spec: {
      containers: [{ name: 'gost', image: 'gogost/gost', args: ['-L', listen, '-F', `tunnel+ws://proxy:8421?tunnel.id=${id}&path=/proxy`] }]
    }
  })

/** The article's cluster with our server, whose rules and entrypoints stand in a ConfigMap. */
function cluster(): ObjectCluster {
  const ours = readManifests('manifests/article.yaml')
    .filter(({ kind, metadata }) => kind !== 'Deployment' || metadata.name !== 'proxy')
    .map(object =>
      object.kind === 'Service' && object.metadata.name === 'proxy'
        ? ({
            ...object,
            spec: {
              selector: { app: 'proxy' },
              ports: [
                { name: 'tunnel', port: 8421, targetPort: 8421 },
                { name: 'entrypoint', port: 80, targetPort: 80 },
                { port: 13306, targetPort: 3306 }
              ]
            }
          } satisfies PlainObject)
        : object
    )
  const settings = {
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: {
      'server.yaml': `entrypoint: [":3306=${DB}"]\nudp-entrypoint: ":53=${DNS}"\nrules: /etc/intercept/rules\n`,
      rules: `nginx.local ${NGINX}\n`
    }
  }
  const server = readyPod({
    name: 'proxy-0',
    labels: { app: 'proxy' },
    spec: {
      containers: [
        {
          name: 'intercept',
          image: 'registry.example/intercept',
          args: ['--config', '/etc/intercept/server.yaml', '-L', 'tunnel+ws://:8421?entrypoint=:80&path=/proxy'],
          volumeMounts: [{ name: 'settings', mountPath: '/etc/intercept' }]
        }
      ],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }]
    }
  })
  return objectCluster([...ours, settings, server, sidecar('db', 'rtcp://:0/:3306', DB), sidecar('dns', 'rudp://:0/:53', DNS)])
}

const resolve = (target: string): Promise<TunnelPlan[]> =>
  resolveTargets(cluster(), { targets: [parseTarget(target)], namespace: 'default', ports: [], signal: AbortSignal.timeout(5_000) })

describe('a server of ours', () => {
  it('gives a port of its own to a tunnel without hosts', async () => {
    const [plan] = await resolve('pod/db')
    expect(plan).toMatchObject({
      tunnelId: DB,
      protocol: 'tcp',
      hosts: [],
      ports: [':3306'],
      passes: ['intercepts what arrives at Service proxy, port 13306'],
      // Whoever asks there speaks of the tunnel by its id: what is said at :3306 goes to the app.
      server: { peer: 'ours', unread: undefined, pods: [{ entrypointPort: 80 }] }
    })
    expect(plan?.ingresses.filter(({ entrypoint }) => entrypoint)).toEqual([])
    expect((await resolve('pod/dns'))[0]).toMatchObject({
      protocol: 'udp',
      ports: [':53/udp'],
      passes: ['intercepts what arrives at port 53/udp of the tunnel server']
    })
  })

  it('leaves the other tunnels as they are', async () => {
    const [plan] = await resolve('deploy/nginx')
    expect(plan).toMatchObject({ protocol: 'http', hosts: ['nginx.local'], passes: ['intercepts nginx.local (ingress nginx)'] })
    expect(plan).not.toHaveProperty('ports')
  })

  it('names its tunnels by hosts and ports when it is the target', async () => {
    await expect(resolve('svc/proxy')).rejects.toMatchObject({
      code: 'TARGET_AMBIGUOUS',
      message:
        'service/proxy leads to 3 tunnels: nginx.local → kubectl intercept deployment/nginx; :3306 → kubectl intercept pod/db; :53/udp → kubectl intercept pod/dns'
    })
  })

  it('is listed with them', async () => {
    const rows = await listTunnels(cluster(), { namespace: 'default' })
    const text = renderTunnels(
      { rows, sessions: [], cluster: { context: 'here', server: '' }, claims: () => [], now: new Date(0) },
      { wide: false, allNamespaces: false, headings: false }
    )
    expect(text.split('\n').map(line => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ['db', 'pod/db', ':3306', '3306'],
      ['dns', 'pod/dns', ':53/udp', '53'],
      ['nginx', 'deployment/nginx', 'nginx.local', '80'],
      ['']
    ])
  })
})
