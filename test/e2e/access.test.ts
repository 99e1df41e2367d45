/** `kubectl intercept access` on a real cluster: curl, raw TCP, a client as browsers are, WebSockets; names as a pod resolves them; what is refused, and why. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../harness/eventually.ts'
import { STATUS as STATUS_OF_RELAY } from '../../src/relay/message.ts'
import { endClients, get, rawClient, throughConnect, throughSocks } from '../harness/proxy-clients.ts'
import { type Rule, user } from './user.ts'
import { env, kubectl, kubectlBeside } from './world.ts'

const namespace = `access-e2e-${process.pid}`
const other = `access-e2e-other-${process.pid}`
const inNamespace = (...args: string[]): string => kubectl(['-n', namespace, ...args])
const apply = (objects: readonly object[], where = namespace): void =>
  void kubectl(['-n', where, 'apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))

const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec })
const podSpec = (container: object, more: object = {}) => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'app', image: 'busybox', ...container }],
  ...more
})
const workload = (kind: 'Deployment' | 'StatefulSet', name: string, replicas: number, spec: object) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    replicas,
    ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec }
  }
})
const NGINX = podSpec({ image: 'nginx:alpine', ports: [{ name: 'http', containerPort: 80 }] })
const POD_IP = [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }]

const OBJECTS = [
  service('shop', {
    selector: { app: 'shop' },
    ports: [
      { name: 'web', port: 8_000, targetPort: 'http' },
      { name: 'plain', port: 80, targetPort: 80 }
    ]
  }),
  workload('Deployment', 'shop', 2, NGINX),
  service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ name: 'pg', port: 5_432 }] }),
  workload('StatefulSet', 'db', 2, podSpec({ command: ['nc', '-ll', '-p', '5432', '-e', 'sh', '-c', 'echo "ready $(hostname)"; cat'] })),
  service('tunnel', { selector: { app: 'tunnel' }, ports: [{ port: 80, targetPort: 8_080 }] }),
  workload('Deployment', 'tunnel', 1, podSpec({ image: 'gogost/gost', args: ['-L', 'tunnel+ws://:8080?path=/ws'] })),
  service('picky', { selector: { app: 'picky' }, ports: [{ port: 80 }] }),
  workload(
    'Deployment',
    'picky',
    1,
    podSpec({ env: POD_IP, command: ['sh', '-c', 'echo only inside > /tmp/index.html; exec httpd -f -h /tmp -p "$POD_IP:80"'] })
  ),
  service('legacy', { ports: [{ port: 80 }] }),
  service('alias', { type: 'ExternalName', externalName: `shop.${namespace}.svc.cluster.local` }),
  service('empty', { selector: { app: 'nobody' }, ports: [{ port: 80 }] }),
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tools' }, spec: podSpec({ command: ['sleep', '3600'] }) }
]

interface Running {
  url: string
  /** Of each `--forward`, in order. */
  ports: number[]
  readonly stderr: string
  stop(): Promise<number>
}

const children = new Set<ChildProcess>()

/** Resolves when it serves. */
async function access(...args: string[]): Promise<Running> {
  const child = spawn('kubectl', ['intercept', 'access', '-n', namespace, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  const ended = new Promise<number>(resolve => child.once('exit', code => resolve(code ?? -1)))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      const found = /^export HTTP_PROXY=(\S+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.once('exit', () => reject(new Error(stderr)))
  })
  return {
    url,
    ports: [...stderr.matchAll(/^127\.0\.0\.1:(\d+) → /gm)].map(([, port]) => Number(port)),
    get stderr() {
      return stderr
    },
    async stop() {
      child.kill('SIGINT')
      const code = await ended
      children.delete(child)
      return code
    }
  }
}

let running: Running
beforeAll(async () => {
  for (const name of [namespace, other]) kubectl(['create', 'namespace', name])
  apply(OBJECTS)
  apply([service('shop', { selector: { app: 'shop' }, ports: [{ port: 80 }] }), workload('Deployment', 'shop', 1, NGINX)], other)
  inNamespace('rollout', 'status', 'deployment/shop', 'deployment/tunnel', 'deployment/picky', '--timeout=120s')
  inNamespace('rollout', 'status', 'statefulset/db', '--timeout=120s')
  inNamespace('wait', '--for=condition=Ready', 'pod/tools', '--timeout=120s')
  kubectl(['-n', other, 'rollout', 'status', 'deployment/shop', '--timeout=120s'])
  const picky = inNamespace('get', 'pod', '-l', 'app=picky', '-o', 'jsonpath={.items[0].status.podIP}')
  apply([
    { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'legacy' }, subsets: [{ addresses: [{ ip: picky }], ports: [{ port: 80 }] }] }
  ])
  running = await access()
})
afterAll(() => {
  endClients()
  for (const child of children) child.kill('SIGKILL')
  kubectl(['delete', 'namespace', namespace, other, '--wait=false'])
})

const curl = (...args: string[]): string => {
  const { stdout, stderr, status } = spawnSync('curl', ['-sS', '-m', '20', ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] }
  })
  return status === 0 ? stdout : `${status} ${stderr}${stdout}`
}
const socks = (): string => new URL(running.url).host
const STATUS = ['-o', '/dev/null', '-w', '%{http_code}']

describe('curl', () => {
  it.each([
    'shop',
    'shop:8000',
    'SHOP',
    'shop.NS',
    'shop.NS.svc',
    'shop.NS.svc.cluster.local',
    'shop.NS.svc.cluster.local.',
    'alias',
    'shop.OTHER'
  ])('reaches %s through SOCKS5 and HTTP', name => {
    const url = `http://${name.replace('NS', namespace).replace('OTHER', other)}/`
    expect(curl('--socks5-hostname', socks(), url)).toContain('nginx')
    expect(curl('-x', running.url, url)).toContain('nginx')
    expect(curl('-p', '-x', running.url, url)).toContain('nginx')
  })

  it('reaches ClusterIPs, pod addresses and their names', () => {
    const clusterIp = inNamespace('get', 'svc', 'shop', '-o', 'jsonpath={.spec.clusterIP}')
    const podIp = inNamespace('get', 'pod', '-l', 'app=shop', '-o', 'jsonpath={.items[0].status.podIP}')
    for (const host of [clusterIp, podIp, `${podIp.replaceAll('.', '-')}.${namespace}.pod.cluster.local`]) {
      expect([host, curl('-x', running.url, ...STATUS, `http://${host}/`)]).toEqual([host, '200'])
      expect([
        host,
        curl('--socks5', socks(), '--resolve', `x:80:${podIp}`, ...STATUS, `http://${host.includes('cluster') ? 'x' : host}/`)
      ]).toEqual([host, '200'])
    }
  })

  it('speaks TLS with the API server itself, by its name in the cluster', () => {
    const config = JSON.parse(kubectl(['config', 'view', '--raw', '--minify', '-o', 'json'])) as {
      clusters: { cluster: Record<string, string> }[]
    }
    const ca = config.clusters[0]?.cluster['certificate-authority-data']
    const pem =
      ca === undefined
        ? readFileSync(config.clusters[0]?.cluster['certificate-authority'] ?? '', 'utf8')
        : Buffer.from(ca, 'base64').toString()
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'access-ca-')), 'ca.pem')
    writeFileSync(file, pem)
    for (const proxy of [
      ['-x', running.url],
      ['--socks5-hostname', socks()]
    ]) {
      expect(curl('--cacert', file, ...proxy, 'https://kubernetes.default.svc/version')).toContain('gitVersion')
    }
  })

  it.each([
    ['nothing.NS.svc', 'no Service nothing in namespace'],
    ['shop:81', 'has no TCP port 81 (it has 8000 (web), 80 (plain))'],
    ['empty', 'has no ready pod'],
    ['legacy', 'has no selector'],
    ['picky', 'of its loopback, which is all that a port-forward reaches'],
    ['kubernetes.default:80', 'has no TCP port 80']
  ])('is told in one line why not: %s', (name, why) => {
    const said = curl('-x', running.url, '-w', ' %{http_code}', `http://${name.replace('NS', namespace)}/`)
    expect(said).toContain(why)
    expect(said).toMatch(/502$/)
    expect(said.trimEnd().split('\n')).toHaveLength(2)
    expect(curl('--socks5-hostname', socks(), `http://${name.replace('NS', namespace)}/`)).toMatch(/^97 /)
  })
})

describe('raw TCP', () => {
  it('to pods of a StatefulSet, by name, whose server speaks first', async () => {
    for (const pod of ['db-0', 'db-1']) {
      const { client, reply } = await throughSocks(running.url, `${pod}.db.${namespace}.svc.cluster.local`, 5_432)
      expect(reply).toBe(0)
      await client.until(new RegExp(`ready ${pod}\\n`))
      client.write('select 1\n')
      await client.until(/select 1\n/)
    }
  })

  it('through CONNECT and a headless Service reaches all of its pods', async () => {
    const seen = new Set<string>()
    for (let time = 0; time < 4; time += 1) {
      const { client } = await throughConnect(running.url, 'db:5432')
      seen.add(/ready (\S+)/.exec(await client.until(/ready db-\d/))?.[1] ?? '')
    }
    expect([...seen].sort()).toEqual(['db-0', 'db-1'])
  })
})

describe('a client as browsers are', () => {
  it('mixes kept connections, parallel ones, whole URLs and CONNECT', async () => {
    const { hostname: host, port } = new URL(running.url)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 6 })
    const ask = (url: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = http.get({ host, port, agent, path: url, headers: { host: new URL(url).host } }, response => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0))
        })
        request.on('error', reject)
      })
    const tunnel = async (): Promise<number> => {
      const { client } = await throughConnect(running.url, 'shop:80')
      client.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')
      await client.until(/<\/html>/)
      client.socket.destroy()
      return 200
    }
    const urls = ['http://shop/', `http://shop.${other}/`, 'http://shop:8000/', 'http://shop/nothing']
    const all = Array.from({ length: 120 }, (_, at) => (at % 5 === 4 ? tunnel() : ask(urls[at % 4] ?? '')))
    const statuses = await Promise.all(all)
    agent.destroy()
    expect(statuses).toEqual(Array.from({ length: 120 }, (_, at) => (at % 5 !== 4 && at % 4 === 3 ? 404 : 200)))
  })

  it('opens a WebSocket', async () => {
    const { client } = await throughConnect(running.url, 'tunnel:80')
    const ws = new WebSocket('ws://tunnel/ws', { handshakeTimeout: 10_000, createConnection: () => client.socket })
    const got: Buffer[] = []
    ws.on('message', data => got.push(data as Buffer))
    await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
    // A bind without a tunnel, in the relay protocol that gost speaks there: version 1, and no success.
    ws.send(Buffer.from([1, 2, 0, 0]))
    await eventually(() => expect(Buffer.concat(got).length).toBeGreaterThanOrEqual(4))
    expect([...Buffer.concat(got).subarray(0, 2)]).toEqual([1, STATUS_OF_RELAY.BAD_REQUEST])
    ws.terminate()
  })
})

describe('-- COMMAND', () => {
  it.each([
    [['sh', '-c', 'curl -sS http://shop/ | grep -q nginx && exit 7'], 7],
    [['no-such-program'], 127],
    [['sh', '-c', 'kill -9 $$'], 137]
  ])('%j ends with %i', (command, code) => {
    expect(spawnSync('kubectl', ['intercept', 'access', '-n', namespace, '--', ...command], { env, timeout: 30_000 }).status).toBe(code)
  })
})

describe('--forward and --via-pod', () => {
  it('listen for programs that know no proxy', async () => {
    const beside = await access('--forward', '0:svc/shop:web', '--forward', '0:pod/db-1:5432', '--forward', `0:shop.${other}:80`)
    const [shop = 0, db = 0, far = 0] = beside.ports
    expect(curl(`http://127.0.0.1:${shop}/`)).toContain('nginx')
    expect(curl(`http://127.0.0.1:${far}/`)).toContain('nginx')
    await (await rawClient(db)).until(/ready db-1/)
    expect(await beside.stop()).toBe(0)
  })

  it('reach from inside what no port-forward does', async () => {
    const beside = await access('--via-pod', 'tools')
    for (const name of ['picky', 'legacy']) expect([name, curl('-x', beside.url, `http://${name}/`)]).toEqual([name, 'only inside\n'])
    await beside.stop()
  })
})

describe('pods that come and go', () => {
  it('lose no request that begins after them', async () => {
    let [served, failed] = [0, 0]
    const stop = new AbortController()
    const client = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const answer = await get(running.url, 'http://shop/')
        if (answer.startsWith('HTTP/1.1 200')) served += 1
        else failed += 1
      }
    }
    const beside = (...args: string[]): Promise<string> => kubectlBeside('-n', namespace, ...args)
    const clients = Array.from({ length: 4 }, client)
    // One after the other, the next once its replacement is ready: there is always another.
    for (let time = 0; time < 2; time += 1) {
      const victim = (await beside('get', 'pod', '-l', 'app=shop', '-o', 'jsonpath={.items[0].metadata.name}')).trim()
      await beside('delete', 'pod', victim, '--wait=true')
      await beside('rollout', 'status', 'deployment/shop', '--timeout=60s')
    }
    stop.abort()
    await Promise.all(clients)
    console.info(`access: ${served} served, ${failed} failed while two pods were replaced`)
    expect(served).toBeGreaterThan(20)
    // A request that the dying pod had already read is nobody's to repeat.
    expect(failed).toBeLessThanOrEqual(8)
  })
})

describe('without the rights', () => {
  const one = { namespace, kubectl: inNamespace, apply: (text: string) => void kubectl(['-n', namespace, 'apply', '-f', '-'], text) }
  const READ: Rule = { verbs: ['get', 'list'], resources: ['pods', 'services'] }

  it('to port-forward, it says so at once and to each client', async () => {
    const { kubeconfig } = user(one, 'no-forward', [READ])
    const beside = await access('--kubeconfig', kubeconfig)
    expect(beside.stderr).toContain(`kubectl auth can-i create pods --subresource=portforward -n ${namespace}`)
    expect(curl('-x', beside.url, '-w', '%{http_code}', 'http://shop/')).toMatch(
      /kubectl auth can-i \w+ pods --subresource=portforward[\s\S]*403$/
    )
    await beside.stop()
  })

  it('of other namespaces, its own is reached all the same', async () => {
    const { kubeconfig } = user(one, 'own', [READ, { verbs: ['get', 'create'], resources: ['pods/portforward'] }])
    const beside = await access('--kubeconfig', kubeconfig)
    expect(curl('-x', beside.url, ...STATUS, 'http://shop/')).toBe('200')
    expect(curl('-x', beside.url, '-w', '%{http_code}', `http://shop.${other}.svc/`)).toMatch(/may not get services[\s\S]*403$/)
    await beside.stop()
  })
})

describe('docs/cluster-access.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'cluster-access.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ (.+)$/gm)].map(([, command = '']) => command)

  it.each(commands)('`%s` works', command => {
    const here = command
      .replaceAll('.default.svc.cluster', `.${namespace}.svc.cluster`)
      .replace('intercept access', `intercept access -n ${namespace}`)
    const { stdout, stderr, status } = spawnSync('sh', ['-ec', here.replace('can-i', `can-i -n ${namespace}`)], {
      encoding: 'utf8',
      env,
      timeout: 30_000
    })
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('error:')])
    if (command.includes('curl')) expect(stdout).toMatch(/nginx|only inside|gitVersion/)
  })

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(5)
  })
})
