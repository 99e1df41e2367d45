/**
 * The figures of docs/figures.md, measured on the cluster of KUBECONFIG: `test/cluster/in env PATH=$PATH node test/e2e/figures.ts`. A program and
 * no test: it prints, and judges nothing; run it while the machine does nothing else.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import { loadavg } from 'node:os'
import { cpuSeconds, memoryMiB } from '../bench/process-usage.ts'
import { runVisitors } from '../bench/programs.ts'
import { eventually } from '../harness/eventually.ts'
import { crowd, failed, tally } from '../harness/visitors.ts'
import { article } from './manifests.ts'
import { endAll, env, intercept, kubectl, localApp, plugin, type World, who, world } from './world.ts'

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
const show = (name: string, value: string, goal: string): void => console.log(`${name.padEnd(58)} ${value.padStart(24)}   goal ${goal}`)
const range = (values: readonly number[]): string =>
  `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}) s`
const waitMs = (ms: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, ms)
  })

async function enterToVerified(one: World, port: number): Promise<void> {
  const times: number[] = []
  for (let run = 0; run < 10; run += 1) {
    const startedAt = performance.now()
    const session = intercept(one.namespace, 'svc/nginx', '--port', String(port))
    await session.state('verified')
    times.push((performance.now() - startedAt) / 1_000)
    await session.stop()
  }
  show('Enter to verified by the ingress, median of 10', range(times), '≤ 1.5 s')
}

function timed(...args: string[]): number {
  const startedAt = performance.now()
  const { status, stderr } = plugin(...args)
  if (status !== 0) throw new Error(`kubectl intercept ${args.join(' ')} ended with ${status}: ${stderr}`)
  return (performance.now() - startedAt) / 1_000
}

/** Counts what passes between the plugin and the API server, which `kubectl proxy` serves in clear. */
async function requestsOf(...args: string[]): Promise<number> {
  const proxy = spawn('kubectl', ['proxy', '--port=0'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [, port = ''] = await new Promise<string[]>(resolve => {
    proxy.stdout.on('data', (line: Buffer) => resolve(/:(\d+)/.exec(line.toString()) ?? []))
  })
  let count = 0
  const counting = http.createServer((request, response) => {
    count += 1
    const onwards = http.request(
      { host: '127.0.0.1', port, path: request.url, method: request.method, headers: { ...request.headers, host: 'localhost' } },
      answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }
    )
    onwards.on('error', () => response.destroy())
    request.pipe(onwards)
  })
  await new Promise<void>(resolve => {
    counting.listen(0, '127.0.0.1', resolve)
  })
  const address = counting.address()
  try {
    const server = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const child = spawn('kubectl', ['intercept', ...args, '--server', server], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    await new Promise(resolve => child.once('close', resolve))
    return count
  } finally {
    counting.closeAllConnections()
    counting.close()
    proxy.kill()
  }
}

async function listing(one: World): Promise<void> {
  show('list, median of 10', range(Array.from({ length: 10 }, () => timed('list', '-n', one.namespace))), '≤ 0.7 s')
  const many = `figures-many-${process.pid}`
  kubectl(['create', 'namespace', many])
  try {
    const [, template = ''] = article().split('---\n').slice(1, 3)
    const items = Array.from({ length: 200 }, (_, at) =>
      template.replaceAll('nginx', `app${at}`).replace(`app${at}:alpine`, 'nginx:alpine').replace('replicas: 1', 'replicas: 0')
    )
    spawnSync('kubectl', ['-n', many, 'create', '-f', '-'], { input: items.join('---\n'), env, stdio: ['pipe', 'ignore', 'inherit'] })
    show('list -A beside 200 Deployments, median of 5', range(Array.from({ length: 5 }, () => timed('list', '-A'))), '≤ 1.5 s')
    show('list -A beside 200 Deployments, API requests', String(await requestsOf('list', '-A')), '≤ 12')
  } finally {
    kubectl(['delete', 'namespace', many, '--wait=false'])
  }
}

async function idle(one: World, port: number): Promise<void> {
  const args = ['intercept', 'svc/nginx', '-n', one.namespace, '--port', String(port), '-o', 'plain']
  const child = spawn('kubectl', args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await eventually(() => said.includes('verified'), { timeoutMs: 20_000 })
  await waitMs(10_000)
  const { now, peak } = memoryMiB(child.pid ?? 0)
  const before = cpuSeconds(child.pid ?? 0)
  await waitMs(10_000)
  const cpu = ((cpuSeconds(child.pid ?? 0) - before) / 10) * 100
  show('agent idle for 10 s, -o plain: memory', `${now.toFixed(0)} (peak ${peak.toFixed(0)}) MiB`, '≤ 110 MiB')
  show('agent idle: CPU', `${cpu.toFixed(1)} %`, '–')
  child.kill('SIGINT')
  await new Promise(resolve => child.once('close', resolve))
}

/** The API server that `test/cluster` started: by its folder, not by its name alone. */
function apiServerPid(): number | undefined {
  const state = process.env['KIC_STATE']
  for (const pid of readdirSync('/proc').filter(each => /^\d+$/.test(each))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]
      if (command?.endsWith('kube-apiserver') === true && readlinkSync(`/proc/${pid}/cwd`) === state) return Number(pid)
    } catch {
      continue // gone meanwhile
    }
  }
  return undefined
}

const WARM_SECONDS = 12

async function returnPath(one: World): Promise<void> {
  const app = await localApp()
  const session = intercept(one.namespace, 'svc/nginx', '--port', String(app.port), '--return-limit', '100000')
  await session.state('verified')
  const ways = [
    ['through the ingress', one.visitor.host],
    ['at the server', one.kubectl('get', 'service', 'proxy', '-o', 'jsonpath={.spec.clusterIP}')]
  ] as const
  const visitors = (address: string, seconds = 8) =>
    runVisitors({ address, port: 80, host: one.visitor.name, visitors: 16, work: { kind: 'requests', seconds } })
  // As in the benchmarks: a session lasts long, and V8 compiles during the first 20,000 requests or so.
  await visitors(ways[1][1], WARM_SECONDS)
  for (const [name, address] of ways) {
    const { requests, seconds } = await visitors(address)
    show(`16 visitors ${name}, answered by the laptop`, `${(requests / seconds).toFixed(0)} requests/s`, '–')
  }
  await app.kill()
  await visitors(ways[1][1], WARM_SECONDS)
  const pid = apiServerPid()
  const cpuOf = (): number => (pid === undefined ? Number.NaN : cpuSeconds(pid))
  for (const [name, address] of ways) {
    const before = cpuOf()
    const { requests, seconds } = await visitors(address) // throws when one is not answered
    const cpu = ((cpuOf() - before) / requests) * 10_000
    show(`16 visitors ${name}, on the return path`, `${(requests / seconds).toFixed(0)} requests/s`, '≥ 800')
    show('  CPU of the API server per 10,000', `${cpu.toFixed(1)} s`, '≤ 5 s')
  }
  const visits = await crowd({ ...one.visitor, count: 1_000 })
  show('return path: answers', JSON.stringify(tally(visits, who)), `${failed(visits).length} failed`)
  const why = session.events.flatMap(each =>
    each.type === 'exchange.aborted' ? [`${each.by} ${each.code}`] : each.type === 'return.state' && !each.ok ? [each.cause] : []
  )
  if (why.length > 0)
    console.log(`  in the session: ${[...new Set(why)].map(text => `${why.filter(each => each === text).length} × ${text}`).join('; ')}`)
  await session.stop()
}

const one = await world('figures', article({ pods: 2 }))
try {
  const app = await localApp()
  console.log(
    `load average ${loadavg()
      .map(each => each.toFixed(1))
      .join(', ')}`
  )
  await enterToVerified(one, app.port)
  await listing(one)
  await idle(one, app.port)
  await returnPath(one)
  console.log(
    `load average ${loadavg()
      .map(each => each.toFixed(1))
      .join(', ')}`
  )
} finally {
  endAll()
  one.remove()
}
