/**
 * Requests through a port-forward to a pod: rate, latency, own CPU and the API server's CPU. Run it where the cluster is reachable:
 *   KUBECONFIG=… node test/bench/port-forward.ts NAMESPACE POD [PORT] [REQUESTS] [PARALLEL]
 * The API server's CPU comes from its own /metrics (process_cpu_seconds_total). `--v4` measures one WebSocket per connection beside it.
 */
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import type { Connection } from '../../src/base/connection.ts'
import { silent } from '../../src/base/log.ts'
import { type ApiClient, readText } from '../../src/kube/api-client.ts'
import { clusterClient } from '../../src/kube/connect.ts'
import { podForwarder } from '../../src/kube/port-forward.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { v4: { type: 'boolean' }, smoke: { type: 'boolean' } } })
const [namespace = 'default', pod = '', port = '80', count = values.smoke ? '50' : '10000', parallel = '16'] = positionals
const { client } = await clusterClient({
  env: process.env,
  home: process.env['HOME'] ?? '/',
  log: silent,
  clock: systemClock,
  warn: console.error
})

async function apiServerCpu(api: ApiClient): Promise<number> {
  const text = await readText(await api.send({ method: 'GET', path: '/metrics' }))
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1] ?? Number.NaN)
}

/** One GET without keep-alive on our side: dial, ask, read to the end of the body, close. */
async function visit(connection: Connection): Promise<void> {
  connection.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
  let text = ''
  for await (const chunk of connection) {
    text += (chunk as Buffer).toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
    if (head >= 0 && text.length >= head + 4 + length) break
  }
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(`unexpected answer: ${text.slice(0, 80)}`)
}

async function measure(name: string, spdy: boolean, requests: number, workers: number): Promise<void> {
  const forwarder = podForwarder({ client, namespace, pod, clock: systemClock, log: silent, dialect: { spdy } })
  const signal = new AbortController().signal
  await visit(await forwarder.dial(Number(port), signal))
  const times: number[] = []
  let left = requests
  const serverBefore = await apiServerCpu(client)
  const cpuBefore = process.cpuUsage()
  const begin = performance.now()
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const start = performance.now()
      const connection = await forwarder.dial(Number(port), signal)
      await visit(connection)
      times.push(performance.now() - start)
      if (!connection.destroyed) await once(connection.destroy(), 'close')
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
  const seconds = (performance.now() - begin) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const server = (await apiServerCpu(client)) - serverBefore
  const per10k = (value: number): string => ((value / requests) * 10_000).toFixed(2)
  times.sort((a, b) => a - b)
  const at = (share: number): string => (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1)
  console.log(
    `${name}: ${requests} requests, ${workers} parallel: ${(requests / seconds).toFixed(0)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ` +
      `CPU s per 10,000: own ${per10k((cpu.user + cpu.system) / 1e6)}, API server ${per10k(server)}`
  )
  await forwarder.close()
}

await measure('spdy', true, Number(count), Number(parallel))
await measure('spdy', true, Math.ceil(Number(count) / 10), 1)
if (values.v4) await measure('v4', false, Math.ceil(Number(count) / 10), Number(parallel))
await client.close()
