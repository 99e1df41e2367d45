/** Proofs until they hold: each binding starts anew, what a hop lost is tried again, and said once when it stays lost. */
import { sleep } from '../base/clock.ts'
import type { InterceptOptions } from './options.ts'
import { keepPoolEmpty } from './path-proof.ts'
import type { ProbeBoard } from './probe-board.ts'
import type { Replica } from './replica-set.ts'
import { type Verdict, verify } from './verify.ts'

export interface ProofOptions extends Pick<InterceptOptions, 'plan' | 'clock' | 'emit' | 'random'> {
  replica: Replica
  board: ProbeBoard
  /** What whole weights give us, 0…1. */
  share: number
  /** Nobody waits for an answer any more. */
  over: () => boolean
  onVerdict: (verdict: Verdict) => void
}

const RETRY_MS = [250, 500, 1_000, 2_000, 5_000]
/** After so many rounds a lost proof is worth a notice. */
const NOTICE_ROUND = 2

export async function prove(options: ProofOptions, signal: AbortSignal): Promise<void> {
  const { replica, clock, emit, share } = options
  for (let round = 0; !options.over(); round += 1) {
    const proof = { ...options, route: replica.route, hosts: replica.connector.hosts, exclusive: share === 1 }
    const verdict = await verify(proof, signal).catch(() => undefined)
    if (verdict === undefined || options.over()) return
    options.onVerdict(verdict)
    if (verdict.kind === 'verified') await keepPoolEmpty(proof, options.over, signal)
    if (verdict.kind !== 'lost') return
    if (round === NOTICE_ROUND) {
      emit('notice', {
        level: 'warn',
        code: 'PROOF_LOST',
        message: `registered, but a visitor's request does not arrive: ${verdict.reason}`,
        hint: 'see where it goes: kubectl intercept list -o wide'
      })
    }
    await sleep(clock, RETRY_MS[Math.min(round, RETRY_MS.length - 1)] ?? 0, signal).catch(() => {}) // aborted: `over` says so
  }
}

export function verdictWords(verdict: Verdict): string {
  if (verdict.kind === 'verified') return `${verdict.ms} ms`
  return verdict.kind === 'unverified' ? `unverified: ${verdict.reason}` : verdict.reason
}
