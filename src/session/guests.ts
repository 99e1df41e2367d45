/**
 * Several sessions in front of one stock server, which knows no filters: the *holder* takes all visitors, looks at each request and passes on what
 * belongs to another session, its guest, by the private tunnel that the guest has bound (design.md §4). Here: whose a request is. Pure.
 */
import type { ClaimRecord } from '../claim/lease.ts'
import type { Filter } from '../filter/filter.ts'
import { type Asked, type Personal, personalFor, personalOf } from '../server/personal.ts'

export interface Guest {
  readonly session: string
  readonly user: string
  /** A bearer secret. */
  readonly tunnelId: string
  /** Undefined: it takes what belongs to nobody else. */
  readonly personal: Personal | undefined
}

const ALL = 255

/** Sessions that requests can be passed on to, the oldest first. A filter that cannot be read matches nothing. */
export function guestsFrom(others: readonly ClaimRecord[], parse: (text: string) => Filter): Guest[] {
  return others.flatMap(({ session, user, privateTunnel: tunnelId, filter: text, weight }): Guest[] => {
    if (tunnelId === undefined || weight !== ALL) return []
    if (text === undefined) return [{ session, user, tunnelId, personal: undefined }]
    const filter = readable(text, parse)
    return filter === undefined ? [] : [{ session, user, tunnelId, personal: personalOf(filter, session) }]
  })
}

function readable(text: string, parse: (text: string) => Filter): Filter | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

/** `asked`: undefined for what cannot be read. `own`: undefined when we take all visitors. Several with the same filter share it: 0 ≤ random() < 1. */
export function whose(
  asked: Asked | undefined,
  { own, guests, random }: { own: Personal | undefined; guests: readonly Guest[]; random: () => number }
): Guest | 'mine' | 'nobodys' {
  if (asked !== undefined) {
    const looked = guests.find(({ session }) => session === asked.session)
    if (looked !== undefined) return looked
    const candidates = [{ personal: own, guest: undefined }, ...guests.map(guest => ({ personal: guest.personal, guest }))]
    const those = personalFor(candidates, asked)
    const best = those.length > 1 ? those[Math.floor(random() * those.length)] : those[0]
    if (best !== undefined) return best.guest ?? 'mine'
  }
  if (own === undefined) return 'mine'
  return guests.find(({ personal }) => personal === undefined) ?? 'nobodys'
}
