/**
 * `npm run bench`: this program beside the stock gost client, on the stock gost 3.2.6 server, on loopback. The two take turns for every
 * run of every work, so that a busy moment of the machine meets both; what counts is the ratio of neighbouring runs.
 *
 *     --runs N    (7)    --smoke   one short run of everything    --only TEXT   works whose name has it    --write   docs/benchmarks.md
 */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startFaultProxy } from '../harness/fault-proxy.ts'
import { startGostServer } from '../harness/gost.ts'
import { type AgentName, AGENTS, startAgent, type World } from './agents.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { cpuSeconds, memoryMiB } from './process-usage.ts'
import { machine, type Measured, renderTables, writeSection } from './report.ts'
import { measureStarts } from './start.ts'
import { FULL, SMOKE, type Work, worksOf } from './works.ts'

const { values: options } = parseArgs({
  options: { runs: { type: 'string' }, smoke: { type: 'boolean' }, only: { type: 'string' }, write: { type: 'boolean' } }
})
const runs = options.smoke === true ? 1 : Number(options.runs ?? 7)
const HOST = 'bench.local'

/** One run: a fresh agent, the same kind of load for a while to warm it up, the load. Figures in the order of the work's list, then the time to its first answer. */
async function measure(name: AgentName, work: Work, world: World): Promise<{ figures: number[]; firstAnswerMs: number }> {
  const { program, firstAnswerMs } = await startAgent(name, world)
  try {
    const port = Number(new URL(world.entrypoint).port)
    await runVisitors({ port, host: HOST, ...work.warmUp })
    const before = cpuSeconds(program.pid)
    const result = await runVisitors({ port, host: HOST, visitors: work.visitors, work: work.load })
    const memory = memoryMiB(program.pid)
    const usage = { cpu: cpuSeconds(program.pid) - before, memory: memory.now, ownMemory: memory.own }
    return { figures: work.figures.map(figure => figure.of(result, usage)), firstAnswerMs }
  } catch (error) {
    throw new Error(`${name}, ${work.name}: ${String(error)}\n${program.log().slice(-1_000)}`, { cause: error })
  } finally {
    await program.stop()
  }
}

async function main(): Promise<void> {
  const size = options.smoke === true ? SMOKE : FULL
  const works = worksOf(size).filter(work => work.name.includes(options.only ?? ''))
  const tunnelId = randomUUID()
  const { program: origin, port: originPort } = await startOrigin()
  await using server = await startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], logLevel: 'error' })
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port: server.tunnelPort } })
  line.toServer.delay(25)
  line.toClient.delay(25)
  const world = { tunnelId, tunnelPort: server.tunnelPort, entrypoint: server.entrypoint, host: HOST, originPort }
  const measured: Measured[] = works.map(work => ({ work, runs: { gost: [], ours: [] } }))
  const firstAnswers: Record<AgentName, number[]> = { gost: [], ours: [] }
  const started = new Date()
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const { work, runs: results } of measured) {
        for (const name of run % 2 === 0 ? AGENTS : AGENTS.toReversed()) {
          const at = work.roundTripMs > 0 ? { ...world, tunnelPort: line.port } : world
          const { figures, firstAnswerMs } = await measure(name, work, at)
          results[name].push(figures)
          if (work.roundTripMs === 0) firstAnswers[name].push(firstAnswerMs)
        }
      }
      console.error(`run ${run + 1} of ${runs}`)
    }
  } finally {
    await line.close()
    await origin.stop()
  }
  const starts = measureStarts(options.smoke === true ? 3 : 20)
  const text = renderTables({ measured, firstAnswers, starts, machine: machine(started), runs, seconds: size.seconds })
  console.log(text)
  if (options.write === true) writeSection('bench', text)
}

await main()
