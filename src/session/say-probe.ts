/** What one visitor's request of ours found out, told as an event. */
import type { Emit } from '../event/types.ts'

export interface PathProbe {
  attempt: number
  of: number
  ms: number
  /** What answered, as far as anything did. */
  status: number | undefined
  /** The hop that lost it; undefined when it arrived here. */
  hop: string | undefined
}

export function sayPathProbe(emit: Emit, target: string, { attempt, of, ms, status, hop }: PathProbe): void {
  emit(
    'probe',
    {
      purpose: 'verify',
      proof: 'path',
      attempt,
      of,
      ok: hop === undefined,
      ms: Math.round(ms),
      ...(status === undefined ? {} : { status }),
      ...(hop === undefined ? {} : { hop })
    },
    { target }
  )
}
