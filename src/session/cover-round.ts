/** One round of probes through a shared address: on which replica each connector is, and whether somebody else answers. */
import { sleep } from '../base/clock.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { VisitorWay } from '../route/types.ts'
import { probesFor } from './cover-policy.ts'
import { type CoverProbing, sendCoverProbe } from './cover-probe.ts'
import type { CoverSlots } from './cover-slots.ts'
import { visitorHost } from './verify.ts'

export interface CoverRounds extends Omit<CoverProbing, 'target'> {
  plan: TunnelPlan
  /** What whole weights give us, 0…1. */
  share: () => number
  /** Given back, held or leaving: nothing is to be covered. */
  idle: () => boolean
}

export interface CoverRound {
  way: VisitorWay | undefined
  /** Ready replicas. */
  total: number
  slots: CoverSlots
}

export interface RoundFindings {
  /** Somebody else answered, where nobody else should. */
  stranger: boolean
  /** A probe came back without a name. */
  nameless: boolean
}

const LOST_PAUSE_MS = 200

/** Writes what it sees into the slots. */
export async function coverRound(rounds: CoverRounds, { way, total, slots }: CoverRound, signal: AbortSignal): Promise<RoundFindings> {
  const { plan, clock, idle } = rounds
  const host = visitorHost(plan)
  const found = { stranger: false, nameless: false }
  if (way === undefined || host === undefined) return found
  const share = rounds.share()
  const of = probesFor(total, slots.count, share)
  for (let attempt = 1; attempt <= of && !idle(); attempt += 1) {
    const seen = await sendCoverProbe({ ...rounds, target: plan.name }, { way, host, attempt, of }, signal)
    if (seen.kind === 'here') {
      if (!slots.saw(seen.connector, seen.node)) found.nameless = true
    }
    // Below 255 others answer too, and so does a connection from a pool.
    found.stranger ||= seen.kind === 'stranger' && share === 1 && !plan.server.keepalive
    if (found.nameless || (attempt >= 2 * total && allSeen(slots))) break
    if (seen.kind === 'lost') await sleep(clock, LOST_PAUSE_MS, signal)
  }
  return found
}

const allSeen = (slots: CoverSlots): boolean => slots.all.every(({ bound, seen }) => !bound || seen)
