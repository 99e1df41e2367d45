/** `kubectl intercept env` beside `kubectl exec … env` of an administrator: a pod with every kind of variable, on a real kubelet. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OF_THIS_MACHINE } from '../../src/environment/child-environment.ts'
import { READER, type Rule, user } from './user.ts'
import { env, kubectl, plugin } from './world.ts'

const namespace = `e2e-environment-${process.pid}`
const registry = `http://${process.env['KIC_REGISTRY'] ?? '127.0.0.1:5000'}/v2`
const image = `environment-${process.pid}`
/** Of the image alone; the second is set by the pod too. */
const IMAGE_ENV = ['IMAGE_ONLY=from the image = yes', 'LITERAL=from the image']
const folder = mkdtempSync(path.join(tmpdir(), 'intercept-environment-'))

const inNamespace = (...args: string[]): string => kubectl(['-n', namespace, ...args])
const apply = (manifests: string): void => void kubectl(['-n', namespace, 'apply', '-f', '-'], manifests)
const one = { namespace, kubectl: inNamespace, apply }

const AWKWARD = 'two\nlines \'single\' "double" $HOME $(id) \\ \\n é 🎉 # no comment\n'

const FIELDS = {
  NAME: 'metadata.name',
  NAMESPACE: 'metadata.namespace',
  POD_UID: 'metadata.uid',
  LABEL: "metadata.labels['app.kubernetes.io/part-of']",
  NO_LABEL: "metadata.labels['none']",
  ANNOTATION: "metadata.annotations['note']",
  NODE: 'spec.nodeName',
  ACCOUNT: 'spec.serviceAccountName',
  HOST_IP: 'status.hostIP',
  HOST_IPS: 'status.hostIPs',
  POD_IP: 'status.podIP',
  POD_IPS: 'status.podIPs'
}
const RESOURCES: readonly [string, string, string?][] = [
  ['CPU', 'limits.cpu'],
  ['CPU_MILLI', 'limits.cpu', '1m'],
  ['MEMORY', 'limits.memory'],
  ['MEMORY_MI', 'limits.memory', '1Mi'],
  ['MEMORY_GI', 'limits.memory', '1Gi'],
  ['DISK', 'limits.ephemeral-storage', '1M'],
  ['ASKED_CPU', 'requests.cpu', '1m'],
  ['ASKED_CPU_WHOLE', 'requests.cpu'],
  ['ASKED_MEMORY', 'requests.memory'],
  ['ASKED_DISK', 'requests.ephemeral-storage']
]

const ref = (kind: 'configMapKeyRef' | 'secretKeyRef', name: string, key: string, optional = false) => ({ [kind]: { name, key, optional } })
const ENV = [
  { name: 'LITERAL', value: 'x' },
  { name: 'EXPANDED', value: '$(LITERAL) $$(LITERAL) $$$(LITERAL) $(LATER) $(NONE) $(SHOP_SERVICE_HOST) $(LOG_LEVEL) $x $' },
  { name: 'LATER', value: '-n' },
  { name: 'LITERAL', value: '$(LITERAL)y' },
  { name: 'EMPTY' },
  { name: 'QUOTES', value: AWKWARD },
  { name: 'SHOP_SERVICE_PORT', value: 'mine' },
  { name: 'MAP_KEY', valueFrom: ref('configMapKeyRef', 'app', 'LOG_LEVEL') },
  { name: 'SECRET_KEY', valueFrom: ref('secretKeyRef', 'db', 'password') },
  { name: 'DSN', value: 'pg://u:$(SECRET_KEY)@db' },
  { name: 'NO_KEY', valueFrom: ref('configMapKeyRef', 'app', 'none', true) },
  { name: 'NO_MAP', valueFrom: ref('configMapKeyRef', 'none', 'none', true) },
  { name: 'NO_SECRET', valueFrom: ref('secretKeyRef', 'none', 'none', true) },
  { name: 'BINARY', valueFrom: ref('configMapKeyRef', 'app', 'BIN', true) },
  ...Object.entries(FIELDS).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } })),
  ...RESOURCES.map(([name, resource, divisor = '0']) => ({ name, valueFrom: { resourceFieldRef: { resource, divisor } } }))
]

const podOf = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, 'app.kubernetes.io/part-of': 'tests' }, annotations: { note: 'two\nlines' } },
  spec: { terminationGracePeriodSeconds: 0, ...spec }
})

const containers = [
  { name: 'helper', image: 'busybox', command: ['sleep', '3600'] },
  {
    name: 'app',
    image,
    resources: { limits: { memory: '100Mi' }, requests: { cpu: '150m' } },
    envFrom: [
      { prefix: 'P_', configMapRef: { name: 'app' } },
      { configMapRef: { name: 'app' } },
      { secretRef: { name: 'db' } },
      { configMapRef: { name: 'none', optional: true } }
    ],
    env: ENV
  }
]

/** Twenty sources of ten variables each. */
const MANY = Array.from({ length: 20 }, (_, index) => ({
  apiVersion: 'v1',
  kind: index % 2 === 0 ? 'ConfigMap' : 'Secret',
  metadata: { name: `many-${index}` },
  [index % 2 === 0 ? 'data' : 'stringData']: Object.fromEntries(
    Array.from({ length: 10 }, (_unused, key) => [`V_${index}_${key}`, `value ${key}`])
  )
}))

const OBJECTS = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'app' },
    data: { LOG_LEVEL: 'debug', AWKWARD, BOTH: 'map', '1st.odd-name': 'x', empty: '' },
    binaryData: { BIN: 'AAEC' }
  },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' }, stringData: { password: 's3cr$(et)\'"', BOTH: 'secret' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: {
      selector: { app: 'shop' },
      ports: [
        { name: 'web-http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' }
      ]
    }
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'headless' },
    spec: { clusterIP: 'None', selector: { app: 'shop' }, ports: [{ port: 80 }] }
  },
  ...MANY
]
const PODS = [
  podOf('shop', { containers }),
  podOf('quiet', { containers, enableServiceLinks: false, hostname: 'named', subdomain: 'sub' }),
  podOf('many', {
    containers: [
      {
        name: 'app',
        image: 'busybox',
        command: ['sleep', '3600'],
        envFrom: MANY.map(({ kind, metadata }) => ({ [kind === 'Secret' ? 'secretRef' : 'configMapRef']: { name: metadata.name } }))
      }
    ]
  })
]

const list = (items: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })

/** nginx with more ENV, pushed to the cluster's registry. */
async function pushImage(): Promise<string[]> {
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = (await (await fetch(`${registry}/library/nginx/manifests/alpine`, { headers: { accept } })).json()) as {
    config: { digest: string; size: number }
    layers: { digest: string }[]
  }
  const config = (await (await fetch(`${registry}/library/nginx/blobs/${manifest.config.digest}`)).json()) as { config: { Env: string[] } }
  config.config.Env.push(...IMAGE_ENV)
  const put = async (bytes: Buffer): Promise<string> => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const upload = await fetch(`${registry}/library/${image}/blobs/uploads/`, { method: 'POST' })
    const location = new URL(upload.headers.get('location') ?? '', registry)
    location.searchParams.set('digest', digest)
    const done = await fetch(location, {
      method: 'PUT',
      body: new Uint8Array(bytes),
      headers: { 'content-type': 'application/octet-stream' }
    })
    if (!done.ok) throw new Error(`the registry answered ${done.status}: ${await done.text()}`)
    return digest
  }
  for (const { digest } of manifest.layers)
    await put(Buffer.from(await (await fetch(`${registry}/library/nginx/blobs/${digest}`)).arrayBuffer()))
  const bytes = Buffer.from(JSON.stringify(config))
  const pushed = { ...manifest, config: { ...manifest.config, digest: await put(bytes), size: bytes.length } }
  const answer = await fetch(`${registry}/library/${image}/manifests/latest`, {
    method: 'PUT',
    body: JSON.stringify(pushed),
    headers: { 'content-type': accept }
  })
  if (!answer.ok) throw new Error(`the registry answered ${answer.status}: ${await answer.text()}`)
  return config.config.Env
}

let imageEnv: string[]
let reader: string
let executor: string
const beyond = `intercept-environment-${process.pid}`

beforeAll(async () => {
  imageEnv = await pushImage()
  kubectl(['create', 'namespace', namespace])
  apply(list(OBJECTS))
  apply(list(PODS))
  inNamespace('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s')
  const exec: Rule = { verbs: ['get', 'create'], resources: ['pods/exec'] }
  const withoutSecrets = READER.map(rule => ({
    ...rule,
    resources: rule.resources.filter(name => name !== 'secrets' && name !== 'configmaps')
  }))
  const readerUser = user(one, 'reader', READER)
  reader = readerUser.kubeconfig
  executor = user(one, 'executor', [...withoutSecrets, exec]).kubeconfig
  // What lies outside the namespace: the API server's own Service, and the node.
  kubectl(['create', 'clusterrole', beyond, '--verb=get', '--resource=nodes'])
  kubectl(['create', 'clusterrolebinding', beyond, `--clusterrole=${beyond}`, `--serviceaccount=${namespace}:reader`])
  kubectl(['create', 'role', beyond, '-n', 'default', '--verb=get', '--resource=services', '--resource-name=kubernetes'])
  kubectl(['create', 'rolebinding', beyond, '-n', 'default', `--role=${beyond}`, `--serviceaccount=${namespace}:reader`])
})
afterAll(() => {
  const quietly = (...args: string[]): void => {
    try {
      kubectl(args)
    } catch {
      // It was not made.
    }
  }
  quietly('delete', 'namespace', namespace, '--wait=false')
  quietly('delete', 'clusterrole,clusterrolebinding', beyond)
  quietly('delete', 'role,rolebinding', beyond, '-n', 'default')
  rmSync(folder, { recursive: true, force: true })
})

/** As an administrator sees it. */
function inContainer(pod: string): Record<string, string> {
  const text = inNamespace('exec', pod, '-c', 'app', '--', 'env', '-0')
  return Object.fromEntries(
    text
      .split('\0')
      .filter(entry => entry !== '')
      .map(entry => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
  )
}

const ask = (...args: string[]): ReturnType<typeof plugin> => plugin('env', ...args, '-n', namespace)
const parsed = ({ stdout }: { stdout: string }): Record<string, string> => JSON.parse(stdout) as Record<string, string>

describe.each(['shop', 'quiet'])('the environment of pod %s', pod => {
  it('is what exec shows, to the last byte, where exec is allowed', () => {
    const result = ask(`pod/${pod}`, '-c', 'app', '-o', 'json')
    expect([result.status, parsed(result)]).toEqual([0, inContainer(pod)])
  })

  it('is the same with exec alone, when neither Secrets nor ConfigMaps may be read', () => {
    const result = ask(`pod/${pod}`, '-c', 'app', '-o', 'json', '--kubeconfig', executor)
    expect([result.status, parsed(result)]).toEqual([0, inContainer(pod)])
  })

  it("lacks exactly the image's ENV and the runtime's own without exec", () => {
    const result = ask(`pod/${pod}`, '-c', 'app', '-o', 'json', '--kubeconfig', reader)
    const [ours, real] = [parsed(result), inContainer(pod)]
    const ofImage = imageEnv.map(entry => entry.slice(0, entry.indexOf('=')))
    const ofRuntime = ['PATH', 'HOME', 'HOSTNAME', 'TERM', 'PWD', 'SHLVL']
    const lacking = Object.fromEntries(Object.entries(real).filter(([name, value]) => ours[name] !== value))
    expect(Object.keys(lacking).sort()).toEqual(
      [...new Set([...ofImage, ...ofRuntime])].filter(name => name in real && !(name in ours)).sort()
    )
    expect(lacking).toHaveProperty('IMAGE_ONLY', 'from the image = yes')
    expect(Object.keys(ours).filter(name => !(name in real))).toEqual([])
    expect([result.status, result.stderr]).toEqual([0, expect.stringContaining("note: the image's own ENV is not included")])
  })
})

describe('variables', () => {
  it('carry their sources', () => {
    const { stdout } = ask('pod/shop', '-c', 'app', '-o', 'wide')
    for (const row of [
      /^EXPANDED .* spec \$\(…\)$/m,
      /^SECRET_KEY +•+ +secret\/db:password$/m,
      /^IMAGE_ONLY .* image$/m,
      /^SHOP_SERVICE_HOST .* service\/shop$/m,
      /^POD_IP .* field:status\.podIP$/m
    ])
      expect(stdout).toMatch(row)
    expect(stdout).not.toContain('s3cr')
  })

  it('that a user may not read are named, and the rest is there', () => {
    const noSecrets = user(
      one,
      'no-secrets',
      READER.map(rule => ({ ...rule, resources: rule.resources.filter(name => name !== 'secrets') }))
    )
    const result = ask('pod/shop', '-c', 'app', '-o', 'json', '--kubeconfig', noSecrets.kubeconfig)
    expect(result.status).toBe(1)
    expect(parsed(result)).toMatchObject({ MAP_KEY: 'debug', LITERAL: 'xy', POD_IP: expect.any(String) })
    for (const line of [
      'missing: all of Secret db:',
      'missing: SECRET_KEY:',
      'missing: DSN: it is made of SECRET_KEY',
      'missing: KUBERNETES_SERVICE_HOST',
      'missing: CPU: no limit is set'
    ])
      expect(result.stderr).toContain(line)
    expect(result.stderr).toContain(`hint: kubectl auth can-i get secrets -n ${namespace}`)
  })

  it('come back from a shell as they went in', () => {
    const { stdout } = ask('pod/shop', '-c', 'app', '-o', 'sh')
    const print = 'process.stdout.write(JSON.stringify(process.env))'
    const back = JSON.parse(
      execFileSync('sh', ['-c', `eval "$1"; exec "${process.execPath}" -e '${print}'`, 'sh', stdout], { encoding: 'utf8' })
    ) as Record<string, string>
    const shellNames = Object.entries(inContainer('shop')).filter(([name]) => /^[A-Za-z_]\w*$/.test(name) && !OF_THIS_MACHINE.has(name))
    for (const [name, value] of shellNames) expect([name, back[name]]).toEqual([name, value])
  })
})

describe('200 variables from 20 sources', () => {
  it.each([
    ['with exec', ''],
    ['without exec', 'reader']
  ])('are there in 0.8 s, %s', (_name, as) => {
    const took: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now()
      const result = ask('pod/many', '-o', 'json', ...(as === '' ? [] : ['--kubeconfig', reader]))
      took.push(performance.now() - start)
      expect(Object.keys(parsed(result)).filter(name => name.startsWith('V_'))).toHaveLength(200)
    }
    console.info(`env: ${took.map(ms => Math.round(ms)).join(', ')} ms`)
    expect(Math.min(...took)).toBeLessThan(800)
  })
})

describe('docs/environment.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'environment.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ (.+)$/gm)].map(([, command = '']) => command)

  it.each(commands)('`%s` works', command => {
    const kubeconfig = path.join(folder, 'config')
    execFileSync(
      'sh',
      [
        '-c',
        `kubectl config view --raw --minify --flatten > "$1" && KUBECONFIG="$1" kubectl config set-context --current --namespace "$2"`,
        'sh',
        kubeconfig,
        namespace
      ],
      { env, stdio: 'pipe' }
    )
    // The values of pod shop are awkward on purpose: not every syntax carries them.
    const plain = command.replaceAll('svc/shop', 'pod/many').replace(' -c app', '')
    const text = execFileSync('sh', ['-ec', `${plain}; echo done`], {
      env: { ...env, KUBECONFIG: kubeconfig },
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe']
    })
    expect(text).toMatch(/done\n$/)
  })

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(8)
  })
})
