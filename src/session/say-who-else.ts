/** Tells people when another session of ours takes visitors of the same tunnel: connectors of one weight share them at random. */
import type { VisitorWay } from '../route/types.ts'
import { whoElse } from '../route/who-else.ts'
import type { InterceptOptions } from './options.ts'

type Options = Pick<InterceptOptions, 'plan' | 'clock' | 'emit' | 'session'> & {
  /** Told already. */
  known: (session: string) => boolean
}

/** Never rejects: what cannot be asked is not said. */
export async function sayWhoElse(
  { plan, clock, emit, session, known }: Options,
  ways: readonly VisitorWay[],
  signal: AbortSignal
): Promise<void> {
  const dial = ways.find(way => way.dial !== undefined)?.dial
  if (dial === undefined) return
  const found = await whoElse(dial, { tunnelId: plan.tunnelId, clock, asks: 8 }, signal)
  for (const other of found.filter(each => each.session !== session && !known(each.session))) {
    emit('notice', {
      level: 'warn',
      code: 'SHARED',
      message: `another kubectl intercept takes visitors of ${plan.name} too: ${other.user} with weight ${other.weight}`,
      hint: 'you share them at random: agree who steps back'
    })
  }
}
