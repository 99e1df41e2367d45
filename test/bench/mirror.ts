/**
 * What a mirror costs our own server, as CPU per request of the original, off and on in turns:
 *   node plugin/run.mjs build && node test/bench/mirror.ts [--runs 7] [--seconds 3] [--visitors 64] [--rates 100,10] [--per-second N]
 * Server, sidecar, app and visitors are processes of their own; a process of this program reads every copy and drops it.
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/base/clock.ts'
import { silent } from '../../src/base/log.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { dialWebSocket } from '../../src/transport/websocket.ts'
import { type Link, openLink } from '../../src/tunnel/link.ts'
import { MirrorDecoder } from '../../src/tunnel/mirror-channel.ts'
import { startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/ports.ts'
import { visit } from '../harness/visit.ts'
import { cpuSeconds } from './process-usage.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { PROGRAM } from './start.ts'
import { pairwise, shown, spreadOf } from './statistics.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    seconds: { type: 'string' },
    visitors: { type: 'string' },
    rates: { type: 'string' },
    'per-second': { type: 'string' }
  }
})
const runs = Number(values.runs ?? 7)
const seconds = Number(values.seconds ?? 3)
const visitors = Number(values.visitors ?? 64)
/** The same load off and on: otherwise whoever reads the copies takes from what the visitors may ask. */
const pace = values['per-second'] === undefined ? {} : { perSecond: Number(values['per-second']) }
const rates = (values.rates ?? '100').split(',').map(text => Number(text) / 100)

const HOST = 'bench.local'
const tunnelId = randomUUID()
const [tunnelPort, entrypointPort] = [await freePort(), await freePort()]
const origin = await startOrigin()
const server = await startProgram(process.execPath, [
  PROGRAM,
  'server',
  '-L',
  `tunnel+ws://127.0.0.1:${tunnelPort}?entrypoint=127.0.0.1:${entrypointPort}&tunnel=${HOST}:${tunnelId}&path=/proxy`
])
const sidecar = await startProgram(process.execPath, [
  PROGRAM,
  'sidecar',
  '-L',
  `rtcp://:0/127.0.0.1:${origin.port}`,
  '-F',
  `tunnel+ws://127.0.0.1:${tunnelPort}?tunnel.id=${tunnelId}&path=/proxy`
])
await eventually(async () => (await visit(`http://127.0.0.1:${entrypointPort}/`, { host: HOST })).status === 200, { timeoutMs: 20_000 })

let copies = 0
const mirror = (rate: number): Promise<Link> =>
  openLink(
    {
      dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: tunnelPort }), { path: '/proxy' }),
      bind: { tunnelId, weight: 1 },
      hello: { kind: 'agent', mirror: rate },
      clock: systemClock,
      log: silent,
      onStream({ connection }) {
        const decoder = new MirrorDecoder()
        connection.on('error', () => {}) // the end of a run
        connection.on('data', (chunk: Buffer) => {
          copies += decoder.push(chunk).filter(({ type }) => type === 'copy').length
        })
      }
    },
    new AbortController().signal
  )

/** CPU seconds of the server for 10,000 requests. */
async function measure(rate: number): Promise<{ cpu: number; requests: number; p99: number }> {
  const link = rate === 0 ? undefined : await mirror(rate)
  const before = cpuSeconds(server.pid)
  const result = await runVisitors({ port: entrypointPort, host: HOST, visitors, work: { kind: 'requests', seconds, ...pace } })
  const cpu = ((cpuSeconds(server.pid) - before) / result.requests) * 10_000
  await link?.close()
  return { cpu, requests: result.requests / result.seconds, p99: result.p99 }
}

try {
  await runVisitors({ port: entrypointPort, host: HOST, visitors, work: { kind: 'requests', seconds: seconds * 3 } })
  await measure(1)
  for (const rate of rates) {
    const off: number[] = []
    const on: number[] = []
    const speed: number[] = []
    copies = 0
    for (let run = 0; run < runs; run += 1) {
      const without = await measure(0)
      const beside = await measure(rate)
      off.push(without.cpu)
      on.push(beside.cpu)
      speed.push(beside.requests / without.requests)
    }
    console.log(`mirror of ${rate * 100} %, ${visitors} visitors, ${runs} runs of ${seconds} s, ${copies} copies`)
    console.log(
      `  server CPU s per 10,000: off ${shown(spreadOf(off))}, on ${shown(spreadOf(on))}, ratio ${shown(spreadOf(pairwise(on, off)))}`
    )
    console.log(`  requests/s, on / off: ${shown(spreadOf(speed))}`)
  }
} finally {
  await Promise.all([sidecar.stop(), server.stop(), origin.program.stop()])
}
