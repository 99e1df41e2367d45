/** `kubectl intercept env --mount` beside `kubectl exec` of an administrator: a pod with every kind of volume, on a real kubelet. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { READER, type Rule, user } from './user.ts'
import { env, kubectl, plugin } from './world.ts'

const namespace = `files-e2e-${process.pid}`
const folder = mkdtempSync(path.join(tmpdir(), 'intercept-files-'))
const inNamespace = (...args: string[]): string => kubectl(['-n', namespace, ...args])
const apply = (manifests: string): void =>
  void kubectl(['-n', namespace, 'apply', '--server-side', '--force-conflicts', '-f', '-'], manifests)
const one = { namespace, kubectl: inNamespace, apply }

const configMap = (name: string, data: object, binaryData: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
  binaryData
})
const OBJECTS = [
  configMap(
    'app',
    { 'app.yaml': 'level: debug\n', greeting: 'grüße 🎉', empty: '' },
    { 'logo.bin': Buffer.from([0, 255, 10, 13]).toString('base64') }
  ),
  configMap('large', { 'large.txt': '0123456789abcde\n'.repeat(62_500) }),
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db' },
    data: { password: 'czNjcjN0', 'key.der': Buffer.from([0, 1, 2, 254]).toString('base64') }
  },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop' }, spec: { selector: { app: 'shop' }, ports: [{ port: 80 }] } }
]
const field = (name: string, fieldPath: string, mode?: number) => ({
  path: name,
  fieldRef: { fieldPath },
  ...(mode === undefined ? {} : { mode })
})
const DOWNWARD = [
  field('labels', 'metadata.labels'),
  field('annotations', 'metadata.annotations'),
  field('deep/down/name', 'metadata.name', 0o400),
  field('uid', 'metadata.uid'),
  { path: 'memory', resourceFieldRef: { containerName: 'app', resource: 'limits.memory', divisor: '1Mi' } }
]
const VOLUMES = {
  config: { configMap: { name: 'app' } },
  items: {
    configMap: {
      name: 'app',
      defaultMode: 0o440,
      items: [
        { key: 'app.yaml', path: 'conf.d/10-app.yaml', mode: 0o600 },
        { key: 'greeting', path: 'hello' }
      ]
    }
  },
  large: { configMap: { name: 'large' } },
  db: { secret: { secretName: 'db', defaultMode: 0o400 } },
  none: { configMap: { name: 'none', optional: true } },
  down: { downwardAPI: { items: DOWNWARD } },
  all: {
    projected: {
      defaultMode: 0o444,
      sources: [
        { configMap: { name: 'app', items: [{ key: 'app.yaml', path: 'app.yaml' }] } },
        { secret: { name: 'db', items: [{ key: 'password', path: 'secret/password', mode: 0o600 }] } },
        { downwardAPI: { items: [field('namespace', 'metadata.namespace')] } },
        { serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'vault-token' } }
      ]
    }
  },
  data: { emptyDir: {} }
}
const MOUNTS = [
  ...Object.keys(VOLUMES).map(name => ({ name, mountPath: `/mnt/${name}` })),
  { name: 'config', mountPath: '/etc/single/app.yaml', subPath: 'app.yaml' },
  { name: 'items', mountPath: '/etc/part', subPath: 'conf.d' }
]
const FILL =
  'mkdir -p /etc/ssl; echo cert > /etc/ssl/cert.pem; mkdir -p /mnt/data/sub/empty; echo one > /mnt/data/one; echo run > /mnt/data/sub/run; chmod 750 /mnt/data/sub/run; chmod 555 /mnt/data/sub; ln -s sub/run /mnt/data/link; ln -s /etc/passwd /mnt/data/away'
const podOf = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { app: name, 'app.kubernetes.io/part-of': 'tests' },
    annotations: { note: 'two\nlines "quoted" \u00a0 é \u0007' }
  },
  spec: {
    terminationGracePeriodSeconds: 0,
    ...more,
    containers: [
      {
        name: 'app',
        image: 'busybox',
        command: ['sh', '-c', `${FILL}; exec sleep 3600`],
        resources: { limits: { memory: '100Mi' } },
        volumeMounts: MOUNTS
      }
    ],
    volumes: Object.entries(VOLUMES).map(([name, source]) => ({ name, ...source }))
  }
})

const WITHOUT_EXEC: Rule[] = [...READER, { verbs: ['create'], resources: ['serviceaccounts/token'] }]
let plain: string
let polling: string
let named: string
beforeAll(() => {
  kubectl(['create', 'namespace', namespace])
  apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: OBJECTS }))
  const pods = [podOf('shop'), podOf('grouped', { securityContext: { fsGroup: 2_000, runAsUser: 1_000 } })]
  apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }))
  plain = user(one, 'plain', WITHOUT_EXEC).kubeconfig
  polling = user(one, 'polling', [
    { verbs: ['get', 'list'], resources: ['pods', 'services'] },
    { verbs: ['get', 'list'], resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'], apiGroups: ['apps'] },
    { verbs: ['get'], resources: ['configmaps', 'secrets'] }
  ]).kubeconfig
  named = user(one, 'named', [
    ...READER.map(rule => ({ ...rule, resources: rule.resources.filter(name => name !== 'configmaps' && name !== 'secrets') })),
    { verbs: ['get', 'list', 'watch'], resources: ['configmaps'], resourceNames: ['app', 'large', 'none', 'kube-root-ca.crt'] },
    { verbs: ['get', 'list', 'watch'], resources: ['secrets'], resourceNames: ['db'] }
  ]).kubeconfig
  inNamespace('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s')
})
afterAll(() => {
  kubectl(['delete', 'namespace', namespace, '--wait=false'])
  rmSync(folder, { recursive: true, force: true })
})

interface Session {
  readonly stderr: string
  /** Until all files are there; within 30 s by default. */
  ready(timeoutMs?: number): Promise<void>
  end(signal: NodeJS.Signals): Promise<number>
}
const running = new Set<ChildProcess>()
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

function started(child: ChildProcess): Session {
  running.add(child)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exit = new Promise<number>(resolve => {
    child.once('close', code => {
      running.delete(child)
      resolve(code ?? -1)
    })
  })
  return {
    get stderr() {
      return stderr
    },
    ready: async (timeoutMs = 30_000) => {
      await eventually(
        () => {
          if (child.exitCode !== null || !stderr.includes('until Ctrl-C'))
            throw new Error(`not there yet (exit ${child.exitCode}):\n${stderr}`)
        },
        { timeoutMs, intervalMs: 50 }
      )
    },
    end: signal => {
      child.kill(signal)
      return exit
    }
  }
}

const mount = (...args: string[]): Session =>
  started(spawn('kubectl', ['intercept', 'env', ...args, '-n', namespace], { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }))

/** `PATH → MODE CHECKSUM` of what a program sees, tokens by what they say. */
function inContainer(pod: string): Record<string, string> {
  const places = [
    ...MOUNTS.map(({ mountPath }) => mountPath).filter(name => name !== '/mnt/data'),
    '/var/run/secrets/kubernetes.io/serviceaccount'
  ]
  const listed = inNamespace(
    'exec',
    pod,
    '--',
    'sh',
    '-c',
    `for f in $(find -L ${places.join(' ')} -type f | grep -v '/[.][.]'); do echo "$f $(stat -Lc %a $f) $(sha256sum < $f)"; done`
  )
  return Object.fromEntries(
    listed
      .trim()
      .split('\n')
      .map(line => {
        const [name = '', mode = '', sum = ''] = line.split(' ')
        return [name, `${mode} ${TOLD.test(name) ? told(name, inNamespace('exec', pod, '--', 'cat', name)) : sum}`]
      })
  )
}

function here(root: string): Record<string, string> {
  const found: Record<string, string> = {}
  const walk = (at: string): void => {
    for (const name of readdirSync(path.join(root, at))) {
      if (name.startsWith('..') || name.startsWith('.kubectl-intercept')) continue
      const file = `${at}/${name}`
      const stat = statSync(path.join(root, file))
      if (stat.isDirectory()) walk(file)
      else {
        const bytes = readFileSync(path.join(root, file))
        const sum = createHash('sha256').update(bytes).digest('hex')
        found[file] = `${(stat.mode & 0o7777).toString(8)} ${TOLD.test(file) ? told(file, bytes.toString()) : sum}`
      }
    }
  }
  walk('')
  return found
}

/** Each of these has something that only one of both sides can have. */
const TOLD = /token$|annotations$/
/** The kubelet keeps two annotations in its memory and writes them into the file of all. */
const told = (name: string, text: string): string =>
  name.endsWith('token')
    ? claims(text)
    : text
        .split('\n')
        .filter(line => !line.startsWith('kubernetes.io/config.'))
        .join('\n')

/** For whom, of whom and bound to which pod. */
function claims(token: string): string {
  const read = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  return JSON.stringify([read['aud'], read['sub'], (read['kubernetes.io'] as Record<string, unknown>)['pod']])
}

describe.each(['shop', 'grouped'])('the files of pod %s, for a user without exec', pod => {
  it('are those of the container, by checksum and mode, and gone after Ctrl-C', async () => {
    const root = path.join(folder, `root-${pod}`)
    const session = mount(`pod/${pod}`, '--mount', root, '--kubeconfig', plain)
    await session.ready()
    const real = inContainer(pod)
    expect(Object.keys(real).length).toBeGreaterThan(20)
    expect(here(root)).toEqual(real)
    expect(statSync(root).mode & 0o777).toBe(0o700)
    expect(session.stderr).toContain('note: not included: /mnt/data (emptyDir data)')
    expect(session.stderr).not.toContain('missing:')
    expect([await session.end('SIGINT'), existsSync(root)]).toEqual([0, false])
  })
})

describe('a change of a ConfigMap', () => {
  it.each([
    ['watched', () => plain],
    ['watched by a user with resourceNames', () => named],
    ['asked for, where watching is forbidden', () => polling]
  ])('is in the files within 5 s, %s', async (how, kubeconfig) => {
    const root = path.join(folder, 'followed')
    const session = mount('pod/shop', '--mount', 'followed', '--kubeconfig', kubeconfig())
    await session.ready()
    const took: number[] = []
    for (const round of [1, 2, 3]) {
      const value = `level: ${how} ${round}\n`
      const since = performance.now()
      inNamespace('patch', 'configmap', 'app', '-p', JSON.stringify({ data: { 'app.yaml': value } }))
      await eventually(() => readFileSync(path.join(root, 'mnt/config/app.yaml'), 'utf8') === value, { timeoutMs: 10_000, intervalMs: 10 })
      took.push(performance.now() - since)
    }
    console.info(`files, ${how}: ${took.map(ms => Math.round(ms)).join(', ')} ms from kubectl patch on`)
    expect(Math.max(...took)).toBeLessThan(how.startsWith('watched') ? 2_000 : 5_000)
    expect(session.stderr).not.toContain('Secret db')
    await eventually(() => readFileSync(path.join(root, 'mnt/items/conf.d/10-app.yaml'), 'utf8').includes(`${how} 3\n`))
    expect(readFileSync(path.join(root, 'etc/single/app.yaml'), 'utf8')).not.toContain(how)
    await session.end('SIGINT')
    expect(existsSync(root)).toBe(false)
  })
})

describe('a copy', () => {
  it('keeps modes and links that stay inside, and is gone at the end', async () => {
    const session = mount('pod/shop', '--mount', 'data:./copied')
    await session.ready()
    const root = path.join(folder, 'copied')
    expect([readFileSync(path.join(root, 'one'), 'utf8'), readFileSync(path.join(root, 'link'), 'utf8')]).toEqual(['one\n', 'run\n'])
    expect([statSync(path.join(root, 'sub/run')).mode & 0o777, statSync(path.join(root, 'sub')).mode & 0o777]).toEqual([0o750, 0o555])
    expect([existsSync(path.join(root, 'away')), existsSync(path.join(root, 'sub/empty'))]).toEqual([false, true])
    expect(session.stderr).toContain('away is a link that leads out of the folder')
    expect([await session.end('SIGINT'), existsSync(root)]).toEqual([0, false])
  })

  it('without the right to exec is named, and the rest is there', async () => {
    const session = mount('pod/shop', '--mount', './pod', '--mount', 'data', '--kubeconfig', plain)
    await session.ready()
    expect(session.stderr).toMatch(/missing: \/mnt\/data: .* may not \w+ pods\/exec/)
    expect(session.stderr).toContain('hint: kubectl auth can-i get pods --subresource=exec')
    expect(existsSync(path.join(folder, 'pod/mnt/config/app.yaml'))).toBe(true)
    expect(await session.end('SIGINT')).toBe(1)
  })
})

describe('a pod that vanishes', () => {
  it('while it is copied from leaves nothing of the copy', async () => {
    const sparse = {
      ...podOf('brief'),
      spec: {
        ...podOf('brief').spec,
        containers: [{ ...podOf('brief').spec.containers[0], command: ['sh', '-c', 'truncate -s 8G /mnt/data/big; exec sleep 3600'] }]
      }
    }
    apply(JSON.stringify(sparse))
    inNamespace('wait', '--for=condition=Ready', 'pod/brief', '--timeout=120s')
    const root = path.join(folder, 'brief')
    const session = mount('pod/brief', '--mount', root, '--mount', 'data')
    await eventually(() => readdirSync(root).some(name => name.startsWith('..incoming') && existsSync(path.join(root, name, 'big'))), {
      timeoutMs: 20_000
    })
    inNamespace('delete', 'pod', 'brief', '--now', '--wait=false')
    // A kubelet that leaves the command's connection open is given up on after a minute without a byte.
    await session.ready(90_000)
    expect(session.stderr).toMatch(/missing: \/mnt\/data: /)
    expect([existsSync(path.join(root, 'mnt/data')), readdirSync(root).filter(name => name.startsWith('..'))]).toEqual([false, []])
    expect([await session.end('SIGINT'), existsSync(root)]).toEqual([1, false])
  })
})

describe('a full disk', () => {
  it.skipIf(process.getuid?.() !== 0)('is said, with nothing half written', async () => {
    const disk = path.join(folder, 'disk')
    execFileSync('mkdir', [disk])
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk])
    try {
      for (const args of [
        ['--mount', path.join(disk, 'root')],
        ['--mount', `large:${path.join(disk, 'copy')}`]
      ]) {
        const full = plugin('env', 'pod/shop', ...args, '-n', namespace)
        expect([full.status, full.stderr]).toEqual([8, expect.stringContaining('the disk is full')])
        expect(readdirSync(disk)).toEqual([])
      }
    } finally {
      execFileSync('umount', [disk])
    }
  })
})

describe('a crash', () => {
  it('leaves files that `leave` removes, but for those of the person', async () => {
    const root = path.join(folder, 'crashed')
    const session = mount('pod/shop', '--mount', root)
    await session.ready()
    writeFileSync(path.join(root, 'mnt', 'mine'), 'mine')
    await session.end('SIGKILL')
    expect(existsSync(path.join(root, 'mnt/db/password'))).toBe(true)
    const left = plugin('leave')
    expect([left.status, left.stdout]).toEqual([0, expect.stringContaining('left by a session that crashed')])
    expect(execFileSync('find', [root, '-type', 'f'], { encoding: 'utf8' }).trim()).toBe(path.join(root, 'mnt/mine'))
  })
})

describe('docs/files.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'files.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ (.+)$/gm)].map(([, command = '']) => command)

  it.each(commands)('`%s` works', async command => {
    const kubeconfig = path.join(folder, 'config')
    const write =
      'kubectl config view --raw --minify --flatten > "$1" && KUBECONFIG="$1" kubectl config set-context --current --namespace "$2"'
    execFileSync('sh', ['-c', write, 'sh', kubeconfig, namespace], { env, stdio: 'pipe' })
    const options = { env: { ...env, KUBECONFIG: kubeconfig }, cwd: folder }
    if (!command.includes('--mount')) return void execFileSync('sh', ['-ec', command], options)
    const session = started(spawn('sh', ['-c', `exec ${command}`], { ...options, stdio: ['ignore', 'ignore', 'pipe'] }))
    await session.ready()
    expect(session.stderr).not.toContain('missing:')
    expect(await session.end('SIGINT')).toBe(0)
  })

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(5)
  })
})
