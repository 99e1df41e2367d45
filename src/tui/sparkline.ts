/** The last values as bars of eighths, scaled to the highest. */
const BARS = '▁▂▃▄▅▆▇█'

/** At most `width` characters, the newest value last. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width)
  const most = Math.max(0, ...shown)
  return shown.map(value => BARS[most === 0 ? 0 : Math.min(7, Math.ceil((value / most) * 8) - (value === 0 ? 0 : 1))] ?? ' ').join('')
}
