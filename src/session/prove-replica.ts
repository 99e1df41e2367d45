/** The proofs of one replica of a running target, begun anew: what was under way ends, and each verdict becomes a fact and words. */
import { copiesOnly, mirrorWords } from './mirror-state.ts'
import { nonces } from './personal.ts'
import type { ProbeBoard } from './probe-board.ts'
import { prove, verdictWords } from './proofs.ts'
import type { Replica } from './replica-set.ts'
import { allVerified, planOf, type RunningTarget } from './running-target.ts'
import type { Verdict } from './verify.ts'
import { arrivingShare } from './wanted-share.ts'

export function proveReplica(target: RunningTarget, replica: Replica, board: ProbeBoard): void {
  const { facts, voice, stop, options } = target
  const { connector } = replica
  replica.proving.abort()
  replica.proving = new AbortController()
  const signal = AbortSignal.any([stop, replica.proving.signal])
  const onVerdict = (verdict: Verdict): void => {
    replica.verified = verdict.kind === 'verified'
    facts.verified = allVerified(target)
    voice.detail = facts.mirrored ? mirrorWords(target, verdict) : verdictWords(verdict)
    voice.say(verdict.kind)
  }
  if (copiesOnly(target)) return onVerdict({ kind: 'verified', ms: 0 })
  const proof = {
    ...options,
    plan: planOf(target, facts.guest),
    random: nonces(target),
    replica,
    board,
    share: arrivingShare(target),
    over: () => connector.phase !== 'bound' || facts.draining || signal.aborted,
    onVerdict
  }
  void prove(proof, signal)
}
