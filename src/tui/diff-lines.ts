/** A replay beside what it repeats: status and headers that differ, then both bodies, differences marked `-` and `+` and coloured. */
import { printable } from '../base/format.ts'
import { compareAnswers } from '../capture/compare.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { bold, cutEnd, fit, type Line, toned } from './line.ts'

type Mark = ' ' | '-' | '+'
interface Marked {
  readonly mark: Mark
  readonly text: string
}

/** Side by side from this width on. */
const SIDE_BY_SIDE = 100

export function diffTitle(before: KeptExchange | undefined, after: KeptExchange | undefined, width: number): Line {
  return fit(
    [
      bold(` #${before?.id ?? '?'}`),
      { text: ` answered ${before?.response?.status ?? '–'}, its replay ` },
      bold(`#${after?.id ?? '?'}`),
      { text: ` ${after?.response?.status ?? '–'}` }
    ],
    width
  )
}

export function diffLines(before: KeptExchange | undefined, after: KeptExchange | undefined, width: number): Line[] {
  if (before === undefined || after === undefined) return [[toned('yellow', 'one of the two is no longer remembered')]]
  if (after.response === undefined)
    return [[toned('red', after.end === undefined ? 'no answer yet' : 'the local app did not answer the replay')]]
  if (before.response === undefined) return [[toned('yellow', 'the first one had no answer to compare with')]]
  const { equal, status, headers, lines } = compareAnswers(before.response, after.response)
  return [
    [equal ? toned('green', 'the same answer') : toned('yellow', 'the answers differ')],
    ...(status === undefined ? [] : [[{ text: 'status  ' }, toned('yellow', status)] as Line]),
    ...headers.map((text): Line => [{ text: 'header  ' }, toned('yellow', printable(text))]),
    [],
    ...(width >= SIDE_BY_SIDE ? sideBySide(lines, width) : lines.map(unified))
  ]
}

const TONES = { '-': 'red', '+': 'green' } as const
const unified = ({ mark, text }: Marked): Line =>
  mark === ' ' ? [{ text: `  ${printable(text)}` }] : [toned(TONES[mark], `${mark} ${printable(text)}`)]

/** Runs of removed and added lines stand beside each other. */
function sideBySide(lines: readonly Marked[], width: number): Line[] {
  const half = Math.floor((width - 3) / 2)
  const rows: Line[] = []
  const side = (line: Marked | undefined): Line =>
    fit(line === undefined ? [] : unified({ ...line, text: cutEnd(printable(line.text), half - 2) }), half)
  const pair = (left: Marked | undefined, right: Marked | undefined): void =>
    void rows.push([...side(left), toned('gray', ' │ '), ...side(right)])
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]
    if (line?.mark === ' ') {
      pair(line, line)
      at += 1
      continue
    }
    const removed = run(lines, at, '-')
    const added = run(lines, at + removed.length, '+')
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1) pair(removed[index], added[index])
    at += removed.length + added.length
  }
  return rows
}

function run(lines: readonly Marked[], from: number, mark: Mark): Marked[] {
  let end = from
  while (lines[end]?.mark === mark) end += 1
  return lines.slice(from, end)
}
