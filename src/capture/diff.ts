/** The difference of two lists of lines: what stays, what went, what came. Bounded: of very long or very different texts the middle is told whole. */

export interface DiffLine {
  readonly mark: ' ' | '-' | '+'
  readonly text: string
}

/** Cells of the table of common subsequences: 4 MiB, some tens of milliseconds. */
const MAX_CELLS = 1_000_000

export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1
  let end = 0
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  const a = before.slice(start, before.length - end)
  const b = after.slice(start, after.length - end)
  return [
    ...before.slice(0, start).map(text => ({ mark: ' ', text }) as const),
    ...(a.length * b.length > MAX_CELLS ? replaced(a, b) : common(a, b)),
    ...before.slice(before.length - end).map(text => ({ mark: ' ', text }) as const)
  ]
}

const replaced = (a: readonly string[], b: readonly string[]): DiffLine[] => [
  ...a.map(text => ({ mark: '-', text }) as const),
  ...b.map(text => ({ mark: '+', text }) as const)
]

/** By the longest common subsequence. */
function common(a: readonly string[], b: readonly string[]): DiffLine[] {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const left = a[i]
    const right = b[j]
    if (left !== undefined && left === right) {
      lines.push({ mark: ' ', text: left })
      i += 1
      j += 1
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: '-', text: left })
      i += 1
    } else {
      lines.push({ mark: '+', text: right ?? '' })
      j += 1
    }
  }
  return lines
}
