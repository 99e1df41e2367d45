/**
 * A vitest reporter that writes to the file named by TOTALS_FILE, as JSON, how many tests passed, failed and were skipped, and by name which
 * failed and which passed only when tried once more.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

export interface Totals {
  passed: number
  failed: number
  skipped: number
  /** `file > suite > title: first line of the error`. */
  failures: string[]
  /** Passed, but not at the first try: `file > suite > title: the error of the first one, and where`. */
  retried: string[]
}

export const noTotals = (): Totals => ({ passed: 0, failed: 0, skipped: 0, failures: [], retried: [] })

const firstLine = (error: { message?: string } | undefined): string => (error?.message ?? 'no message').split('\n', 1)[0] ?? ''

/** All of it in one line, for nobody else shows it: vitest keeps to itself what a test that passed had failed of before. */
function whole({ message = 'no message', stack = '' }: Partial<SerializedError>): string {
  const place = /\(?([^\s(]*\/test\/[^\s)]+)\)?$/m.exec(stack)?.[1]
  return `${message.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 1_000)}${place === undefined ? '' : ` (${path.basename(place)})`}`
}

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const totals = noTotals()
    for (const module of modules) countModule(module, totals)
    for (const error of unhandledErrors) totals.failures.push(`outside of a test: ${firstLine(error)}`)
    if (unhandledErrors.length > 0 && totals.failed === 0) totals.failed = 1
    const file = process.env['TOTALS_FILE']
    if (file !== undefined) writeFileSync(file, JSON.stringify(totals))
  }
}

function countModule(module: TestModule, totals: Totals): void {
  const before = totals.failed
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result()
    totals[state === 'pending' ? 'skipped' : state] += 1
    const name = `${module.relativeModuleId} > ${test.fullName}`
    if (state === 'failed') totals.failures.push(`${name}: ${firstLine(errors[0])}`)
    else if (test.diagnostic()?.flaky === true) totals.retried.push(`${name}: ${whole(errors?.[0] ?? {})}`)
  }
  // A file that cannot be loaded, or whose hooks fail, counts as one failure when none of its tests does.
  if (module.state() !== 'failed' || totals.failed > before) return
  totals.failed += 1
  totals.failures.push(`${module.relativeModuleId}: ${firstLine(module.errors()[0])}`)
}
