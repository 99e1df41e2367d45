/** Claims in sentences: who, since when, what. */
import { InterceptError } from '../base/errors.ts'
import { shownFilterText } from '../filter/shown.ts'
import type { ClaimRecord } from './lease.ts'

/** `10:02:33` for today, else with the day; in the time of this machine. */
export function sinceWords(since: string, now: Date): string {
  const time = new Date(since)
  const clock = time.toLocaleTimeString('en-GB')
  return time.toDateString() === now.toDateString() ? clock : `${time.toLocaleDateString('en-CA')} ${clock}`
}

/** `all visitors`, `weight 30`, `those with header.x-user:a`, `copies of all visitors`. */
export function whatWords({ weight, filter, mirror }: Pick<ClaimRecord, 'weight' | 'filter' | 'mirror'>): string {
  if (mirror === true) return weight === 255 ? 'all visitors pass it, to be mirrored' : 'copies only'
  if (filter !== undefined) return `those with ${shownFilterText(filter)}`
  return weight === 255 ? 'all visitors' : `weight ${weight}`
}

export interface Taken {
  /** Of the tunnel. */
  name: string
  now: Date
  why?: string | undefined
}

export function takenError(record: ClaimRecord, { name, now, why }: Taken): InterceptError {
  const { user, since, weight, filter } = record
  return new InterceptError(
    'TAKEN',
    `${user} has ${name} since ${sinceWords(since, now)} (${whatWords(record)})${why === undefined ? '' : `, and ${why}`}`,
    {
      // The whole command would be too long to repeat, and a part of it would do something else.
      hint: 'add --takeover to your command to have it handed over, or --join to share the visitors at random; who is there: kubectl intercept list',
      details: { holder: user, since, weight, ...(filter === undefined ? {} : { filter: shownFilterText(filter) }) }
    }
  )
}
