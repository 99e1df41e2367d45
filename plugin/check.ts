/**
 * `npm test`: types, lint and format beside each other, then ring 1. A failed check prints what it found and fails the run, but does
 * not keep the tests from running. With arguments (a file name, -t, …) only those tests run.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runRing, totalsLine } from './ring.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const CHECKS = {
  types: ['typescript/bin/tsc', '--noEmit'],
  lint: ['oxlint/bin/oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'plugin'],
  format: ['@biomejs/biome/bin/biome', 'check', '.']
}

/** Runs one check with its output kept back; resolves with what it printed, undefined when it passed. */
function check([script = '', ...argv]: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(root, 'node_modules', script), ...argv], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const output: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
    child.on('error', reject)
    child.on('close', status => resolve(status === 0 ? undefined : Buffer.concat(output).toString()))
  })
}

async function runChecks(): Promise<string[]> {
  const results = await Promise.all(Object.entries(CHECKS).map(async ([name, argv]) => ({ name, findings: await check(argv) })))
  for (const { name, findings } of results) {
    if (findings !== undefined) console.error(findings.trimEnd())
    console.error(findings === undefined ? `${name}: ok` : `${name}: FAILED (above)`)
  }
  return results.filter(result => result.findings !== undefined).map(result => result.name)
}

const argv = process.argv.slice(2)
const failures = argv.length === 0 ? await runChecks() : []
const counts = await runRing('unit', argv)
if (failures.length > 0) console.error(`npm test fails: ${failures.join(', ')} found something (above the tests)`)
console.log(totalsLine(counts))
process.exitCode = failures.length > 0 || counts.failed > 0 ? 1 : 0
