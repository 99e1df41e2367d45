/**
 * `kubectl intercept access` beside `kubectl port-forward`, in turns, to one nginx pod of a real cluster:
 *   test/cluster/in node test/bench/access.ts [--runs 5] [--seconds 5] [--smoke]
 * Makes a namespace of its own and removes it. Client, agent, API server and pod share the machine's cores.
 */
import { execFile, execFileSync, type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import type { AccessLoad, AccessLoadResult } from './access-load.ts'
import { pairwise, shown, spreadOf } from './statistics.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seconds: { type: 'string' }, smoke: { type: 'boolean' }, only: { type: 'string' } }
})
const runs = Number(values.runs ?? (values.smoke ? 1 : 5))
const seconds = Number(values.seconds ?? (values.smoke ? 1 : 5))
const root = path.join(import.meta.dirname, '..', '..')
const namespace = `access-bench-${process.pid}`
const BULK_MIB = values.smoke ? 16 : 1_024

const kubectl = (...args: string[]): string => execFileSync('kubectl', ['-n', namespace, ...args], { encoding: 'utf8' })

/** nginx closes a connection after 1,000 requests unless it is told otherwise, and its log would be the node's work. */
const NGINX = `user nginx; events { worker_connections 8192; } http { access_log off; server { listen 80; root /html; keepalive_requests 1000000000; } }`
const FILES = `echo hello > /html/index.html; echo '${NGINX}' > /conf/nginx.conf;`
const MOUNTS = ['html', 'conf'].map(name => ({ name, mountPath: `/${name}` }))

const OBJECTS = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        volumes: ['html', 'conf'].map(name => ({ name, emptyDir: {} })),
        initContainers: [
          {
            name: 'files',
            image: 'busybox',
            command: ['sh', '-c', `${FILES} dd if=/dev/zero of=/html/big bs=1M seek=${BULK_MIB} count=0`],
            volumeMounts: MOUNTS
          }
        ],
        containers: [
          { name: 'app', image: 'nginx:alpine', command: ['nginx', '-c', '/conf/nginx.conf', '-g', 'daemon off;'], volumeMounts: MOUNTS }
        ]
      }
    }
  ]
}

interface Agent {
  load: Pick<AccessLoad, 'port' | 'socks'>
  pid: number
  stop(): Promise<void>
}

/** Resolves with the port once a line names it. */
async function start(file: string, args: readonly string[], port: RegExp, socks?: string): Promise<Agent> {
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const found = await new Promise<number>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', line => {
        const number = port.exec(line)?.[1]
        if (number !== undefined) resolve(Number(number))
      })
    }
    child.once('exit', code => reject(new Error(`${file} ended with ${code}`)))
  })
  return {
    load: { port: found, ...(socks === undefined ? {} : { socks }) },
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGINT')
      await ended
    }
  }
}

const program = [path.join(root, 'dist', 'kubectl-intercept.js'), 'access', '-n', namespace]
const AGENTS = {
  'kubectl port-forward': () => start('kubectl', ['-n', namespace, 'port-forward', 'svc/web', ':80'], /127\.0\.0\.1:(\d+) ->/),
  'access --forward': () => start(process.execPath, [...program, '--forward', '0:svc/web:80'], /^127\.0\.0\.1:(\d+) →/),
  'access, SOCKS5': () => start(process.execPath, program, /HTTP_PROXY=http:\/\/127\.0\.0\.1:(\d+)/, 'web')
} as const
type AgentName = keyof typeof AGENTS

async function makeLoad(load: AccessLoad): Promise<AccessLoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(import.meta.dirname, 'access-load.ts'), JSON.stringify(load)])
  return JSON.parse(stdout) as AccessLoadResult
}

const status = (pid: number, field: string): number =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024

interface Work {
  name: string
  load: Omit<AccessLoad, 'port' | 'socks'>
}

const WORKS: readonly Work[] = [
  { name: 'GET, 16 clients, kept connections', load: { kind: 'kept', clients: 16, seconds } },
  { name: 'GET, 200 clients, kept connections', load: { kind: 'kept', clients: 200, seconds } },
  { name: 'GET, 16 clients, a connection each', load: { kind: 'fresh', clients: 16, seconds } },
  { name: 'GET, 200 clients, a connection each', load: { kind: 'fresh', clients: 200, seconds } },
  { name: `download ${BULK_MIB} MiB`, load: { kind: 'bulk', clients: 1, seconds: 0 } }
]

interface Measured {
  rate: number
  p50: number
  p99: number
  errors: number
  /** Highest RSS less that before the load. */
  growth: number
}

async function measure(name: AgentName, { load }: Work): Promise<Measured> {
  const agent = await AGENTS[name]()
  try {
    await makeLoad({ ...agent.load, kind: 'kept', clients: 16, seconds: values.smoke ? 0.2 : 2 })
    const before = status(agent.pid, 'VmRSS')
    let highest = before
    const watch = setInterval(() => (highest = Math.max(highest, status(agent.pid, 'VmRSS'))), 50)
    const result = await makeLoad({ ...agent.load, ...load }).finally(() => clearInterval(watch))
    const rate = load.kind === 'bulk' ? result.bytes / 1_048_576 / result.seconds : result.requests / result.seconds
    return { rate, p50: result.p50, p99: result.p99, errors: result.errors, growth: highest - before }
  } finally {
    await agent.stop()
  }
}

async function compare(work: Work): Promise<void> {
  const names = Object.keys(AGENTS) as AgentName[]
  const all = new Map<AgentName, Measured[]>(names.map(name => [name, []]))
  for (let run = 0; run < runs; run += 1) {
    for (const name of run % 2 === 0 ? names : names.toReversed()) all.get(name)?.push(await measure(name, work))
  }
  const theirs = (all.get('kubectl port-forward') ?? []).map(({ rate }) => rate)
  for (const name of names) {
    const measured = all.get(name) ?? []
    const of = (key: keyof Measured): string => shown(spreadOf(measured.map(one => one[key])))
    const ratio = shown(
      spreadOf(
        pairwise(
          measured.map(one => one.rate),
          theirs
        )
      )
    )
    const errors = measured.reduce((sum, one) => sum + one.errors, 0)
    console.log(`| ${work.name} | ${name} | ${of('rate')} | ${ratio} | ${of('p50')} | ${of('p99')} | ${of('growth')} | ${errors} |`)
  }
}

execFileSync(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--if-changed'], { stdio: 'inherit' })
execFileSync('kubectl', ['create', 'namespace', namespace])
try {
  execFileSync('kubectl', ['-n', namespace, 'apply', '-f', '-'], { input: JSON.stringify(OBJECTS) })
  kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=120s')
  console.log(
    `load average ${loadavg()
      .map(value => value.toFixed(1))
      .join(', ')}; ${runs} runs, ${seconds} s each; kubectl ${kubectl('version', '--client').split('\n')[0] ?? ''}`
  )
  console.log(
    '| work | way | requests/s or MiB/s | ratio | p50 ms | p99 ms | RSS growth MiB | errors |\n| --- | --- | --: | --: | --: | --: | --: | --: |'
  )
  for (const work of WORKS.filter(({ name }) => name.includes(values.only ?? ''))) await compare(work)
  console.log(
    `load average at the end ${loadavg()
      .map(value => value.toFixed(1))
      .join(', ')}`
  )
} finally {
  execFileSync('kubectl', ['delete', 'namespace', namespace, '--wait=false'])
}
