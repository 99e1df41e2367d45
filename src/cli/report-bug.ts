/** What nobody caught: shown as the bug that it is, exit code 70. */
import { errnoOf, EXIT } from '../base/errors.ts'
import { renderError } from '../output/error.ts'
import { type Io, wantsColor } from './io.ts'
import { REPORT_URL } from './version.ts'

export function reportBug(error: unknown, io: Io): number {
  // A terminal or reader that vanished is not ours to report.
  if (errnoOf(error) === 'EPIPE') return EXIT.SIGHUP
  const stack = io.argv.some(arg => /^(?:-v=?|--v=)(?:[4-9]|\d\d)$/.test(arg)) || io.argv.includes('-v')
  io.stderr.write(renderError(error, { color: wantsColor(io.stderr, io.env), stack, reportUrl: REPORT_URL }))
  return EXIT.BUG
}
