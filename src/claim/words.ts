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

/** `all visitors`, `weight 30`, `those with header.x-user:a`. */
export const whatWords = ({ weight, filter }: Pick<ClaimRecord, 'weight' | 'filter'>): string =>
  filter === undefined ? (weight === 255 ? 'all visitors' : `weight ${weight}`) : `those with ${shownFilterText(filter)}`

export interface Taken {
  /** Of the tunnel. */
  name: string
  /** As typed. */
  target: string
  now: Date
  why?: string | undefined
}

export function takenError(record: ClaimRecord, { name, target, now, why }: Taken): InterceptError {
  const { user, since, weight, filter } = record
  return new InterceptError(
    'TAKEN',
    `${user} has ${name} since ${sinceWords(since, now)} (${whatWords(record)})${why === undefined ? '' : `, and ${why}`}`,
    {
      hint: `have it handed over: kubectl intercept ${target} --takeover; or share the visitors at random: kubectl intercept ${target} --join`,
      details: { holder: user, since, weight, ...(filter === undefined ? {} : { filter: shownFilterText(filter) }) }
    }
  )
}
