/**
 * What looking at the traffic costs an agent: nothing told (`--capture off`), told as lines (the default without a terminal) and as events, and
 * recorded with bodies, in turns, on the stock server. `node test/bench/capture.ts [RUNS]`; ratios are those of neighbouring runs to the first.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { startGostServer } from '../harness/gost.ts'
import { startAgent, type World } from './agents.ts'
import { runVisitors, startOrigin } from './programs.ts'
import { cpuSeconds } from './process-usage.ts'
import { machine } from './report.ts'
import { pairwise, shown, spreadOf } from './statistics.ts'
import { FULL, SMOKE, type Work, worksOf } from './works.ts'

const HOST = 'bench.local'
const runs = Number(process.argv[2] ?? 7)
const size = runs === 1 ? SMOKE : { ...FULL, visitors: [64] }
const works = worksOf(size).filter(({ name }) => name.startsWith('GET') || name.endsWith(' ×1'))
const folder = await mkdtemp(path.join(os.tmpdir(), 'capture-bench-'))
let files = 0
const WAYS: Readonly<Record<string, () => string[]>> = {
  'capture off': () => ['-o', 'plain', '--capture', 'off'],
  'plain lines': () => ['-o', 'plain'],
  events: () => ['-o', 'json'],
  recorded: () => ['-o', 'plain', '--record', path.join(folder, `${(files += 1)}.ndjson`)]
}

async function measure(work: Work, world: World, flags: readonly string[]): Promise<number[]> {
  const { program } = await startAgent('ours', world, flags)
  try {
    const port = Number(new URL(world.entrypoint).port)
    await runVisitors({ port, host: HOST, ...work.warmUp })
    const before = cpuSeconds(program.pid)
    const result = await runVisitors({ port, host: HOST, visitors: work.visitors, work: work.load })
    const usage = { cpu: cpuSeconds(program.pid) - before, memory: 0, ownMemory: 0 }
    return work.figures.filter(wanted).map(figure => figure.of(result, usage))
  } finally {
    await program.stop()
  }
}

const wanted = ({ name }: { name: string }): boolean => /^(?:CPU|MiB\/s|requests\/s)/.test(name)

const tunnelId = randomUUID()
const { program: origin, port: originPort } = await startOrigin()
await using server = await startGostServer({ version: 'ga', hosts: [[HOST, tunnelId]], logLevel: 'error' })
const world = { tunnelId, tunnelPort: server.tunnelPort, entrypoint: server.entrypoint, host: HOST, originPort }
const results = new Map<string, number[][]>()
try {
  for (let run = 0; run < runs; run += 1) {
    for (const work of works) {
      const ways = Object.entries(WAYS)
      for (const [way, flags] of run % 2 === 0 ? ways : ways.toReversed()) {
        const key = `${work.name} ${way}`
        results.set(key, [...(results.get(key) ?? []), await measure(work, world, flags())])
      }
    }
    console.error(`run ${run + 1} of ${runs}`)
  }
} finally {
  await origin.stop()
  await rm(folder, { recursive: true })
}
console.log(`${machine(new Date())}. ${runs} runs of each, in turns.\n`)
console.log(
  `| work | figure | ${Object.keys(WAYS).join(' | ')} |\n| --- | --- | ${Object.keys(WAYS)
    .map(() => '--:')
    .join(' | ')} |`
)
for (const work of works) {
  work.figures.filter(wanted).forEach((figure, at) => {
    const column = (way: string): number[] => (results.get(`${work.name} ${way}`) ?? []).map(figures => figures[at] ?? Number.NaN)
    const [first = '', ...others] = Object.keys(WAYS)
    const cells = [shown(spreadOf(column(first))), ...others.map(way => `× ${shown(spreadOf(pairwise(column(way), column(first))))}`)]
    console.log(`| ${[work.name, figure.name, ...cells].join(' | ')} |`)
  })
}
