/** Whether anybody serves a tunnel before we do, where no cluster tells: a mistyped tunnel id leads to an empty tunnel, and leaving breaks nothing there. */
import { deadline } from '../base/clock.ts'
import { asError } from '../base/errors.ts'
import { shortTunnel } from '../base/format.ts'
import { STATUS } from '../relay/message.ts'
import { sendProbe } from '../route/relay-probe.ts'
import type { VisitorWay } from '../route/types.ts'
import type { RunningTarget } from './running-target.ts'

const WAIT_MS = 2_000

/** Undefined: could not be asked. Says so when nobody does. */
export async function servedNow(
  { options }: RunningTarget,
  ways: readonly VisitorWay[],
  signal: AbortSignal
): Promise<boolean | undefined> {
  const { plan, clock, emit, log, random } = options
  const dial = ways.find(way => way.dial !== undefined)?.dial
  if (dial === undefined) return undefined
  const limit = deadline(clock, WAIT_MS, () => new Error('no answer in time'), signal)
  try {
    const status = await sendProbe(dial, { tunnelId: plan.tunnelId, nonce: random() }, limit.signal)
    if (status === STATUS.OK) return true
    if (status !== STATUS.SERVICE_UNAVAILABLE) return undefined
  } catch (error) {
    signal.throwIfAborted()
    log.debug('not known who serves the tunnel', { error: asError(error) })
    return undefined
  } finally {
    limit.done()
  }
  emit(
    'notice',
    {
      level: 'warn',
      code: 'TUNNEL_EMPTY',
      message: `nobody serves tunnel ${shortTunnel(plan.tunnelId)} at this server: with a mistyped --tunnel-id no visitor would come`,
      hint: "compare the id with that of the sidecars and of the server's rules"
    },
    { target: plan.name }
  )
  return false
}
