/**
 * `node test/bench/server.ts`: our server beside the stock one, each with the stock connector and with ours, on loopback. All pairs take turns for
 * every run of every work; the ratio is that of neighbouring runs to gost with gost. Build first (`npm run build`).
 *
 *     --runs N   (7)    --smoke   one short run of everything    --only TEXT   works whose name has it
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type Program, startProgram } from '../harness/child.ts'
import { eventually } from '../harness/eventually.ts'
import { startFaultProxy } from '../harness/fault-proxy.ts'
import { startGostClient, startGostServer } from '../harness/gost.ts'
import { freePort, releasePorts } from '../harness/ports.ts'
import { visit } from '../harness/visit.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { cpuSeconds, memoryMiB } from './process-usage.ts'
import { machine } from './report.ts'
import { FULL, PAIRS, type PairName, type PairWork, pairWorksOf, SMOKE } from './server-works.ts'
import { PROGRAM } from './start.ts'
import { pairwise, shown, spreadOf } from './statistics.ts'

const { values: options } = parseArgs({ options: { runs: { type: 'string' }, smoke: { type: 'boolean' }, only: { type: 'string' } } })
const runs = options.smoke === true ? 1 : Number(options.runs ?? 7)
const HOST = 'bench.local'

interface Server {
  readonly program: Program
  readonly tunnelPort: number
  readonly entrypoint: string
}

const ours = (command: 'server' | 'sidecar', argv: readonly string[]): Promise<Program> =>
  startProgram(process.execPath, [PROGRAM, command, ...argv])

async function startServer(pair: PairName, tunnelId: string): Promise<Server> {
  if (pair === 'gost+gost') {
    const gost = await startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], logLevel: 'error' })
    return { program: gost, tunnelPort: gost.tunnelPort, entrypoint: gost.entrypoint }
  }
  const [tunnelPort, entrypointPort] = [await freePort(), await freePort()]
  const listener = `tunnel+ws://127.0.0.1:${tunnelPort}?path=/proxy&entrypoint=127.0.0.1:${entrypointPort}&tunnel=${HOST}:${tunnelId}`
  const program = await ours('server', ['-L', listener, '--log-level', 'error'])
  const stop = (graceMs?: number): Promise<unknown> => program.stop(graceMs).then(() => releasePorts([tunnelPort, entrypointPort]))
  return {
    program: { ...program, stop: async graceMs => void (await stop(graceMs)) },
    tunnelPort,
    entrypoint: `http://127.0.0.1:${entrypointPort}`
  }
}

function startConnector(pair: PairName, at: { tunnelPort: number; tunnelId: string; originPort: number }): Promise<Program> {
  const { tunnelPort, tunnelId, originPort } = at
  const target = `127.0.0.1:${originPort}`
  if (pair.endsWith('+gost'))
    return startGostClient({ version: 'ga', serverPort: tunnelPort, tunnelId, weight: 1, target, logLevel: 'error' })
  const node = `tunnel+ws://127.0.0.1:${tunnelPort}?path=/proxy&tunnel.id=${tunnelId}`
  return ours('sidecar', ['-L', `rtcp://:0/${target}`, '-F', node, '--log-level', 'error'])
}

/** One run: fresh server and connector, the same kind of load to warm them up, the load. Figures in the order of the work's list. */
async function measure(pair: PairName, work: PairWork, originPort: number): Promise<number[]> {
  const tunnelId = randomUUID()
  const server = await startServer(pair, tunnelId)
  await using line = await slowLine(work.roundTripMs, server.tunnelPort)
  const connector = await startConnector(pair, { tunnelPort: line.port, tunnelId, originPort })
  try {
    const status = async (): Promise<number> => (await visit(server.entrypoint, { host: HOST, timeoutMs: 5_000 })).status
    await eventually(async () => (await status().catch(() => 0)) === 200, { timeoutMs: 20_000, intervalMs: 50 })
    const port = Number(new URL(server.entrypoint).port)
    const path = pair.endsWith('closing app') ? '/close' : '/'
    await runVisitors({ port, host: HOST, path, visitors: work.visitors, work: work.warmUp })
    const before = [cpuSeconds(server.program.pid), cpuSeconds(connector.pid)] as const
    const result = await runVisitors({ port, host: HOST, path, visitors: work.visitors, work: work.load })
    const usage = {
      serverCpu: cpuSeconds(server.program.pid) - before[0],
      connectorCpu: cpuSeconds(connector.pid) - before[1],
      serverMemory: memoryMiB(server.program.pid).now
    }
    return work.figures.map(figure => figure.of(result, usage))
  } catch (error) {
    throw new Error(`${pair}, ${work.name}: ${String(error)}\n${server.program.log().slice(-1_000)}`, { cause: error })
  } finally {
    await connector.stop()
    await server.program.stop()
  }
}

async function slowLine(roundTripMs: number, port: number): Promise<{ port: number } & AsyncDisposable> {
  if (roundTripMs === 0) return { port, [Symbol.asyncDispose]: () => Promise.resolve() }
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port } })
  line.toServer.delay(roundTripMs / 2)
  line.toClient.delay(roundTripMs / 2)
  return { port: line.port, [Symbol.asyncDispose]: () => line.close() }
}

function rows(work: PairWork, results: ReadonlyMap<PairName, number[][]>): string[] {
  const values = (pair: PairName, at: number): number[] => (results.get(pair) ?? []).map(figures => figures[at] ?? Number.NaN)
  return work.figures.flatMap((figure, at) =>
    work.pairs.map(pair => {
      const ratio = shown(spreadOf(pairwise(values(pair, at), values('gost+gost', at))))
      return `| ${[work.name, figure.name, pair, shown(spreadOf(values(pair, at))), pair === 'gost+gost' ? '1' : ratio].join(' | ')} |`
    })
  )
}

async function main(): Promise<void> {
  const works = pairWorksOf(options.smoke === true ? SMOKE : FULL).filter(work => work.name.includes(options.only ?? ''))
  const { program: origin, port: originPort } = await startOrigin()
  const measured = works.map(work => ({ work, results: new Map<PairName, number[][]>(PAIRS.map(pair => [pair, []])) }))
  const started = new Date()
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const { work, results } of measured) {
        for (const pair of run % 2 === 0 ? work.pairs : work.pairs.toReversed()) {
          results.get(pair)?.push(await measure(pair, work, originPort))
        }
      }
      console.error(`run ${run + 1} of ${runs}`)
    }
  } finally {
    await origin.stop()
  }
  const head = ['| work | figure | server+connector | median (lowest–highest) | to gost+gost |', '| --- | --- | --- | --: | --: |']
  console.log(
    [
      `${machine(started)}. ${runs} runs of each, in turns.`,
      '',
      ...head,
      ...measured.flatMap(({ work, results }) => rows(work, results))
    ].join('\n')
  )
}

await main()
