/** The end of a claim by somebody else's doing: asked for, or found out. Told once, and from then on nothing is held any more. */
import type { Asker, ClaimRecord } from './lease.ts'
import type { ClaimOptions } from './types.ts'
import type { ClaimVoice } from './voice.ts'

export interface StepBack {
  /** It was told, or there is nobody to tell any more. */
  readonly done: boolean
  asked(by: Asker): void
  /** Somebody took it while we were not heard of. */
  lost(by: ClaimRecord): void
  /** We leave by ourselves. */
  close(): void
}

export function stepBack({ emit, onTaken, voice }: Pick<ClaimOptions, 'emit' | 'onTaken'> & { voice: ClaimVoice }): StepBack {
  let done = false
  const once = (by: Asker, say: () => void): void => {
    if (done) return
    done = true
    say()
    onTaken(by)
  }
  return {
    get done() {
      return done
    },
    asked: by => once(by, () => emit('claim', { action: 'taken', holder: by.user })),
    lost: by => once(by, () => voice.lost(by)),
    close() {
      done = true
    }
  }
}
