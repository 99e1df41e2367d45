/**
 * The screen at 1,000 exchanges a second, in a real terminal: its share of a core, frames, event loop lag, and how long a key takes to show.
 * `node test/bench/screen.ts [SECONDS] [PER_SECOND] [COLUMNSxROWS]`
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { openScreen } from '../harness/screen.ts'
import { machine } from './report.ts'
import { shown, spreadOf } from './statistics.ts'

const [, , seconds = '15', rate = '1000', shape = '120x40'] = process.argv
const [columns = 120, rows = 40] = shape.split('x').map(Number)
const KEY_EVERY_MS = 400
const folder = await mkdtemp(path.join(os.tmpdir(), 'screen-bench-'))
const program = path.join(folder, 'load.mjs')
const figures = path.join(folder, 'figures.json')
const pause = (ms: number): Promise<void> => new Promise(resolve => void setTimeout(resolve, ms))

// As the program is built: React without its developer's half.
await build({
  entryPoints: [path.join(import.meta.dirname, 'screen-load.ts')],
  outfile: program,
  bundle: true,
  format: 'esm',
  platform: 'node',
  minify: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  alias: { 'react-devtools-core': path.join(import.meta.dirname, 'nothing.ts') },
  logLevel: 'warning'
})
try {
  await using screen = openScreen(process.execPath, [program, figures, rate], { columns, rows })
  await screen.shows('/api/cart/', 20_000)
  await pause(3_000)
  const frames = (): number => screen.raw.split('\u001b[?2026h').length - 1
  const before = frames()
  const started = performance.now()
  const keys: number[] = []
  for (let up = true; performance.now() - started < Number(seconds) * 1_000; up = !up) {
    const pressed = performance.now()
    screen.press(up ? '?' : 'Escape')
    while (screen.text().includes('In the list') !== up) await pause(1)
    keys.push(performance.now() - pressed)
    await pause(KEY_EVERY_MS)
  }
  const fps = (frames() - before) / ((performance.now() - started) / 1_000)
  screen.press('q')
  await screen.exit
  const { cpu, lagP99Ms, exchanges, rssMiB } = JSON.parse(await readFile(figures, 'utf8')) as Record<
    'cpu' | 'lagP99Ms' | 'exchanges' | 'rssMiB',
    number
  >
  console.log(`${machine(new Date())}; ${shape}, ${rate} exchanges/s, ${exchanges} in all`)
  console.log(`| figure | measured | goal |\n| --- | --: | --: |`)
  console.log(`| of one core | ${(cpu * 100).toFixed(1)} % | 30 % |`)
  console.log(`| frames a second | ${fps.toFixed(1)} | 20 |`)
  console.log(`| event loop lag, p99 | ${lagP99Ms.toFixed(1)} ms | 25 ms |`)
  console.log(`| key to screen, median (range) of ${keys.length} | ${shown(spreadOf(keys))} ms | 50 ms |`)
  console.log(`| memory | ${rssMiB.toFixed(0)} MiB | 160 MiB |`)
} finally {
  await rm(folder, { recursive: true })
}
