/**
 * The moment in which a stock server is left, which has no "send no more": nobody waits for an answer. The streams themselves take a round
 * trip longer to end, so that under load there is always one, and those of a keep-alive pool never end.
 */
import { setImmediate } from 'node:timers'
import type { Clock } from '../base/clock.ts'
import type { Exchanges } from './exchanges.ts'
import type { ReplicaSet } from './replica-set.ts'
import type { RunningTarget } from './running-target.ts'

const LOOK_MS = 2

export interface Leaving {
  replicas: ReplicaSet
  exchanges: Pick<Exchanges, 'answered'>
  clock: Clock
}

/** Withdraws all connectors in such a moment, or when `signal` aborts. */
export async function leaveQuietly({ replicas, exchanges, clock }: Leaving, signal: AbortSignal): Promise<void> {
  const quiet = new AbortController()
  const isQuiet = (): boolean => replicas.active <= exchanges.answered
  // Twice: what has arrived meanwhile is read in between, and a visitor may be in it.
  const look = (): void => {
    if (isQuiet()) setImmediate(() => isQuiet() && quiet.abort(new Error('nobody waits for an answer')))
  }
  const looking = clock.every(LOOK_MS, look, { unref: true })
  try {
    await replicas.withdraw(AbortSignal.any([signal, quiet.signal]))
  } finally {
    looking.cancel()
  }
}

/** A server of ours is told to send no more, and a tunnel of anything but HTTP tells of no answers. */
export function leave({ options, exchanges }: RunningTarget, replicas: ReplicaSet, signal: AbortSignal): Promise<void> {
  const { protocol, server } = options.plan
  if (server.peer !== 'gost' || protocol !== 'http') return replicas.withdraw(signal)
  return leaveQuietly({ replicas, exchanges, clock: options.clock }, signal)
}
