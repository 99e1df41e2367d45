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

interface Leaving {
  replicas: ReplicaSet
  exchanges: Pick<Exchanges, 'answered'>
  clock: Clock
}

/** Does `part` with a signal that aborts in such a moment, or with `signal`. */
async function inQuiet(
  { replicas, exchanges, clock }: Leaving,
  part: (signal: AbortSignal) => Promise<void>,
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
    await part(AbortSignal.any([signal, quiet.signal]))
  } finally {
    looking.cancel()
  }
}

/** A server of ours is told to send no more, and a tunnel of anything but HTTP tells of no answers. */
const needsQuiet = ({ options }: RunningTarget): boolean => options.plan.server.peer === 'gost' && options.plan.protocol === 'http'

/** Withdraws all connectors. */
export const leave = (target: RunningTarget, replicas: ReplicaSet, signal: AbortSignal): Promise<void> =>
  part(target, { replicas, retire: until => replicas.withdraw(until) }, signal)

/** Lets go of links that would still be chosen, as all are that a stock server prefers or shares among. */
export async function part(
  target: RunningTarget,
  { replicas, retire }: { replicas: ReplicaSet; retire: (signal: AbortSignal) => Promise<void> },
  signal: AbortSignal
): Promise<void> {
  if (!needsQuiet(target)) return retire(signal)
  return inQuiet({ replicas, exchanges: target.exchanges, clock: target.options.clock }, retire, signal)
}
