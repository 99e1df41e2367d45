/** `kubectl intercept access` over the fake Kubernetes API: what is printed, said and answered. */
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { type App, startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { type FakeKubernetes, startFakeKubernetes } from '../harness/fake-kubernetes.ts'
import { get } from '../harness/proxy-clients.ts'
import { type CliResult, type FakeIo, MemoryStream, runCli } from './run-cli.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'access command '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const thing of closing.splice(0).reverse()) await thing.close()
})

const OBJECTS = {
  pods: [
    {
      metadata: { name: 'web-0', labels: { app: 'web' } },
      spec: { containers: [{ name: 'app' }] },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }
    }
  ],
  services: [{ metadata: { name: 'web' }, spec: { clusterIP: '10.96.0.7', selector: { app: 'web' }, ports: [{ port: 80 }] } }]
}

async function start(): Promise<{ fake: FakeKubernetes; app: App }> {
  const fake = await startFakeKubernetes({ objects: OBJECTS })
  const app = await startApp()
  fake.forwardPort('web-0', 80, app.port)
  closing.push(fake, app)
  return { fake, app }
}

const access = (fake: { kubeconfigPath: string }, args: readonly string[], io: FakeIo = {}): Promise<CliResult> =>
  runCli(['access', '--kubeconfig', fake.kubeconfigPath, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...io.env },
    ...io
  })
const NODE = process.execPath

describe('kubectl intercept access -- COMMAND', () => {
  it("gives the command its proxies, and takes the command's status", async () => {
    const { fake } = await start()
    const script = `const http = require('node:http'), { port } = new URL(process.env.HTTP_PROXY);
      http.get({ port, host: '127.0.0.1', path: 'http://web/hello' }, r => { require('node:fs').writeFileSync('seen', JSON.stringify([r.statusCode, process.env])); process.exit(7) })`
    const result = await access(fake, ['--', NODE, '-e', script], {
      env: { PATH: process.env['PATH'] ?? '', NO_PROXY: 'git.example,*', OWN: 'x' }
    })
    expect(result).toMatchObject({ code: 7, stdout: '', stderr: '' })
    const [status, seen] = JSON.parse(readFileSync(path.join(folder, 'seen'), 'utf8')) as [number, Record<string, string>]
    expect([status, seen['OWN'], seen['NO_PROXY'], seen['no_proxy']]).toEqual([
      200,
      'x',
      'localhost,127.0.0.1,::1,git.example',
      'localhost,127.0.0.1,::1,git.example'
    ])
    expect(seen).toMatchObject({ all_proxy: expect.stringMatching(/^socks5h:\/\/127\.0\.0\.1:\d+$/), https_proxy: seen['HTTP_PROXY'] })
  })

  it.each([
    [['no-such-program'], 127, 'error: no-such-program was not found'],
    [['/'], 126, 'cannot be run'],
    [['sh', '-c', 'kill -TERM $$'], 143, '']
  ])('%j ends with %i', async (command, code, line) => {
    const { fake } = await start()
    const result = await access(fake, ['--', ...command])
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(line) })
  })

  it('ends with 125 when the command was not run', async () => {
    const { fake } = await start()
    const dead = { kubeconfigPath: path.join(folder, 'none') }
    expect(await access(dead, ['--', 'true'])).toMatchObject({ code: 125, stderr: expect.stringContaining('KUBECONFIG_INVALID') })
    expect(await access(fake, ['--forward', 'svc/nothing:80', '--', 'true'])).toMatchObject({
      code: 125,
      stderr: expect.stringContaining('no Service nothing')
    })
    expect(await access(fake, ['--'])).toMatchObject({ code: 125, stderr: expect.stringContaining('nothing stands after --') })
  })

  it('passes SIGTERM on, and ends as the command does', async () => {
    const { fake } = await start()
    const signals = new EventEmitter()
    const up = path.join(folder, 'up')
    const running = access(fake, ['--', 'sh', '-c', 'trap "exit 9" TERM; echo up > up; while :; do sleep 0.05; done'], { signals })
    await eventually(() => readFileSync(up, 'utf8') === 'up\n')
    signals.emit('SIGTERM')
    expect((await running).code).toBe(9)
  })
})

describe('Ctrl-C', () => {
  it('is for the command, as often as it comes', async () => {
    const { fake } = await start()
    const signals = new EventEmitter()
    const file = (name: string): string => readFileSync(path.join(folder, name), 'utf8')
    const script =
      'trap "echo x >> pressed" INT; echo up > asked; while [ "$(cat pressed 2>/dev/null | wc -l)" -lt 2 ]; do sleep 0.05; done; exit 5'
    const running = access(fake, ['--', 'sh', '-c', script], { signals })
    await eventually(() => file('asked') === 'up\n')
    for (const presses of ['x\n', 'x\nx\n']) {
      signals.emit('SIGINT')
      await eventually(() => expect(file('pressed')).toBe(presses))
    }
    expect((await running).code).toBe(5)
  })
})

describe('kubectl intercept access', () => {
  /** Runs until `during` is done; then Ctrl-C. */
  async function during(args: readonly string[], use: (out: () => string, err: () => string) => Promise<void>): Promise<CliResult> {
    const { fake } = await start()
    const signals = new EventEmitter()
    let io: Io | undefined
    const running = access(fake, args, { signals, onStart: started => (io = started) })
    const text = (stream: unknown): string => (stream instanceof MemoryStream ? stream.text : '')
    await use(
      () => text(io?.stdout),
      () => text(io?.stderr)
    )
    signals.emit('SIGINT')
    return running
  }

  it('prints lines to export, and serves until Ctrl-C', async () => {
    const result = await during([], async out => {
      await eventually(() => out().includes('no_proxy'))
      const url = /^export HTTP_PROXY=(\S+)$/m.exec(out())?.[1] ?? ''
      expect(await get(url, 'http://web/')).toContain('200 OK')
    })
    expect(result.code).toBe(0)
    expect(result.stdout.split('\n').filter(line => line !== '')).toHaveLength(9)
    expect(result.stderr).toMatch(/^namespace default is reachable through socks5h:\/\/127\.0\.0\.1:\d+ and http:/)
  })

  it('ends by leave, which ends the command too, and tells its connections as events', async () => {
    const { fake } = await start()
    const home = mkdtempSync(path.join(tmpdir(), 'a-'))
    const socketPath = path.join(home, '.kubectl-intercept/run/4242.sock')
    const script = `const http = require('node:http'), { port } = new URL(process.env.HTTP_PROXY);
      const ask = path => http.get({ port, host: '127.0.0.1', path }, r => r.resume()).on('error', () => {});
      setInterval(() => { ask('http://web/'); ask('http://nobody.invalid/') }, 100); setTimeout(() => process.exit(1), 10_000)`
    const running = access(fake, ['--', NODE, '-e', script], { home })
    await eventually(() => expect(existsSync(socketPath)).toBe(true))
    const socket = net.connect(socketPath)
    let told = ''
    socket.on('data', chunk => (told += String(chunk)))
    socket.write('{"id":"1","command":"subscribe"}\n')
    await eventually(() =>
      expect(told).toMatch(/"access.connection","id":"\d+","name":"web:80","pod":"web-0","state":"open","cause":"dialled"/)
    )
    await eventually(() => expect(told).toMatch(/"name":"nobody.invalid:80","pod":"","state":"refused","cause":"nobody.invalid/))
    socket.destroy()
    expect((await runCli(['leave'], { home, pid: 1 })).stdout).toBe('access, session 4242 left\n')
    expect((await running).code).toBe(143)
    rmSync(home, { recursive: true })
  })

  it('listens for each --forward, and says where', async () => {
    await during(['--forward', '0:svc/web:80', '--forward=0:web.default:80'], async (_out, err) => {
      await eventually(() => err().includes('reachable'))
      const ports = [...err().matchAll(/^127\.0\.0\.1:(\d+) → (?:svc\/web|web\.default):80$/gm)].map(([, port]) => Number(port))
      expect(ports).toHaveLength(2)
      for (const port of ports) expect(await get(`http://127.0.0.1:${port}`, '/')).toContain('200 OK')
    })
  })

  it.each([
    [['svc/web'], 2, '--forward svc/web:80'],
    [['--forward', 'web'], 2, '[LOCAL:]TARGET:PORT'],
    [['--listen', 'x'], 2, '--listen must be a whole number'],
    [['--via-pod', 'a/b/c'], 2, '--via-pod must be POD'],
    [['--via-pod', 'web-1'], 5, '--via-pod: there is no pod web-1 in namespace default'],
    [['--forward', 'svc/web:81'], 5, 'has no TCP port 81']
  ])('%j ends with %i', async (args, code, line) => {
    const { fake } = await start()
    expect(await access(fake, args)).toMatchObject({ code, stderr: expect.stringContaining(line) })
  })

  it('says that a port is taken', async () => {
    const { fake } = await start()
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    expect(await access(fake, ['--listen', String(port)])).toMatchObject({ code: 8, stderr: expect.stringContaining('is in use') })
    await new Promise(resolve => server.close(resolve))
  })

  it('says that the cluster is not reached', async () => {
    const { fake } = await start()
    const kubeconfigPath = path.join(folder, 'gone')
    writeFileSync(kubeconfigPath, readFileSync(fake.kubeconfigPath))
    await fake.close()
    closing.splice(closing.indexOf(fake), 1)
    expect(await access({ kubeconfigPath }, [])).toMatchObject({ code: 4, stderr: expect.stringContaining('CLUSTER_UNREACHABLE') })
  })
})
