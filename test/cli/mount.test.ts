/** `kubectl intercept env --mount` over the fake Kubernetes API: files, lines and exit codes, from the start to Ctrl-C. */
import { EventEmitter } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { type FakeKubernetes, type FakeKubernetesOptions, startFakeKubernetes } from '../harness/fake-kubernetes.ts'
import type { MemoryStream } from './run-cli.ts'
import { type CliResult, runCli } from './run-cli.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const POD = {
  metadata: { name: 'shop-0', labels: { app: 'shop' } },
  spec: {
    serviceAccountName: 'robot',
    containers: [
      { name: 'helper', image: 'busybox' },
      {
        name: 'app',
        image: 'shop:1',
        env: [{ name: 'GREETING', value: 'hello' }],
        volumeMounts: [
          { name: 'config', mountPath: '/etc/shop' },
          { name: 'db', mountPath: '/etc/db' },
          { name: 'api', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          { name: 'data', mountPath: '/data' }
        ]
      }
    ],
    volumes: [
      { name: 'config', configMap: { name: 'app' } },
      { name: 'db', secret: { secretName: 'db', defaultMode: 0o400 } },
      { name: 'api', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } }] } },
      { name: 'data', emptyDir: {} }
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
  services: [{ metadata: { name: 'shop' }, spec: { clusterIP: '10.96.0.7', selector: { app: 'shop' }, ports: [{ port: 80 }] } }],
  configmaps: [{ metadata: { name: 'app' }, data: { 'app.yaml': 'level: debug' } }],
  secrets: [{ metadata: { name: 'db' }, data: { password: base64('s3cret') } }]
}

async function tarOf(name: string, text: string): Promise<Buffer> {
  const archive = pack()
  archive.entry({ name }, text)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

let folder: string
let fake: FakeKubernetes | undefined
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mount command '))
})
afterEach(async () => {
  await fake?.close()
  rmSync(folder, { recursive: true, force: true })
})

const start = async (options: FakeKubernetesOptions = {}): Promise<FakeKubernetes> => {
  const token = () => ({ token: 'a.b.c', expiresAt: new Date('2026-01-01T01:00:00Z') })
  fake = await startFakeKubernetes({ objects: OBJECTS, token, ...options })
  return fake
}

interface Running {
  done: Promise<CliResult>
  ready(): Promise<void>
  press(signal?: 'SIGINT' | 'SIGTERM'): Promise<CliResult>
  stderr(): string
}

function run(...args: string[]): Running {
  const signals = new EventEmitter()
  let stream: MemoryStream | undefined
  const stderr = (): string => stream?.text ?? ''
  const done = runCli(['env', 'svc/shop', '-c', 'app', ...args, '--kubeconfig', fake?.kubeconfigPath ?? ''], {
    cwd: folder,
    home: path.join(folder, 'home'),
    signals,
    pid: process.pid, // one that is alive
    onStart: io => {
      stream = io.stderr as unknown as MemoryStream
    }
  })
  return {
    done,
    stderr,
    ready: async () => void (await eventually(() => stderr().includes('until Ctrl-C'))),
    press: async (signal = 'SIGINT') => {
      signals.emit(signal)
      return done
    }
  }
}
const text = (name: string): string => readFileSync(path.join(folder, name), 'utf8')

describe('env --mount', () => {
  it('has the files until Ctrl-C, says what is where, and prints no environment', async () => {
    await start()
    const session = run('--mount', './pod')
    await session.ready()
    expect([
      text('pod/etc/shop/app.yaml'),
      text('pod/etc/db/password'),
      text('pod/var/run/secrets/kubernetes.io/serviceaccount/token')
    ]).toEqual(['level: debug', 's3cret', 'a.b.c'])
    fake?.set('configmaps', { metadata: { name: 'app' }, data: { 'app.yaml': 'level: info' } })
    await eventually(() => text('pod/etc/shop/app.yaml') === 'level: info')
    await eventually(() => session.stderr().includes('changed'))
    const { code, stdout, stderr } = await session.press()
    expect([code, stdout, existsSync(path.join(folder, 'pod'))]).toEqual([0, '', false])
    const at = path.join(folder, 'pod')
    expect(stderr.split('\n')).toEqual([
      `/etc/shop is ${at}/etc/shop: 1 file of volume config (configmap/app)`,
      `/etc/db is ${at}/etc/db: 1 file of volume db (secret/db)`,
      `/var/run/secrets/kubernetes.io/serviceaccount is ${at}/var/run/secrets/kubernetes.io/serviceaccount: 1 file of volume api (token)`,
      'note: not included: /data (emptyDir data), which only the container has; a copy of it: --mount data:./data',
      'the files are there until Ctrl-C',
      '/etc/shop changed: app.yaml (configmap/app:app.yaml)',
      ''
    ])
    expect(readdirSync(path.join(folder, 'home/.kubectl-intercept/run'))).toEqual([])
  })

  it('ends the same way by SIGTERM, with its exit code', async () => {
    await start()
    const session = run('--mount', 'pod')
    await session.ready()
    expect([(await session.press('SIGTERM')).code, readdirSync(folder)]).toEqual([143, ['home']])
  })

  it('writes and prints the environment where that is asked for', async () => {
    await start()
    const session = run('--mount', 'pod', '--env-file', 'shop.env')
    await session.ready()
    expect(text('shop.env')).toContain('GREETING=hello')
    await session.press()
    const printing = run('--mount', 'pod', '-o', 'json')
    await printing.ready()
    expect(JSON.parse((await printing.press()).stdout)).toMatchObject({ GREETING: 'hello' })
  })

  it('names what may not be read, has the rest, and ends with 1', async () => {
    const server = await start()
    server.forbid('get', 'secrets')
    server.forbid('create', 'serviceaccounts/token')
    const session = run('--mount', 'pod')
    await session.ready()
    expect(text('pod/etc/shop/app.yaml')).toBe('level: debug')
    const { code, stderr } = await session.press()
    expect(code).toBe(1)
    for (const line of [
      'missing: /etc/db: Secret db may not be read (forbidden)',
      'missing: /var/run/secrets/kubernetes.io/serviceaccount/token: a token of ServiceAccount robot may not be asked for (forbidden)',
      'hint: kubectl auth can-i get secrets -n default',
      'hint: kubectl auth can-i create serviceaccounts --subresource=token -n default'
    ])
      expect(stderr.split('\n')).toContain(line)
  })

  it('copies what only the container has', async () => {
    const archive = await tarOf('./one', 'from the container')
    await start({ exec: command => (command.join(' ') === 'tar cf - -C /data .' ? { stdout: archive } : undefined) })
    const session = run('--mount', 'data:copy', '--mount', 'pod', '--mount', '/none')
    await session.ready()
    expect([text('copy/one'), text('pod/etc/shop/app.yaml')]).toEqual(['from the container', 'level: debug'])
    const { code, stderr } = await session.press()
    expect([code, readdirSync(folder)]).toEqual([1, ['home']])
    expect(stderr).toContain(`/data is ${folder}/copy: a copy, 1 file, 18 B`)
    expect(stderr).toContain('missing: /none: the container has no tar')
  })

  it('leaves nothing of a copy that is cut, and has the rest', async () => {
    await start({ exec: () => ({ stdout: Buffer.alloc(100_000), cutAfter: 5_000 }) })
    const session = run('--mount', 'pod', '--mount', 'data')
    await session.ready()
    expect([
      session.stderr().includes('missing: /data: the connection to the container was cut'),
      existsSync(path.join(folder, 'pod/data'))
    ]).toEqual([true, false])
    expect(readdirSync(path.join(folder, 'pod')).sort()).toEqual(['.kubectl-intercept-mount', 'etc', 'var'])
    await session.press()
  })

  it('refuses a folder that is not empty, before anything is read of the pod', async () => {
    await start()
    mkdirSync(path.join(folder, 'pod'))
    writeFileSync(path.join(folder, 'pod/mine'), 'mine')
    const { code, stderr } = await run('--mount', 'pod').done
    expect([code, text('pod/mine')]).toEqual([8, 'mine'])
    expect(stderr).toContain(`error: ${folder}/pod is not empty`)
    expect(fake?.requests.some(({ resource }) => resource === 'secrets')).toBe(false)
  })

  it.each([
    [['--mount', 'data'], 'to which folder here?'],
    [['--mount', 'none:x'], 'the pod has no volume none'],
    [['--mount', ''], '--mount needs a folder'],
    [['--mount', 'a', '--mount', 'b'], 'two folders']
  ])('refuses %j', async (args, message) => {
    await start()
    const { code, stderr } = await run(...args).done
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('leave', () => {
  it.each([[['leave']], [['leave', '--all']], [['leave', String(process.pid)]]])(
    'ends it by %j, and answers when its files are gone',
    async words => {
      await start()
      const session = run('--mount', 'pod')
      await session.ready()
      const home = path.join(folder, 'home')
      expect((await runCli(['set', 'hold'], { cwd: folder, home })).stderr).toContain('no session of this user on this machine intercepts')
      expect((await runCli(['set', String(process.pid), 'hold'], { cwd: folder, home })).stderr).toContain(
        'this session has no command "set"'
      )
      const left = await runCli(words, { cwd: folder, home, pid: 1 })
      expect([left.stdout, existsSync(path.join(folder, 'pod'))]).toEqual([`env --mount, session ${process.pid} left\n`, false])
      expect((await session.done).code).toBe(0)
    }
  )

  it('is told of each file that changed, as an event', async () => {
    await start()
    const session = run('--mount', 'pod')
    await session.ready()
    const socket = net.connect(path.join(folder, `home/.kubectl-intercept/run/${process.pid}.sock`))
    let told = ''
    socket.on('data', chunk => (told += String(chunk)))
    socket.write('{"id":"1","command":"subscribe"}\n')
    await eventually(() => told.includes('"ok":true'))
    fake?.set('configmaps', { metadata: { name: 'app' }, data: { 'app.yaml': 'level: info' } })
    await eventually(() => told.includes('mount.changed'))
    const events = told.split('\n').filter(line => line.includes('mount.changed'))
    expect(events.map(line => JSON.parse(line) as unknown)).toMatchObject([
      {
        path: path.join(folder, 'pod/etc/shop/app.yaml'),
        source: 'configmap/app:app.yaml',
        version: expect.stringMatching(/^\d+$/) as unknown
      }
    ])
    socket.destroy()
    await session.press()
  })

  it('removes what a crashed session left, and says so', async () => {
    await start()
    const session = run('--mount', 'pod')
    await session.ready()
    // As a crash would have it: the record names a process that is gone.
    const home = path.join(folder, 'home')
    const records = path.join(home, '.kubectl-intercept/run')
    rmSync(path.join(records, `${process.pid}.sock`))
    const [name = ''] = readdirSync(records)
    const record = JSON.parse(readFileSync(path.join(records, name), 'utf8')) as object
    writeFileSync(path.join(records, name), JSON.stringify({ ...record, pid: 2 ** 22 + 1 }))
    const left = await runCli(['leave'], { cwd: folder, home })
    expect([left.code, left.stdout]).toEqual([
      0,
      `removed the pod's files from ${folder}/pod, left by a session that crashed (pid 4194305)\n`
    ])
    expect(existsSync(path.join(folder, 'pod'))).toBe(false)
    expect((await runCli(['leave'], { cwd: folder, home })).code).toBe(5)
    await session.press()
  })
})
