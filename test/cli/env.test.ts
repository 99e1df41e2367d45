/** `kubectl intercept env` over the fake Kubernetes API: what is printed, written, said and answered. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { ExecLookup } from '../harness/fake-kubernetes/exec.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../harness/fake-kubernetes.ts'
import { type CliResult, type FakeIo, runCli } from './run-cli.ts'

const SIDECAR = ['-L', 'rtcp://:0/:3000', '-F', 'tunnel+ws://proxy:8421?tunnel.id=10bc451e-59dc-4c70-999e-91a30813ac78']
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const POD = {
  metadata: { name: 'shop-0', labels: { app: 'shop' } },
  spec: {
    nodeName: 'node-1',
    containers: [
      { name: 'helper', image: 'busybox', env: [{ name: 'ROLE', value: 'helper' }] },
      { name: 'gost', image: 'gogost/gost', args: SIDECAR },
      {
        name: 'app',
        image: 'shop:1',
        ports: [{ containerPort: 3000 }],
        envFrom: [{ configMapRef: { name: 'app' } }],
        env: [
          { name: 'GREETING', value: "it's $(LOG_LEVEL)" },
          { name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
          { name: 'DSN', value: 'pg://u:$(PW)@db' },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }
        ]
      }
    ]
  },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [{ name: 'app', state: { running: {} } }]
  }
}

const OBJECTS = {
  pods: [POD],
  services: [
    { metadata: { name: 'shop' }, spec: { clusterIP: '10.96.0.7', selector: { app: 'shop' }, ports: [{ port: 80 }] } },
    { metadata: { name: 'kubernetes' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] } }
  ],
  configmaps: [{ metadata: { name: 'app' }, data: { LOG_LEVEL: 'debug', 'app.name': 'shop' }, binaryData: { BIN: 'AAEC' } }],
  secrets: [{ metadata: { name: 'db' }, data: { password: base64('s3cret') } }],
  nodes: [
    { metadata: { name: 'node-1', namespace: 'default' }, status: { allocatable: { cpu: '4' }, nodeInfo: { kubeletVersion: 'v1.34.4' } } }
  ]
}

const OWN = {
  LOG_LEVEL: 'debug',
  'app.name': 'shop',
  GREETING: "it's debug",
  PW: 's3cret',
  DSN: 'pg://u:s3cret@db',
  CPU: '4',
  HOSTNAME: 'shop-0'
}

const folder = mkdtempSync(path.join(tmpdir(), 'env command '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const open: FakeKubernetes[] = []
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close()
})

async function start(exec?: ExecLookup, objects: object = {}): Promise<FakeKubernetes> {
  const fake = await startFakeKubernetes({ objects: { ...OBJECTS, ...objects }, ...(exec === undefined ? {} : { exec }) })
  open.push(fake)
  return fake
}
const env = (fake: FakeKubernetes, args: readonly string[], io: FakeIo = {}): Promise<CliResult> =>
  runCli(['env', ...args, '--kubeconfig', fake.kubeconfigPath], { cwd: folder, ...io })
const parsed = ({ stdout }: CliResult): Record<string, string> => JSON.parse(stdout) as Record<string, string>

describe('kubectl intercept env', () => {
  it('prints what the kubelet sets, and says what is not included', async () => {
    const fake = await start()
    const result = await env(fake, ['svc/shop', '-o', 'json'])
    expect(parsed(result)).toMatchObject({ ...OWN, SHOP_SERVICE_HOST: '10.96.0.7', KUBERNETES_SERVICE_PORT_HTTPS: '443' })
    expect(result.code).toBe(0)
    expect(result.stderr).toBe(
      [
        'note: container app (the sidecar forwards to it); others with -c: helper',
        "note: the image's own ENV is not included, since the container cannot be asked: its image has neither cat nor env",
        ''
      ].join('\n')
    )
  })

  it('reads each object once', async () => {
    const fake = await start()
    await env(fake, ['svc/shop'])
    const reads = fake.requests
      .filter(({ verb, resource }) => (verb === 'get' || verb === 'list') && resource !== 'pods/exec')
      .map(({ verb, resource, name }) => `${verb} ${resource} ${name ?? ''}`)
    expect(new Set(reads).size).toBe(reads.length)
    expect(reads).toEqual(expect.arrayContaining(['get configmaps app', 'get secrets db', 'get nodes node-1']))
  })

  it('takes the container at its word where it may be asked', async () => {
    const environ = 'PATH=/usr/bin\0LOG_LEVEL=info\0PW=s3cret\0LANG=C.UTF-8\0HOSTNAME=shop-0\0'
    const fake = await start(([program]) => (program === 'cat' ? { stdout: environ } : undefined))
    const json = await env(fake, ['svc/shop', '-o', 'json'])
    expect(parsed(json)).toEqual({ LOG_LEVEL: 'info', PW: 's3cret', HOSTNAME: 'shop-0', LANG: 'C.UTF-8', PATH: '/usr/bin' })
    expect(json.stderr).toContain('note: not in the container, which started before them: app.name, GREETING')
    const wide = await env(fake, ['svc/shop', '-o', 'wide'])
    expect(wide.stdout).toMatch(/^NAME +VALUE +SOURCE\n/)
    expect(wide.stdout).toMatch(/^LOG_LEVEL +info +configmap\/app:LOG_LEVEL \(changed since the container started\)$/m)
    expect(wide.stdout).toMatch(/^PW +•+ +secret\/db:password$/m)
    expect(wide.stdout).toMatch(/^LANG +C\.UTF-8 +image$/m)
    expect(wide.stdout).not.toContain('s3cret')
  })

  it('works without the right to read Secrets, nodes and to exec, and names what is missing', async () => {
    const fake = await start()
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['get', 'nodes'],
      ['get', 'pods/exec']
    ] as const)
      fake.forbid(verb, resource)
    const result = await env(fake, ['svc/shop', '-o', 'json'])
    expect(parsed(result)).toMatchObject({ LOG_LEVEL: 'debug', GREETING: "it's debug" })
    expect(Object.keys(parsed(result))).not.toEqual(expect.arrayContaining(['PW']))
    expect(result.code).toBe(1)
    expect(result.stderr.split('\n')).toEqual([
      'missing: PW: Secret db may not be read (forbidden)',
      'missing: DSN: it is made of PW: Secret db may not be read (forbidden)',
      "missing: CPU: no limit is set, and the node's allocatable cpu may not be read (forbidden)",
      'note: container app (the sidecar forwards to it); others with -c: helper',
      expect.stringMatching(
        /^note: the image's own ENV is not included.*may not get pods\/exec shop-0.*kubectl auth can-i get pods --subresource=exec -n default/
      ),
      'hint: kubectl auth can-i get secrets -n default',
      ''
    ])
  })

  it('needs none of them where the container tells it all', async () => {
    const fake = await start(([program]) => (program === 'env' ? { stdout: 'PW=s3cret\0CPU=4\0' } : undefined))
    fake.forbid('get', 'secrets')
    fake.forbid('get', 'nodes')
    const result = await env(fake, ['svc/shop', '-o', 'json'])
    expect([result.code, parsed(result)]).toEqual([0, { PW: 's3cret', CPU: '4' }])
  })

  it('shows nothing secret with --redact, whatever the format', async () => {
    const fake = await start()
    for (const format of ['dotenv', 'docker', 'sh', 'json', 'wide']) {
      const { stdout, code } = await env(fake, ['svc/shop', '--redact', '-o', format])
      expect([format, code, stdout.includes('s3cret')]).toEqual([format, 0, false])
      expect(stdout).toContain('LOG_LEVEL')
    }
  })

  it('takes the container that -c names', async () => {
    const fake = await start()
    expect(parsed(await env(fake, ['pod/shop-0', '-c', 'helper', '-o', 'json']))['ROLE']).toBe('helper')
    expect(await env(fake, ['pod/shop-0', '-c', 'nope'])).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringContaining('has no container nope')
    })
  })

  it('prints dotenv by default and leaves out names that a shell cannot have', async () => {
    const fake = await start()
    expect((await env(fake, ['svc/shop'])).stdout).toContain('GREETING="it\'s debug"\n')
    const sh = await env(fake, ['svc/shop', '-o', 'sh'])
    expect(sh.stdout).toContain("export GREETING='it'\\''s debug'\n")
    expect(sh.stderr).toContain('warning: left out, since sh has no such names: app.name (-o json has them)\n')
  })

  it('names the variable that a syntax cannot carry, and prints nothing', async () => {
    const fake = await start(undefined, { configmaps: [{ metadata: { name: 'app' }, data: { LOG_LEVEL: 'a\nb' } }] })
    const result = await env(fake, ['svc/shop', '-o', 'docker'])
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('variable LOG_LEVEL cannot be written as docker') })
  })

  it('carries a ConfigMap of 1 MiB', async () => {
    const big = 'é'.repeat(500_000)
    const fake = await start(undefined, { configmaps: [{ metadata: { name: 'app' }, data: { LOG_LEVEL: big } }] })
    expect(parsed(await env(fake, ['svc/shop', '-o', 'json']))['GREETING']).toBe(`it's ${big}`)
  })
})

describe('files', () => {
  it('are written both at once, for this user only, and nothing is printed', async () => {
    const fake = await start()
    const result = await env(fake, ['svc/shop', '--env-file', 'app.env', '--env-syntax', 'docker', '--env-json', 'app.json'])
    expect([result.code, result.stdout]).toEqual([0, ''])
    expect(readFileSync(path.join(folder, 'app.env'), 'utf8')).toContain("GREETING=it's debug\n")
    expect(JSON.parse(readFileSync(path.join(folder, 'app.json'), 'utf8'))).toMatchObject(OWN)
    expect(statSync(path.join(folder, 'app.env')).mode & 0o777).toBe(0o600)
    expect(result.stderr).toMatch(/^wrote \d+ variables to app\.env\nwrote \d+ variables to app\.json\n/)
  })

  it('are left as they were when one of them cannot carry a value', async () => {
    const before = readdirSync(folder).sort()
    const fake = await start(undefined, { configmaps: [{ metadata: { name: 'app' }, data: { LOG_LEVEL: 'a\nb' } }] })
    const result = await env(fake, ['svc/shop', '--env-json', 'new.json', '--env-file', 'new.env', '--env-syntax', 'docker'])
    expect([result.code, readdirSync(folder).sort()]).toEqual([2, before])
  })
})

describe('bad input', () => {
  it.each<[string[], string]>([
    [[], 'env needs a target'],
    [['svc/shop', 'svc/cart'], 'env takes one target'],
    [['svc/shop', '-o', 'yaml'], '-o must be dotenv, docker, compose, sh, csh, cmd, ps, json or wide, not "yaml"'],
    [['svc/shop', '--env-syntax', 'sh'], '--env-syntax says how --env-file is written'],
    [['svc/shop', '--env-file', 'f', '--env-syntax', 'bash'], '--env-syntax must be'],
    [['svc/shop', '--env-file', 'f', '-o', 'sh'], '-o chooses what is printed'],
    [['svc/shop', '--env-file='], '--env-file needs the name of a file'],
    [['node/x'], 'is not a kind that can be intercepted'],
    [
      ['cm/app'],
      'kubectl intercept env deploy/NAME  (svc, deploy, sts, ds, rs, pod or ing); the object itself: kubectl get cm/app -o yaml'
    ],
    [['svcs/x'], 'kubectl intercept env svc/x']
  ])('%j is explained', async (args, message) => {
    const result = await runCli(['env', ...args])
    expect([result.code, result.stdout]).toEqual([2, ''])
    expect(result.stderr).toContain(message)
    expect(result.stderr).toContain('hint:')
  })

  it('says that a target is not there, with near names', async () => {
    const fake = await start()
    expect(await env(fake, ['svc/shp'])).toMatchObject({ code: 5, stderr: expect.stringContaining('did you mean shop?') })
  })

  it('tells an intercept that env files hold one target', async () => {
    const several = await runCli(['a', 'b', '--env-file', 'x'])
    expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('hold the environment of one target')])
    const alone = await runCli(['a', '-c', 'app'])
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('-c says which container is meant')])
  })
})

describe('an intercept', () => {
  it('writes the files before its session starts', async () => {
    const fake = await start()
    let written = ''
    const runIntercept = async (): Promise<number> => {
      written = readFileSync(path.join(folder, 'session.env'), 'utf8')
      return 0
    }
    const args = ['svc/shop', '--port', '3000', '--env-file', 'session.env', '--kubeconfig', fake.kubeconfigPath]
    const parts = { runIntercept: () => Promise.resolve(runIntercept as never) }
    const result = await runCli(args, { cwd: folder, parts, env: { XDG_RUNTIME_DIR: folder } })
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('variables to session.env')])
    expect(written).toContain('LOG_LEVEL=debug\n')
  })
})
