/** The links of a running target bound anew at its weight, while visitors come: the new ones are there before the old ones end. */
import { sleep } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { part } from './leave-quietly.ts'
import type { RunningTarget } from './running-target.ts'
import { targetGrace, withGrace } from './with-grace.ts'

export interface Rebinding {
  target: RunningTarget
  /** Aborts when the target is left for good. */
  leaving: AbortSignal
  /** Proves all bound replicas anew. */
  prove: () => void
}

const MAX_WEIGHT = 255
/** Visitors who were given to the old link before the new one was bound are still on their way. */
const LINGER_MS = 2_000

/** Throws when one replica cannot be bound: all keep what they have. */
export async function rebind({ target, leaving, prove }: Rebinding): Promise<void> {
  const { facts, options, replicas, stop } = target
  if (replicas === undefined) return
  const retire = await replicas.rebind(facts.weight, AbortSignal.any([stop, leaving]))
  // A server of ours is told to send no more, and a stock one sends no more beside 255: the old link may end in its own time.
  if (options.plan.server.peer !== 'gost' || facts.weight === MAX_WEIGHT) {
    const lingerMs = options.plan.server.peer === 'gost' ? LINGER_MS : 0
    const ended = lingerMs === 0 ? retire(stop) : sleep(options.clock, lingerMs, stop).then(() => retire(stop))
    ended.catch(error => options.log.debug('an old link did not end', { error: asError(error) }))
    return
  }
  await withGrace(targetGrace(target), signal => part(target, { replicas, retire }, signal))
  if (!facts.draining) prove()
}
