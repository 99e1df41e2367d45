/** Which Leases have expired: those whose renewal was seen unchanged for 30 s by our own clock, since clocks of laptops differ. */
import type { Clock } from '../base/clock.ts'
import { EXPIRES_SECONDS, type SeenLease } from './lease.ts'

export interface Freshness {
  /** Takes what was read just now. */
  see(seen: readonly SeenLease[]): void
  expired(seen: SeenLease): boolean
}

export function freshness(clock: Clock, expireMs: number): Freshness {
  const firstSeen = new Map<string, { renewal: string; at: number }>()
  return {
    see(seen) {
      const names = new Set(seen.map(({ lease }) => lease.metadata.name))
      for (const name of firstSeen.keys()) if (!names.has(name)) firstSeen.delete(name)
      for (const { lease, record } of seen) {
        const renewal = `${record.session} ${lease.spec.renewTime}`
        const known = firstSeen.get(lease.metadata.name)
        if (known?.renewal !== renewal) firstSeen.set(lease.metadata.name, { renewal, at: clock.now() })
      }
    },
    expired({ lease }) {
      const known = firstSeen.get(lease.metadata.name)
      return known !== undefined && clock.now() - known.at >= expireMs
    }
  }
}

/** By its own words and our calendar: a guess for whoever cannot wait and see. */
export const looksExpired = ({ lease }: SeenLease, now: Date): boolean =>
  now.getTime() - Date.parse(lease.spec.renewTime) > EXPIRES_SECONDS * 1_000
