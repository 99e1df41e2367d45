/** What the end-to-end cases share: a namespace with the article's manifests, the built plugin called through the real kubectl, its events. */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { SessionEvent } from '../../src/event/types.ts'
import { eventually } from '../harness/eventually.ts'
import { type Visit, type VisitOptions, visit } from '../harness/visitors.ts'

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..')
/** As an archive lays it out: the launcher beside dist/. */
const bin = mkdtempSync(path.join(tmpdir(), 'intercept-e2e-'))
copyFileSync(path.join(root, 'plugin', 'kubectl-intercept'), path.join(bin, 'kubectl-intercept'))
symlinkSync(path.join(root, 'dist'), path.join(bin, 'dist'))
execFileSync(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--if-changed'], { stdio: 'pipe' })

const PATH = [bin, path.join(root, 'node_modules', '.bin'), process.env['PATH']].join(path.delimiter)
/** Sessions of a person who works beside the tests are none of theirs. */
const HOME = mkdtempSync(path.join(tmpdir(), 'intercept-e2e-home-'))
export const env = {
  ...process.env,
  PATH,
  HOME,
  XDG_RUNTIME_DIR: HOME,
  KUBECTL_INTERCEPT_NODE: process.env['KUBECTL_INTERCEPT_NODE'] ?? process.execPath
}

export const ARTICLE = readFileSync(path.join(root, 'test', 'fixtures', 'manifests', 'article.yaml'), 'utf8')
export const TUNNEL = '10bc451e-59dc-4c70-999e-91a30813ac78'

export function kubectl(args: readonly string[], input = ''): string {
  return execFileSync('kubectl', [...args], { input, encoding: 'utf8', env, timeout: 120_000, stdio: ['pipe', 'pipe', 'pipe'] })
}

/** The same without holding up the load that runs in this process. */
export const kubectlBeside = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)('kubectl', args, { env, timeout: 120_000 })).stdout

export interface World {
  namespace: string
  /** As a visitor of nginx.local. */
  visitor: VisitOptions
  kubectl(...args: string[]): string
  apply(manifests: string): void
  /** The entrypoint answers with the pods' page, so often in a row. */
  served(count?: number): Promise<void>
  remove(): void
}

/** A namespace of its own with the manifests, served through the ingress. Call `remove` at the end. */
export async function world(name: string, manifests = ARTICLE, host = 'nginx.local'): Promise<World> {
  const namespace = `e2e-${name}-${process.pid}`
  kubectl(['create', 'namespace', namespace])
  const made: World = {
    namespace,
    visitor: { host: '127.0.0.1', port: 80, name: host },
    kubectl: (...args) => kubectl(['-n', namespace, ...args]),
    apply: text => void kubectl(['-n', namespace, 'apply', '-f', '-'], text),
    async served(count = 3) {
      await eventually(
        async () => {
          for (let i = 0; i < count; i += 1) if (who(await visit({ ...made.visitor, timeoutMs: 3_000 })) !== 'pod') return false
          return true
        },
        { timeoutMs: 90_000, intervalMs: 250 }
      )
    },
    remove: () => void kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=90s'])
  }
  try {
    await prepare(made, manifests)
  } catch (error) {
    made.remove() // its host must not stay taken for the files that follow
    throw error
  }
  return made
}

async function prepare(made: World, manifests: string): Promise<void> {
  made.apply(manifests)
  made.kubectl('wait', '--for=condition=Available', 'deployment', '--all', '--timeout=120s')
  const address = await eventually(
    () => made.kubectl('get', 'ingress', '-o', 'jsonpath={.items[0].status.loadBalancer.ingress[0].ip}') || false,
    {
      timeoutMs: 30_000,
      intervalMs: 200
    }
  )
  if (typeof address === 'string') made.visitor.host = address
  await made.served()
}

/** Who answered a visit: our local app says `laptop`, nginx its page. */
export const who = ({ status, body, error }: Visit): string =>
  status === 200 ? (body.startsWith('laptop') ? 'laptop' : body.includes('nginx') ? 'pod' : 'unknown') : `${status} ${error ?? ''}`.trim()

export interface Session {
  readonly events: readonly SessionEvent[]
  /** The first event that matches, from now or before. */
  event<T extends SessionEvent['type']>(
    type: T,
    match?: (event: Extract<SessionEvent, { type: T }>) => boolean,
    timeoutMs?: number
  ): Promise<Extract<SessionEvent, { type: T }>>
  state(to: string, timeoutMs?: number): Promise<void>
  signal(name: NodeJS.Signals): void
  readonly exit: Promise<number>
  readonly stderr: string
  readonly pid: number
  /** Ends it by Ctrl-C; resolves with the exit code. */
  stop(): Promise<number>
}

const running = new Set<ChildProcess>()

/** `kubectl intercept ARGS -o json`, through the real kubectl. */
export const intercept = (namespace: string, ...args: string[]): Session => open(['kubectl', ...words(namespace, args)])

/** The same on a machine of another name, whose processes nobody here can look at. */
export const interceptOn = (machine: string, namespace: string, ...args: string[]): Session =>
  open(['unshare', '--uts', 'sh', '-c', 'echo "$0" >/proc/sys/kernel/hostname; exec kubectl "$@"', machine, ...words(namespace, args)])

const words = (namespace: string, args: readonly string[]): string[] => ['intercept', ...args, '-n', namespace, '-o', 'json']

function open([command = '', ...args]: readonly string[]): Session {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const events: SessionEvent[] = []
  let rest = ''
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) events.push(JSON.parse(line) as SessionEvent)
  })
  const exit = new Promise<number>(resolve => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code ?? (signal === null ? -1 : 1_000))
    })
  })
  const session: Session = {
    events,
    exit,
    get stderr() {
      return stderr
    },
    pid: child.pid ?? -1,
    async event(type, match = () => true, timeoutMs = 20_000) {
      let found: SessionEvent | undefined
      await eventually(
        () => {
          found = events.find(each => each.type === type && match(each as never))
          if (found === undefined) {
            const told = events.filter(each => !each.type.startsWith('exchange.') && each.type !== 'stats').slice(-12)
            throw new Error(`no ${type} event; last:\n${told.map(each => JSON.stringify(each)).join('\n')}\n${stderr}`)
          }
        },
        { timeoutMs, intervalMs: 20 }
      )
      return found as never
    },
    async state(to, timeoutMs) {
      await session.event('target.state', each => each.to === to, timeoutMs)
    },
    signal: name => void child.kill(name),
    async stop() {
      child.kill('SIGINT')
      return exit
    }
  }
  return session
}

/** Runs the plugin to its end: a one-shot command. */
export function plugin(...args: string[]): { status: number; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('kubectl', ['intercept', ...args], { encoding: 'utf8', env, timeout: 60_000, stdio: 'pipe' })
  return { status: status ?? -1, stdout, stderr }
}

/** The local app as a process of its own, so that it can be killed and frozen; it takes `delayMs` for each answer. */
export async function localApp(
  port = 0,
  name = 'laptop',
  delayMs = 0
): Promise<{ port: number; kill(): Promise<void>; freeze(): void; thaw(): void }> {
  const source = `require('node:http').createServer((q, r) => { q.resume(); const end = () => r.end('${name} ' + q.method + ' ' + q.url); ${delayMs} > 0 ? setTimeout(end, ${delayMs}) : end() }).listen(${port}, '127.0.0.1', function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(child)
  const bound = await new Promise<number>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString())))
    child.once('exit', () => reject(new Error('the local app ended')))
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return {
    port: bound,
    async kill() {
      child.kill('SIGKILL')
      await ended
      running.delete(child)
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT')
  }
}

/** For `afterAll`: nothing that a case started outlives the file. */
export function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}
