/**
 * Runs one ring of the tests (a vitest project: unit, peers, e2e) and ends with the line `N passed, N failed`. Further arguments go to
 * vitest. Exit status 1 when anything failed, also a file that could not be loaded or an error outside of a test.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Starts a program of node_modules/.bin with the terminal as it is; resolves with its exit status. */
function start(name, argv) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'node_modules', name), ...argv], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit']
    })
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    process.on('SIGINT', () => {})
    child.on('error', reject)
    child.on('exit', (status, signal) => resolve(signal ? 1 : (status ?? 1)))
  })
}

/** The counts of vitest's JSON report. A file that failed before its first test counts as one failure. */
export function countsOf(report) {
  const broken = report.testResults.filter(
    file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed')
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests
  }
}

/** Runs the ring; resolves with its counts, after vitest has printed its own report. */
export async function runRing(project, argv = []) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'kubectl-intercept-ring-'))
  const file = path.join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const status = await start('vitest/vitest.mjs', ['run', '--project', project, ...reporters, ...argv])
    const report = JSON.parse(
      await readFile(file, 'utf8').catch(
        () => '{"testResults":[],"numPassedTests":0,"numFailedTests":0,"numPendingTests":0,"numTodoTests":0}'
      )
    )
    const counts = countsOf(report)
    // An error outside of a test (an unhandled rejection, a failed global setup) fails the run without failing a test.
    if (status !== 0 && counts.failed === 0) counts.failed = 1
    return counts
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `12 passed, 0 failed`, with the skipped ones when there are any. */
export const totalsLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

async function main([project, ...argv]) {
  if (project === 'e2e' && !process.env.KUBECONFIG) {
    console.error('error: the end-to-end tests need a cluster; KUBECONFIG is not set')
    console.error('hint: test/cluster/build && test/cluster/up && test/cluster/in npm run test:e2e')
    return 1
  }
  const counts = await runRing(project, argv)
  console.log(totalsLine(counts))
  return counts.failed > 0 ? 1 : 0
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await main(process.argv.slice(2))
