/** What a claim says: events for programs, sentences for people. */
import { shownFilterText } from '../filter/shown.ts'
import type { ClaimRecord } from './lease.ts'
import type { ClaimOptions } from './types.ts'
import { sinceWords, takenError, whatWords } from './words.ts'

type Action = 'acquired' | 'refused' | 'taken' | 'released' | 'expired' | 'beside'

export interface ClaimVoice {
  say(action: Action, record: ClaimRecord): void
  /** TAKEN, to be thrown. */
  refused(by: ClaimRecord, why?: string): Error
  shares(record: ClaimRecord, hint: string): void
  /** Somebody is there too; once for each session, and not where that was said with more words. `both`: we want all visitors, as they do. */
  beside(record: ClaimRecord, both: boolean): void
  /** A lower weight beside somebody who has all. */
  excluded(by: ClaimRecord, weight: number): void
  asked(user: string): void
  /** Somebody who was asked did not step back within so many ms. */
  stuck(user: string, ms: number): void
  /** Somebody seems to be gone; so many ms make it sure. */
  old(user: string, ms: number): void
  lost(by: ClaimRecord): void
  unavailable(why: string): void
}

export function claimVoice({ plan, clock, emit }: Pick<ClaimOptions, 'plan' | 'clock' | 'emit'>): ClaimVoice {
  const { name, namespace } = plan
  const since = (record: ClaimRecord): string => sinceWords(record.since, clock.date())
  const notice = (level: 'info' | 'warn', code: string, words: { message: string; hint?: string }): void =>
    emit('notice', { level, code, ...words })
  const gone = new Set<string>()
  /** Sessions. */
  const known = new Set<string>()
  /** Whoever was asked to. */
  const leaving = new Set<string>()
  const voice: ClaimVoice = {
    say(action, { session, user, since: at, weight, filter }) {
      // It may have left two Leases.
      if (action === 'expired' && gone.has(session)) return
      if (action === 'expired') gone.add(session)
      emit('claim', { action, holder: user, since: at, weight, ...(filter === undefined ? {} : { filter: shownFilterText(filter) }) })
    },
    refused(by, why) {
      voice.say('refused', by)
      return takenError(by, { name, now: clock.date(), why })
    },
    shares(record, hint) {
      if (!known.has(record.session)) notice('warn', 'SHARED', { message: `${record.user} has ${name} too, since ${since(record)}`, hint })
      known.add(record.session)
    },
    beside(record, both) {
      if (known.has(record.session) || leaving.has(record.user)) return
      voice.say('beside', record)
      if (both) return voice.shares(record, 'you share its visitors at random')
      known.add(record.session)
      notice('info', 'BESIDE', { message: `${record.user} intercepts ${name} too, since ${since(record)} (${whatWords(record)})` })
    },
    excluded(by, weight) {
      known.add(by.session)
      notice('warn', 'EXCLUDED', {
        message: `${by.user} has ${name} since ${since(by)} (${whatWords(by)}): beside that, weight ${weight} gets no visitor`,
        hint: 'share them at random with --join and without --weight, or agree who lowers the weight: kubectl intercept list'
      })
    },
    asked(user) {
      leaving.add(user)
      notice('info', 'TAKEOVER', { message: `asked ${user} to hand ${name} over` })
    },
    stuck: (user, ms) =>
      notice('warn', 'SHARED', {
        message: `${user} did not step back from ${name} within ${ms / 1_000} s`,
        hint: 'if that session is stuck, you share the visitors at random until the server drops it'
      }),
    old: (user, ms) =>
      notice('info', 'CLAIM_OLD', {
        message: `${user} had ${name} and seems to be gone: waiting up to ${Math.round(ms / 1_000)} s to be sure`
      }),
    lost(by) {
      voice.say('taken', by)
      notice('warn', 'CLAIM_TAKEN', {
        message: `${by.user} has ${name} since ${since(by)}: this session was not heard of for too long, and gives it up`,
        hint: 'have it handed back: the same command again, with --takeover'
      })
    },
    unavailable(why) {
      emit('claim', { action: 'unavailable' })
      notice('warn', 'CLAIM_UNAVAILABLE', {
        message: `others cannot see that you intercept ${name}, and are not kept away from it: ${why}`,
        hint: `kubectl auth can-i create leases.coordination.k8s.io -n ${namespace}`
      })
    }
  }
  return voice
}
