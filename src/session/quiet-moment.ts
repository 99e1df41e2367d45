/**
 * The moment in which links to a stock server are closed, which has no "send no more": nobody waits for an answer. The streams themselves take a
 * round trip longer to end, so that under load there is always one, and those of a keep-alive pool never end.
 */
import { setImmediate } from 'node:timers'
import type { Clock } from '../base/clock.ts'
import type { Exchanges } from './exchanges.ts'
import type { ReplicaSet } from './replica-set.ts'

const LOOK_MS = 2

export interface Quiet {
  replicas: Pick<ReplicaSet, 'active'>
  exchanges: Pick<Exchanges, 'answered'>
  clock: Clock
}

/** Runs `leave` with a signal that aborts in such a moment, or when `signal` does: what it waits for is then over. */
export async function inQuietMoment(
  { replicas, exchanges, clock }: Quiet,
  leave: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal
): Promise<void> {
  const quiet = new AbortController()
  const isQuiet = (): boolean => replicas.active <= exchanges.answered
  // Twice: what has arrived meanwhile is read in between, and a visitor may be in it.
  const look = (): void => {
    if (isQuiet()) setImmediate(() => isQuiet() && quiet.abort(new Error('nobody waits for an answer')))
  }
  const looking = clock.every(LOOK_MS, look, { unref: true })
  try {
    await leave(AbortSignal.any([signal, quiet.signal]))
  } finally {
    looking.cancel()
  }
}
