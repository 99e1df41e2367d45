/** `kubectl intercept TARGET -- COMMAND`: a program on the laptop in the pod's stead, with its environment and the cluster's names. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SessionEvent } from '../../src/event/types.ts'
import { eventually } from '../harness/eventually.ts'
import { visit } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { env, type World, world } from './world.ts'

const HOST = 'command.local'
const folder = mkdtempSync(path.join(tmpdir(), 'intercept-command-'))
const file = (name: string): string => path.join(folder, name)

/** Beside the app: a Service over HTTP, one over TCP that speaks first, and what the app is configured with. */
const AROUND = `
apiVersion: v1
kind: Secret
metadata: { name: shop }
stringData: { password: 'swordfish "quoted"' }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: around }
spec:
  selector: { matchLabels: { app: around } }
  template:
    metadata: { labels: { app: around } }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: inventory
          image: busybox
          command: [sh, -c, 'mkdir /www && echo seven mugs > /www/index.html && exec httpd -f -p 8080 -h /www']
        - name: db
          image: busybox
          command: [sh, -c, 'while true; do echo "ready for queries" | nc -l -p 5432; done']
---
apiVersion: v1
kind: Service
metadata: { name: inventory }
spec: { selector: { app: around }, ports: [{ port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: around }, ports: [{ port: 5432 }] }
`

/** Answers with what it finds in its environment and what it hears from its neighbours. */
const APP = `
const http = require('node:http'), net = require('node:net')
const [, host, port] = process.env.ALL_PROXY.match(/\\/\\/([^:]+):(\\d+)/)
const overSocks = (name, to) => new Promise((resolve, reject) => {
  const socket = net.connect(Number(port), host, () => socket.write(Buffer.from([5, 1, 0])))
  let got = Buffer.alloc(0), asked = false
  socket.on('error', reject)
  socket.on('data', chunk => {
    got = Buffer.concat([got, chunk])
    if (!asked && got.length >= 2) {
      asked = true
      socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), Buffer.from(name), Buffer.from([to >> 8, to & 255])]))
    }
    const text = got.toString('latin1')
    if (text.includes('\\n')) { socket.destroy(); resolve(text.slice(12).trim()) }
  })
})
const secret = () => require('node:fs').readFileSync(process.env.INTERCEPT_MOUNT + '/etc/shop/password', 'utf8')
const server = http.createServer(async (request, response) => {
  try {
    const inventory = (await (await fetch('http://inventory/')).text()).trim()
    const db = await overSocks('db', 5432)
    response.end(['laptop', process.env.PASSWORD, secret(), process.env.LEVEL, inventory, db, process.env.INTERCEPT_POD].join('|'))
  } catch (error) { response.statusCode = 500; response.end(String(error.stack)) }
})
setTimeout(() => server.listen(Number(process.env.INTERCEPT_PORT), '127.0.0.1'), Number(process.argv[2] ?? 0))
`

let shop: World
beforeAll(async () => {
  const volumes = '      volumes: [{ name: shop, secret: { secretName: shop } }]\n'
  const manifests = article({ host: HOST })
    .replaceAll('      containers:\n', `${volumes}      containers:\n`)
    .replace(
      '        - name: nginx\n          image: nginx:alpine\n',
      `        - name: nginx\n          image: nginx:alpine\n          env:\n            - { name: PASSWORD, valueFrom: { secretKeyRef: { name: shop, key: password } } }\n            - { name: LEVEL, value: debug }\n          volumeMounts: [{ name: shop, mountPath: /etc/shop }]\n`
    )
  expect(manifests).toContain('secretKeyRef')
  shop = await world('command', `${manifests}\n---\n${AROUND}`, HOST)
  writeFileSync(file('app.cjs'), APP)
})
const started: Running[] = []
afterEach(async () => {
  for (const running of started.splice(0)) {
    running.signal('SIGINT')
    await running.exit
  }
})
afterAll(() => {
  shop.remove()
  rmSync(folder, { recursive: true })
})

interface Running {
  stderr(): string
  stdout(): string
  events(): SessionEvent[]
  signal(name: NodeJS.Signals): void
  exit: Promise<number | null>
}

function run(flags: readonly string[], ...command: string[]): Running {
  const log = file(`events-${Math.random().toString(36).slice(2)}.ndjson`)
  const child = spawn('kubectl', ['intercept', 'svc/nginx', '-n', shop.namespace, '--events', log, ...flags, '--', ...command], {
    env,
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const running: Running = {
    stderr: () => stderr,
    stdout: () => stdout,
    events: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as SessionEvent),
    signal: name => void child.kill(name),
    exit: new Promise(resolve => child.once('close', resolve))
  }
  started.push(running)
  return running
}

const answer = async (): Promise<string> => (await visit({ ...shop.visitor, timeoutMs: 5_000 })).body.trim()

describe('a command in the pod’s stead', () => {
  it('serves the visitors with the pod’s environment and the cluster’s names, from the opening of its port on', async () => {
    const running = run(['--port', '3456', '--mount', './pod'], process.execPath, file('app.cjs'), '700')
    await eventually(
      async () =>
        expect(await answer()).toMatch(/^laptop\|swordfish "quoted"\|swordfish "quoted"\|debug\|seven mugs\|ready for queries\|nginx-/),
      {
        timeoutMs: 20_000,
        intervalMs: 100
      }
    ).catch(error => {
      throw new Error(`${String(error)}\n${running.stderr()}`)
    })
    const states = running.events().flatMap(event => (event.type === 'target.state' ? [event.to] : []))
    // Nobody is sent here before there is somebody to answer.
    expect(states).toEqual(['connecting', 'waiting', 'connecting', 'registered', 'verified'])
    const child = running.events().find(event => event.type === 'child.state')
    running.signal('SIGINT')
    expect(await running.exit).toBe(0)
    expect(running.stderr()).toContain('nginx is served without this laptop')
    expect(running.stdout()).toBe('')
    expect(readdirSync(folder)).not.toContain('pod')
    expect(await answer()).toContain('nginx')
    expect(() => process.kill(child?.pid ?? 0, 0)).toThrow('ESRCH')
  })

  it('withdraws when the command ends, with its status', async () => {
    const running = run(
      ['--port', '3457'],
      process.execPath,
      '-e',
      `require('node:http').createServer((q, r) => { r.end('laptop'); if (q.url === '/end') process.exit(3) }).listen(process.env.INTERCEPT_PORT, '127.0.0.1')`
    )
    await eventually(async () => expect(await answer()).toBe('laptop'), { timeoutMs: 20_000, intervalMs: 100 })
    await visit({ ...shop.visitor, path: '/end', timeoutMs: 5_000 })
    expect(await running.exit).toBe(3)
    expect(await answer()).toContain('nginx')
    expect(running.events().at(-1)).toMatchObject({ type: 'session.ended', reason: 'child' })
  })
})

describe('docs/command.md', () => {
  const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'command.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ (.+)$/gm)].map(([, command = '']) => command)

  it.each(commands)('`%s` works', async command => {
    writeFileSync(
      file('app.js'),
      `require('node:http').createServer((q, r) => r.end('laptop')).listen(process.env.INTERCEPT_PORT, '127.0.0.1')`
    )
    const words = command.replaceAll('svc/shop', 'svc/nginx').replace('kubectl intercept', `kubectl intercept -n ${shop.namespace}`)
    const child = spawn('sh', ['-c', `exec ${words}`], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const exit = new Promise<number | null>(resolve => child.once('close', resolve))
    if (command.includes(' -- ')) {
      await eventually(async () => expect([await answer(), said]).toEqual(['laptop', said]), { timeoutMs: 20_000, intervalMs: 100 })
      child.kill('SIGINT')
    }
    expect(`${String(await exit)}: ${said}`).toMatch(/^0: /)
  })

  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(3)
  })
})
