/** Go's notation for durations, as kubectl's: `10s`, `1m30s`, `500ms`, `1.5s`; a bare `0` is zero. */

export const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!DURATION.test(text)) return undefined
  let total = 0
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(number) * (UNIT_MS[unit] ?? 0)
  return Math.round(total)
}
