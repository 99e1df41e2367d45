/** Rows as kubectl prints them: columns as wide as their widest cell, three spaces between them, `<none>` for what is empty. */
import { printable } from '../base/format.ts'
import { padEnd, widthOf } from '../base/width.ts'

const GAP = '   '

/** Ends with a newline. Without `heading` the rows stand alone. */
export function renderTable(heading: readonly string[] | undefined, rows: readonly (readonly string[])[]): string {
  const cells = rows.map(row => row.map(cell => (cell === '' ? '<none>' : printable(cell))))
  const all = heading === undefined ? cells : [heading, ...cells]
  const columns = Math.max(0, ...all.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...all.map(row => widthOf(row[column] ?? ''))))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => padEnd(cell, widths[column] ?? 0))
      .join(GAP)
      .trimEnd()
  return all.map(row => `${line(row)}\n`).join('')
}
