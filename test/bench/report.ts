/** The benchmark's figures as Markdown, and their place in docs/benchmarks.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AgentName } from './agents.ts'
import type { StartName } from './start.ts'
import { pairwise, shown, type Spread, spreadOf } from './statistics.ts'
import type { Work } from './works.ts'

const page = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs', 'benchmarks.md')

export interface Measured {
  readonly work: Work
  /** Per agent and run, the work's figures in their order. */
  readonly runs: Record<AgentName, number[][]>
}

export interface Report {
  readonly measured: readonly Measured[]
  readonly firstAnswers: Record<AgentName, number[]>
  readonly starts: Record<StartName, Spread>
  readonly machine: string
  readonly runs: number
  readonly seconds: number
}

/** What it ran on: figures without this mean nothing. */
export function machine(started: Date): string {
  const [cpu] = os.cpus()
  const load = os.loadavg().map(value => value.toFixed(1))
  return [
    `${started.toISOString().slice(0, 10)}, ${os.cpus().length} cores of ${cpu?.model ?? os.arch()}`,
    `${Math.round(os.totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, gost 3.2.6 as server and as the client beside`,
    `loopback, load average at the end ${load.join(', ')}`
  ].join('; ')
}

function rows({ work, runs }: Measured): string[] {
  return work.figures.map((figure, at) => {
    const [theirs, ours] = [runs.gost, runs.ours].map(results => results.map(figures => figures[at] ?? Number.NaN))
    const ratio = spreadOf(pairwise(ours ?? [], theirs ?? []))
    const cells = [
      work.name,
      figure.name,
      shown(spreadOf(theirs ?? [])),
      shown(spreadOf(ours ?? [])),
      runs.ours.length < RUNS_FOR_A_CLAIM ? shown(ratio) : verdict(ratio, figure.higherIsBetter)
    ]
    return `| ${cells.join(' | ')} |`
  })
}

/** With fewer runs nothing is claimed. */
const RUNS_FOR_A_CLAIM = 5

/** Bold where every run points to the better side; nothing is claimed where the range has 1 in it. */
function verdict(ratio: Spread, higherIsBetter: boolean): string {
  const text = shown(ratio)
  const better = higherIsBetter ? ratio.low > 1 : ratio.high < 1
  return better ? `**${text}**` : text
}

export function renderTables({ measured, firstAnswers, starts, machine: where, runs, seconds }: Report): string {
  const ratio = spreadOf(pairwise(firstAnswers.ours, firstAnswers.gost))
  return [
    `${where}. ${runs} ${runs === 1 ? 'run' : 'runs'} of each, in turns; ${seconds} s for requests. Median (lowest–highest); the ratio is that of neighbouring`,
    'runs, bold where all of them favour kubectl-intercept.',
    '',
    '| work | figure | gost client | kubectl-intercept | ratio |',
    '| --- | --- | --: | --: | --: |',
    ...measured.flatMap(rows),
    `| start | ms from spawn to the first answered visitor | ${shown(spreadOf(firstAnswers.gost))} | ${shown(spreadOf(firstAnswers.ours))} | ${shown(ratio)} |`,
    '',
    '| start of the program | ms |',
    '| --- | --: |',
    ...Object.entries(starts).map(([name, spread]) => `| \`${name}\` | ${shown(spread)} |`),
    ''
  ].join('\n')
}

/** The page with the text between the marks of that name. */
export function withSection(before: string, name: string, text: string): string {
  const section = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`)
  if (!section.test(before)) throw new Error(`docs/benchmarks.md has no <!-- ${name} --> section`)
  return before.replace(section, (_all, open: string, close: string) => `${open}\n${text.trimEnd()}\n\n${close}`)
}

/** Puts the text between the marks of docs/benchmarks.md. */
export const writeSection = (name: string, text: string): void => writeFileSync(page, withSection(readFileSync(page, 'utf8'), name, text))
