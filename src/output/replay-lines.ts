/** A replay for people: one line a request, below it what differs. */
import { formatBytes, formatMs, printable } from '../base/format.ts'
import { cutMiddle, padEnd, padStart } from '../base/width.ts'
import type { Replayed } from '../replay/replay-all.ts'
import type { Paint } from './paint.ts'

const PATH_WIDTH = 44
/** Of one body; the rest is counted. */
const MAX_DIFF_LINES = 40
/** Unchanged lines around a change. */
const CONTEXT = 2

export interface ReplayCount {
  sent: number
  equal: number
  different: number
  refused: number
  /** Headers whose hidden values kept requests from being sent. */
  hidden: ReadonlySet<string>
}

export function replayLines(
  { recorded, after, comparison, refused }: Replayed,
  { paint, diff }: { paint: Paint; diff: boolean }
): string[] {
  const { request } = recorded
  const where = printable(`${request?.host ?? ''}${request?.path ?? ''}`, 2_000)
  const front = `${padStart(`#${printable(recorded.id, 40)}`, 6)}  ${padEnd(printable(request?.method ?? '', 12), 7)} ${padEnd(cutMiddle(where, PATH_WIDTH), PATH_WIDTH)}`
  if (refused !== undefined) return [`${front}  ${paint('yellow', `not sent: ${printable(refused.message)}`)}`]
  const status = after?.response?.status
  const was = recorded.response?.status
  const size = after?.response === undefined ? '' : formatBytes(after.response.body.size)
  const line = `${front}  ${padStart(status === undefined ? '–' : String(status), 3)}  ${padStart(size, 7)}  ${padStart(formatMs(after?.timings.totalMs ?? 0), 7)}`
  if (!diff) return [status === was || was === undefined ? line : `${line}  ${paint('yellow', `was ${was}`)}`]
  if (status === undefined) return [`${line}  ${paint('red', 'no answer')}`]
  if (comparison === undefined) return [`${line}  ${paint('dim', 'nothing to compare with')}`]
  if (comparison.equal) return [`${line}  ${paint('green', comparison.partial ? 'same as far as it was recorded' : 'same')}`]
  return [`${line}  ${paint('red', 'DIFFERENT')}`, ...differences(comparison, paint)]
}

/** What counts as a difference for the exit code. */
export const differs = ({ recorded, after, comparison, refused }: Replayed): boolean =>
  refused === undefined && (comparison === undefined ? recorded.response !== undefined && after?.response === undefined : !comparison.equal)

function differences({ status, headers, body, lines }: NonNullable<Replayed['comparison']>, paint: Paint): string[] {
  const indent = '        '
  return [
    ...(status === undefined ? [] : [`${indent}status ${status}`]),
    ...headers.map(header => `${indent}header ${printable(header)}`),
    ...(body === undefined ? [] : body.split('\n').map(text => `${indent}body ${printable(text)}`)),
    ...hunk(lines).map(({ mark, text }) => {
      const shown = `${indent}${mark} ${printable(text)}`
      return mark === '-' ? paint('red', shown) : mark === '+' ? paint('green', shown) : shown
    })
  ]
}

type Lines = NonNullable<Replayed['comparison']>['lines']

/** Changed lines with a little around them. */
function hunk(lines: Lines): Lines {
  const near = lines.filter(
    (line, index) => line.mark !== ' ' || lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ mark }) => mark !== ' ')
  )
  if (near.every(({ mark }) => mark === ' ')) return []
  if (near.length <= MAX_DIFF_LINES) return near
  return [...near.slice(0, MAX_DIFF_LINES), { mark: ' ', text: `… ${near.length - MAX_DIFF_LINES} more lines` }]
}

export function replaySummary({ sent, equal, different, refused, hidden }: ReplayCount, diff: boolean): string {
  const parts = [`${sent} ${sent === 1 ? 'request' : 'requests'} sent`]
  if (diff) parts.push(`${equal} answered the same`, `${different} different`)
  if (refused > 0) parts.push(`${refused} not sent`)
  if (hidden.size === 0) return parts.join(', ')
  // Once, however many they are.
  const flags = [...hidden].map(name => `--set-header '${printable(name, 200)}: VALUE'`).join(' ')
  return `${parts.join(', ')}\nhint: the recording hides values: give them with ${flags}; '${printable([...hidden][0] ?? '', 200)}:' leaves a header out`
}
