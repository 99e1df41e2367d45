/** The running sessions of this user as a table of their own, where no cluster tells of tunnels. */
import { printable } from '../base/format.ts'
import { renderTable } from './table.ts'
import type { ListedSession } from './tunnel-rows.ts'

export const renderSessions = (sessions: readonly ListedSession[], headings: boolean): string =>
  renderTable(headings ? ['PID', 'TARGET', 'STATE', 'LOCAL'] : undefined, sessions.flatMap(rowsOf))

function rowsOf({ pid, targets, command, answers }: ListedSession): string[][] {
  if (!answers) return [[String(pid), '', 'does not answer', '']]
  if (targets.length === 0) return [[String(pid), printable(command, 60), '', '']]
  return targets.map(({ name, state, local = '' }) => [String(pid), printable(name), printable(state), printable(local)])
}
