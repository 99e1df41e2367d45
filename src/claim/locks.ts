/** Getting a Lease of some name, which is a lock: at once, when whoever had it is gone, or by asking for it. */
import { sleep } from '../base/clock.ts'
import { looksExpired } from './freshness.ts'
import type { ClaimRecord, SeenLease } from './lease.ts'
import type { LeaseStore } from './lease-store.ts'
import type { ClaimOptions, ClaimTimes } from './types.ts'
import type { ClaimVoice } from './voice.ts'

/** Others change the same Lease: after so many rounds something else is wrong. */
const MAX_ROUNDS = 20

export interface LocksOptions extends Pick<ClaimOptions, 'clock' | 'session' | 'user'> {
  store: LeaseStore
  times: ClaimTimes
  voice: ClaimVoice
  /** Its session is known not to run any more. */
  gone: (seen: SeenLease) => boolean
}

export interface Locks {
  /** Ours, or somebody else's who is live. With a signal one that looks left over is watched for as long as it takes to be sure. */
  acquire(name: string, record: ClaimRecord, signal?: AbortSignal): Promise<SeenLease>
  /** Asks, waits, and takes it in the end. */
  takeOver(name: string, record: ClaimRecord, signal: AbortSignal): Promise<SeenLease>
}

async function retried<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const got = await attempt()
    if (got !== undefined) return got
  }
  throw new Error('a Lease is not as kubectl intercept writes it, or changes all the time')
}

export function locks({ store, times, voice, gone, clock, session, user }: LocksOptions): Locks {
  /** Makes it, or finds who has it. */
  const make = (name: string, record: ClaimRecord): Promise<{ got: SeenLease; made: boolean }> =>
    retried(async () => {
      const created = await store.create(name, record)
      const got = created ?? (await store.find(name))
      return got === undefined ? undefined : { got, made: created !== undefined }
    })
  const isLeft = async (found: SeenLease, signal: AbortSignal | undefined): Promise<boolean> => {
    if (gone(found)) return true
    if (signal === undefined || !looksExpired(found, clock.date())) return false
    voice.old(found.record.user, times.expireMs)
    const until = clock.now() + times.expireMs
    while (clock.now() < until) {
      await sleep(clock, times.tickMs, signal)
      const now = await store.find(found.lease.metadata.name)
      if (now?.lease.spec.renewTime !== found.lease.spec.renewTime) return false
    }
    return true
  }
  return {
    acquire: (name, record, signal) =>
      retried(async () => {
        const { got: found, made } = await make(name, record)
        if (made) return found
        if (found.record.session === session) return store.replace(found, record)
        const left = await isLeft(found, signal)
        if (!left) {
          const now = await store.find(name)
          return now?.record.session === found.record.session ? now : undefined
        }
        const replaced = await store.replace(found, record)
        if (replaced !== undefined) voice.say('expired', found.record)
        return replaced
      }),
    async takeOver(name, record, signal) {
      const asked = new Set<string>()
      const until = clock.now() + times.handOverMs
      for (;;) {
        const { got: found } = await make(name, record)
        if (found.record.session === session) return found
        if (clock.now() >= until) {
          const taken = await store.replace(found, record)
          if (taken === undefined) continue
          voice.stuck(found.record.user, times.handOverMs)
          return taken
        }
        if (!asked.has(found.record.session) && (await store.ask(found, { session, user })) !== undefined) {
          asked.add(found.record.session)
          voice.asked(found.record.user)
        }
        await sleep(clock, times.handOverMs / 25, signal)
      }
    }
  }
}
