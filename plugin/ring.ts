/**
 * Runs one ring of the tests (a vitest project: unit, peers, e2e) and ends with the line `N passed, N failed`. Further arguments go to
 * vitest. Exit status 1 when anything failed, also a file that could not be loaded or an error outside of a test.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { noTotals, type Totals } from './totals-reporter.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Starts vitest with the terminal as it is; resolves with its exit status. */
function vitest(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const script = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const child = spawn(process.execPath, [script, ...argv], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
    // Ctrl-C reaches vitest by the terminal; a signal to this process alone is passed on.
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    process.on('SIGINT', () => {})
    child.on('error', reject)
    child.on('exit', status => resolve(status ?? 1))
  })
}

/** Runs the ring; resolves with its counts, after vitest has printed its own report. */
export async function runRing(project: string, argv: readonly string[] = []): Promise<Totals> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'kubectl-intercept-ring-'))
  const file = path.join(folder, 'totals.json')
  try {
    const reporters = ['--reporter=default', `--reporter=${path.join(root, 'plugin', 'totals-reporter.ts')}`]
    const status = await vitest(['run', '--project', project, ...reporters, ...argv], { ...process.env, TOTALS_FILE: file })
    const text = await readFile(file, 'utf8').catch(() => undefined)
    const totals = text === undefined ? noTotals() : (JSON.parse(text) as Totals)
    // A global setup that fails ends vitest before its reporters have anything to say.
    if (status !== 0 && totals.failed === 0) {
      totals.failed = 1
      totals.failures.push(`vitest ended with status ${status}`)
    }
    // Again at the end, where a long report still shows them.
    for (const name of totals.failures) console.log(`FAILED TEST: ${name}`)
    for (const name of totals.retried) console.log(`RETRIED TEST: ${name}`)
    return totals
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `12 passed, 0 failed`, with the skipped ones when there are any. */
export const totalsLine = ({ passed, failed, skipped }: Totals): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

async function main([project = 'unit', ...argv]: readonly string[]): Promise<number> {
  if (project === 'e2e' && process.env['KUBECONFIG'] === undefined) {
    console.error('error: the end-to-end tests need a cluster; KUBECONFIG is not set')
    console.error('hint: test/cluster/build && test/cluster/up && test/cluster/in npm run test:e2e')
    return 1
  }
  const totals = await runRing(project, argv)
  console.log(totalsLine(totals))
  return totals.failed > 0 ? 1 : 0
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = await main(process.argv.slice(2))
