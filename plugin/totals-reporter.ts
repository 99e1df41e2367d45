/** A vitest reporter that writes how many tests passed, failed and were skipped to the file named by TOTALS_FILE, as JSON. */
import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

export interface Totals {
  passed: number
  failed: number
  skipped: number
}

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const totals: Totals = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      const before = totals.failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        totals[state === 'pending' ? 'skipped' : state] += 1
      }
      // A file that cannot be loaded, or whose hooks fail, counts as one failure when none of its tests does.
      if (module.state() === 'failed' && totals.failed === before) totals.failed += 1
    }
    if (unhandledErrors.length > 0 && totals.failed === 0) totals.failed = 1
    const file = process.env['TOTALS_FILE']
    if (file !== undefined) writeFileSync(file, JSON.stringify(totals))
  }
}
