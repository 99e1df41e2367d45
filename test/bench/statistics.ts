/** Medians with their ranges: what a few runs on a shared machine can say. */

export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN }
}

/** Ratios of runs that were made one after the other. */
export const pairwise = (ours: readonly number[], theirs: readonly number[]): number[] =>
  ours.map((value, at) => value / (theirs[at] ?? Number.NaN))

/** Three significant digits, without exponents: `2310`, `12.4`, `0.57`. */
export const figure = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** `12.4 (11.8–13.0)`; of one run `12.4`. */
export const shown = ({ median, low, high }: Spread): string =>
  low === high ? figure(median) : `${figure(median)} (${figure(low)}–${figure(high)})`
