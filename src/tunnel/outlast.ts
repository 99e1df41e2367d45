/**
 * What becomes of a silent link once another is bound beside it: it is heard again and let go of, or given up. While its ghost may live on a
 * stock server (≤ 60 s), nine links at 255 stand in for one, so that the ghost gets a tenth of the requests instead of half.
 */
import { type Clock, pause, sleep } from '../base/clock.ts'
import type { Logger } from '../base/log.ts'
import type { Link } from './link.ts'
import { isHeard, type Links, retire } from './links.ts'

export interface OutlastOptions {
  clock: Clock
  log: Logger
  /** How long a stock server may keep a connection that it was not told about. */
  ghostMs?: number
  /** Links at 255 while a ghost may live. */
  ghostLinks?: number
}

const MAX_WEIGHT = 255
/** A stock server gives up a request that is not answered for so long. */
const VISITOR_WAIT_MS = 15_000
/** A link that was silent for less may still serve them: what got lost is sent again after as long a pause as the outage at most. */
const PATIENCE_MS = 12_000

/** Ends once the old link and all that stood beside it are gone. */
export async function outlast(old: Link, links: Links, options: OutlastOptions, until: AbortSignal): Promise<void> {
  const { clock, log, ghostMs = 60_000, ghostLinks = 9 } = options
  const { silentMs } = old
  const outnumbered = old.peer === 'gost' && old.weight === MAX_WEIGHT
  if (old.ended && !(await old.closed).ghost) return
  const beside = outnumbered ? links.openMore(ghostLinks - 1, until) : Promise.resolve([])
  if (silentMs <= PATIENCE_MS) await pause(clock, silentMs + 1_000, { signal: until, unless: old.turn })
  if (old.silent) old.reset('the tunnel server stayed silent')
  const extra = await beside
  const heard = isHeard(old)
  // What was held up comes in slowly, so a moment without streams says nothing yet.
  if (heard) await sleep(clock, VISITOR_WAIT_MS, until)
  else if ((await old.closed).ghost && outnumbered) {
    log.info('links beside a ghost', { count: extra.length })
    await sleep(clock, ghostMs, until)
  }
  await retire(heard ? [old, ...extra] : extra, until)
}
