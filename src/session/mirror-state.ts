/** What a mirror means for the state of its target. */
import { formatShare } from '../base/format.ts'
import { looksHere } from './personal.ts'
import { verdictWords } from './proofs.ts'
import type { RunningTarget } from './running-target.ts'
import type { Verdict } from './verify.ts'

/** A server of ours sends copies and no visitor: no probe can arrive, and its welcome is the proof. */
export const copiesOnly = ({ options, facts }: RunningTarget): boolean => facts.mirrored && !looksHere(options.plan)

/** `– mirroring`, `38 ms – mirroring, visitors pass this laptop`. */
export function mirrorWords(target: RunningTarget, verdict: Verdict): string {
  const { rate = 1 } = target.options.settings.mirror ?? {}
  const part = rate === 1 ? 'mirroring' : `mirroring ${formatShare(rate)}`
  return copiesOnly(target) ? `– ${part}` : `${verdictWords(verdict)} – ${part}, visitors pass this laptop`
}
