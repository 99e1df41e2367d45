/** How long a person waits for the program itself: spawn to exit of the built plugin, median of several, beside a bare Node. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { shown, type Spread, spreadOf } from './statistics.ts'

/** The built plugin; BENCH_PROGRAM names another build to measure. */
export const PROGRAM =
  process.env['BENCH_PROGRAM'] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'kubectl-intercept.js')
const STARTS = { 'node -e 0': ['-e', '0'], '--help': [PROGRAM, '--help'], version: [PROGRAM, 'version'] } as const
export type StartName = keyof typeof STARTS

/** Milliseconds per start, in turns, so that a busy moment meets all of them. */
export function measureStarts(runs: number): Record<StartName, Spread> {
  const names = Object.keys(STARTS) as StartName[]
  const times = new Map<StartName, number[]>(names.map(name => [name, []]))
  for (let run = -1; run < runs; run += 1) {
    for (const name of names) {
      const started = performance.now()
      const { status, stderr } = spawnSync(process.execPath, STARTS[name], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`${name} ended with status ${status}: ${stderr}`)
      // The first round fills the disk's cache.
      if (run >= 0) times.get(name)?.push(performance.now() - started)
    }
  }
  return Object.fromEntries(names.map(name => [name, spreadOf(times.get(name) ?? [])])) as Record<StartName, Spread>
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, spread] of Object.entries(measureStarts(20))) console.log(`${name.padEnd(12)} ${shown(spread)} ms`)
}
