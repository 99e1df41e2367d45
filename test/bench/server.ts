/**
 * `node test/bench/server.ts`: our server beside the stock one, each with the stock connector and with ours, and beside chisel and frp, on loopback.
 * All pairs take turns for every run of every work; the ratio is that of neighbouring runs to gost with gost. Build first (`npm run build`).
 *
 *     --runs N (7)   --smoke  one short run of everything   --only TEXT  works whose name has it   --pairs TEXT  pairs whose name has it
 *     --write  docs/benchmarks.md
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { missing, PAIRS, type PairName, startPair } from './pairs.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { cpuSeconds, memoryMiB } from './process-usage.ts'
import { machine, writeSection } from './report.ts'
import { renderPairs } from './server-report.ts'
import { FULL, type PairWork, pairWorksOf, SMOKE } from './server-works.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string' },
    smoke: { type: 'boolean' },
    only: { type: 'string' },
    pairs: { type: 'string' },
    write: { type: 'boolean' }
  }
})
const runs = options.smoke === true ? 1 : Number(options.runs ?? 7)
const HOST = 'bench.local'

/** One run: fresh server and connector, the same kind of load to warm them up, the load. Figures in the order of the work's list. */
async function measure(name: PairName, work: PairWork, originPort: number): Promise<number[]> {
  const setting = { host: HOST, tunnelId: randomUUID(), originPort, roundTripMs: work.roundTripMs }
  await using pair = await startPair(name, setting)
  const { server, connector, port } = pair
  try {
    const path = name.endsWith('closing app') ? '/close' : '/'
    const { visitors, stubborn = false } = work
    await runVisitors({ port, host: HOST, path, visitors, stubborn, work: work.warmUp })
    const before = [cpuSeconds(server.pid), cpuSeconds(connector.pid)] as const
    const result = await runVisitors({ port, host: HOST, path, visitors, stubborn, work: work.load })
    const memory = memoryMiB(server.pid)
    const usage = {
      serverCpu: cpuSeconds(server.pid) - before[0],
      connectorCpu: cpuSeconds(connector.pid) - before[1],
      serverMemory: memory.now,
      serverOwnMemory: memory.own
    }
    return work.figures.map(figure => figure.of(result, usage))
  } catch (error) {
    throw new Error(`${name}, ${work.name}: ${String(error)}\n${server.log().slice(-1_000)}`, { cause: error })
  }
}

/** The pairs to measure; those that cannot be built are left out, by name. */
function chosenPairs(): PairName[] {
  const wanted = PAIRS.filter(pair => pair.includes(options.pairs ?? ''))
  const absent = missing(wanted)
  for (const [pair, reason] of absent) console.error(`${pair} is left out: ${reason}`)
  return wanted.filter(pair => !absent.has(pair))
}

async function main(): Promise<void> {
  const chosen = chosenPairs()
  const size = options.smoke === true ? SMOKE : FULL
  const works = pairWorksOf(size)
    .filter(work => work.name.includes(options.only ?? ''))
    .map(work => ({ ...work, pairs: work.pairs.filter(pair => chosen.includes(pair)) }))
  const { program: origin, port: originPort } = await startOrigin()
  const measured = works.map(work => ({ work, results: new Map<PairName, number[][]>(chosen.map(pair => [pair, []])) }))
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
  const text = [
    `${machine(started)}. ${runs} ${runs === 1 ? 'run' : 'runs'} of each, in turns; ${size.seconds} s for requests, after ${size.warmRequests} to warm up. Median`,
    '(lowest–highest); below it the ratio of neighbouring runs to gost with gost.',
    '',
    renderPairs(measured)
  ].join('\n')
  console.log(text)
  if (options.write === true) writeSection('server bench', text)
}

await main()
