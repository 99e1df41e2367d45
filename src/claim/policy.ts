/** What claims mean. Pure. */
import type { ClaimRecord, SeenLease } from './lease.ts'
import type { Claim, Wish } from './types.ts'

/** The weight that excludes all lower ones. */
const ALL = 255

/** Who wants this means to be the holder. */
export const wantsAll = ({ weight, filter }: Pick<Wish, 'weight' | 'filter'>): boolean => weight === ALL && filter === undefined

/** Beside whom a wish for less gets no visitor. A stock server hands everything to 255, whatever its filter, and also while it mirrors. */
export function excluderOf(
  { weight, filter, mirror }: Wish,
  { others, holder }: Pick<Claim, 'others' | 'holder'>,
  stock: boolean
): ClaimRecord | undefined {
  if (weight === ALL || filter !== undefined || mirror === true) return undefined
  const other = others.find(each => wantsAll(each) && (each.mirror !== true || stock))
  return stock ? (other ?? holder) : other
}

/** One record for each session, the oldest first. A holder whose own Lease is not there yet counts too. */
export function liveOthers(seen: readonly SeenLease[], leftOut: (seen: SeenLease) => boolean): ClaimRecord[] {
  const sessions = new Map<string, ClaimRecord>()
  for (const role of ['holder', 'session'] as const)
    for (const each of seen) if (each.role === role && !leftOut(each)) sessions.set(each.record.session, each.record)
  return [...sessions.values()].sort((a, b) => a.since.localeCompare(b.since) || a.session.localeCompare(b.session))
}

interface Here {
  session: string
  user: string
  runs?: ((pid: number) => boolean) | undefined
}

/** A session of this person on this machine whose process does not run any more. Of another's nothing can be said: machines share names. */
export function isGone(record: ClaimRecord, { session, user, runs }: Here): boolean {
  if (record.session === session || record.user !== user || record.pid <= 0) return false
  return runs?.(record.pid) === false
}
