/** `--all`: four tunnels of one server, of which two want the same local port, one has an app here, and one gets it later. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { crowd, tally, visit } from '../harness/visitors.ts'
import { eventually } from '../harness/eventually.ts'
import { endAll, intercept, localApp, plugin, type Session, type World, who, world } from './world.ts'

/** Tunnels by name; `cart` and `shop` both say :80, the others have ports of their own. */
const TUNNELS = {
  cart: { id: 'aaaaaaaa-0000-4000-8000-000000000001', port: 80 },
  shop: { id: 'aaaaaaaa-0000-4000-8000-000000000002', port: 80 },
  mail: { id: 'aaaaaaaa-0000-4000-8000-000000000003', port: 18_081 },
  news: { id: 'aaaaaaaa-0000-4000-8000-000000000004', port: 18_082 }
} as const
type Name = keyof typeof TUNNELS
const NAMES = Object.keys(TUNNELS) as Name[]
const hostOf = (name: Name): string => `${name}.four.local`

const workload = (name: Name): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'gost',
            image: 'gogost/gost',
            args: ['-L', `rtcp://:0/:${TUNNELS[name].port}`, '-F', `tunnel+ws://proxy:8421?tunnel.id=${TUNNELS[name].id}&path=/proxy`]
          },
          {
            name,
            image: 'busybox',
            command: ['sh', '-c', `mkdir /www && echo nginx of ${name} >/www/index.html && exec httpd -f -p ${TUNNELS[name].port} -h /www`],
            ports: [{ containerPort: TUNNELS[name].port }]
          }
        ]
      }
    }
  }
})
const backend = (name: string): object => ({ service: { name: 'proxy', port: { name } } })
const manifests = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'proxy' },
    spec: {
      selector: { app: 'proxy' },
      ports: [
        { name: 'tunnel', port: 8421 },
        { name: 'entrypoint', port: 80 }
      ]
    }
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'proxy' },
    spec: {
      selector: { matchLabels: { app: 'proxy' } },
      template: {
        metadata: { labels: { app: 'proxy' } },
        spec: {
          containers: [
            {
              name: 'gost',
              image: 'gogost/gost',
              args: [
                '-L',
                `tunnel+ws://:8421?entrypoint=:80&path=/proxy&tunnel=${NAMES.map(name => `${hostOf(name)}:${TUNNELS[name].id}`).join(',')}`
              ]
            }
          ]
        }
      }
    }
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'four' },
    spec: {
      rules: NAMES.map(name => ({
        host: hostOf(name),
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: backend('entrypoint') },
            { path: '/proxy', pathType: 'Prefix', backend: backend('tunnel') }
          ]
        }
      }))
    }
  },
  // Past the tunnel: whoever calls this Service reaches mail's pods.
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mail-direct' },
    spec: { selector: { app: 'mail' }, ports: [{ port: 80, targetPort: TUNNELS.mail.port }] }
  },
  ...NAMES.map(workload)
]

let four: World
const sessions: Session[] = []
const apps: { kill(): Promise<void> }[] = []
const app = async (port = 0): Promise<number> => {
  const started = await localApp(port)
  apps.push(started)
  return started.port
}
const all = (...args: string[]): Session => {
  const session = intercept(four.namespace, '--all', '--yes', ...args)
  sessions.push(session)
  return session
}
const verified = (session: Session, name: Name, timeoutMs?: number): Promise<unknown> =>
  session.event('target.state', ({ target, to }) => target === name && to === 'verified', timeoutMs)
const answers = async (name: Name, count = 50): Promise<Record<string, number>> =>
  tally(await crowd({ ...four.visitor, name: hostOf(name), count }), who)

beforeAll(async () => {
  four = await world('all', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }), hostOf('cart'))
  // One sidecar may be later than the others.
  for (const name of NAMES)
    await eventually(async () => expect(who(await visit({ ...four.visitor, name: hostOf(name) }))).toBe('pod'), { timeoutMs: 30_000 })
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.stop()
  for (const started of apps.splice(0)) await started.kill()
})
afterAll(() => {
  endAll()
  four.remove()
})

describe('kubectl intercept --all', () => {
  it('needs --yes without a terminal', () => {
    const { status, stderr } = plugin('--all', '-n', four.namespace)
    expect(stderr).toContain('there is no terminal to ask on')
    expect(stderr).toContain('kubectl intercept --all --yes')
    expect(status).toBe(2)
  })

  it('takes what has a port of its own, waits for what is not there yet, and leaves out what collides', async () => {
    await app(TUNNELS.mail.port)
    const session = all()
    await verified(session, 'mail')
    await session.event('target.state', ({ target, to }) => target === 'news' && to === 'waiting')
    for (const [name, other] of [
      ['cart', 'shop'],
      ['shop', 'cart']
    ] as const) {
      const { message, hint } = await session.event('notice', ({ code, target }) => code === 'LEFT_OUT' && target === name)
      expect(message).toBe(`${name} is left out: local port 80 is also that of ${other}`)
      expect(hint).toContain(`--port ${name}=`)
    }
    expect(await answers('mail')).toEqual({ laptop: 50 })
    for (const name of ['cart', 'shop', 'news'] as const) expect(await answers(name)).toEqual({ pod: 50 })

    await app(TUNNELS.news.port)
    const openedAt = Date.now()
    await verified(session, 'news')
    const { at } = await session.event('target.state', ({ target, to }) => target === 'news' && to === 'registered')
    expect(Date.parse(at) - openedAt).toBeLessThan(1_000)
    expect(await answers('news')).toEqual({ laptop: 50 })
    expect(await session.stop()).toBe(0)
    for (const name of NAMES) expect(await answers(name)).toEqual({ pod: 50 })
  })

  it('takes all four once the two that collide have ports', async () => {
    const [cart, shop] = [await app(), await app()]
    await app(TUNNELS.mail.port)
    await app(TUNNELS.news.port)
    const session = all('--port', `cart=${cart}`, '--port', `shop=${shop}`)
    await Promise.all(NAMES.map(name => verified(session, name)))
    for (const name of NAMES) expect(await answers(name)).toEqual({ laptop: 50 })
    const { stdout } = plugin('list', '-n', four.namespace)
    for (const name of NAMES)
      expect(stdout).toMatch(new RegExp(`^${name} +deployment/${name} +${hostOf(name)} .*verified → 127\\.0\\.0\\.1:`, 'm'))
  })

  it('is seen through by list: what passes each tunnel, and what goes past it', () => {
    const { stdout, status } = plugin('list', '-n', four.namespace, '-o', 'json')
    expect(status).toBe(0)
    const text = JSON.stringify(JSON.parse(stdout))
    for (const name of NAMES) expect(text).toContain(`intercepts ${hostOf(name)} (ingress four)`)
    expect(text).toContain('Service mail-direct goes to the pods: its callers are NOT intercepted')
    expect(text).not.toContain(TUNNELS.mail.id)
    const table = plugin('list', '-n', four.namespace)
    expect(table.stderr).toContain('Service mail-direct goes to the pods: its callers are NOT intercepted')
  })
})
