/** A replay beside what it repeats: status and headers that differ, then both bodies, differences marked `-` and `+` and coloured. */
import { printable } from '../base/format.ts'
import { compareAnswers } from '../capture/compare.ts'
import type { DiffLine } from '../capture/diff.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { keepLast } from './keep-last.ts'
import { bold, fit, type Line, toned } from './line.ts'

/** Side by side from this width on. */
const SIDE_BY_SIDE = 100

export function diffTitle(before: KeptExchange | undefined, after: KeptExchange | undefined, width: number): Line {
  return fit(
    [
      bold(` #${before?.id ?? '?'}`),
      { text: ` answered ${before?.response?.status ?? '–'}, ${after?.who === 'mirror' ? 'this laptop' : 'its replay'} ` },
      bold(`#${after?.id ?? '?'}`),
      { text: ` ${after?.response?.status ?? '–'}` }
    ],
    width
  )
}

/** An exchange stays the same object while it grows. */
export const diffLines = keepLast(layOut, (before, after, width) => [before, before?.version, after, after?.version, width])

function layOut(before: KeptExchange | undefined, after: KeptExchange | undefined, width: number): readonly Line[] {
  if (before === undefined || after === undefined) return [[toned('yellow', 'one of the two is no longer remembered')]]
  if (after.response === undefined) return [[toned('red', after.end === undefined ? 'no answer yet' : 'the local app did not answer')]]
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
const unified = ({ mark, text }: DiffLine): Line =>
  mark === ' ' ? [{ text: `  ${printable(text)}` }] : [toned(TONES[mark], `${mark} ${printable(text)}`)]

/** Runs of removed and added lines stand beside each other. */
function sideBySide(lines: readonly DiffLine[], width: number): Line[] {
  const half = Math.floor((width - 3) / 2)
  const rows: Line[] = []
  const side = (line: DiffLine | undefined): Line => fit(line === undefined ? [] : unified(line), half)
  const pair = (left: DiffLine | undefined, right: DiffLine | undefined): void =>
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

function run(lines: readonly DiffLine[], from: number, mark: DiffLine['mark']): DiffLine[] {
  let end = from
  while (lines[end]?.mark === mark) end += 1
  return lines.slice(from, end)
}
