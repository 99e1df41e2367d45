/** The end of one target: running exchanges end, a guest takes over, the connectors leave, and whether the cluster serves is checked. */
import { asError } from '../base/errors.ts'
import type { Changer } from './change.ts'
import { checkEnd, type EndReport } from './end-check.ts'
import type { Gate } from './gate.ts'
import type { Holding } from './holding.ts'
import { leave } from './leave-quietly.ts'
import type { Mirroring } from './mirroring.ts'
import type { RunningTarget } from './running-target.ts'
import type { Sharing } from './sharing.ts'

export interface Draining {
  target: RunningTarget
  changer: Changer
  gate: Gate
  mirroring: Mirroring | undefined
  sharing: Sharing
  holding: Holding
}

const PROGRESS_MS = 1_000

/** `signal`: whatever still runs then is cut off. */
export async function drain(draining: Draining, signal: AbortSignal): Promise<EndReport> {
  const { target, changer, gate, mirroring, sharing, holding } = draining
  const { facts, voice, options, replicas } = target
  if (replicas === undefined) {
    facts.ended = 'ended'
    voice.detail = `${options.plan.name}: nothing was intercepted; the cluster serves`
    voice.say('left before it was registered')
    return { serving: undefined, line: voice.detail }
  }
  facts.draining = true
  changer.end()
  voice.detail = undefined
  voice.say('leaving')
  const progress = sayProgress(target)
  // First, so that what still runs is seen to be cut off by us.
  signal.addEventListener('abort', () => gate.close(), { once: true })
  mirroring?.end()
  await sharing.handOver(signal)
  // Not those of before: a guest may have become the holder meanwhile.
  await leave(target, target.replicas ?? replicas, signal)
  await holding.leavePrivate(signal)
  progress.cancel()
  // Not waited for: an API server that is away keeps nobody here.
  void target.claim?.close().catch((error: unknown) => options.log.info('claim not removed', { error: asError(error) }))
  const report = await check(target, holding, signal)
  facts.ended = report.serving === false ? 'failed' : 'ended'
  voice.detail = report.line
  voice.say('left')
  return report
}

function sayProgress({ options, exchanges }: RunningTarget): { cancel: () => void } {
  const { clock, emit, settings } = options
  const until = clock.now() + settings.graceMs
  const say = (): void =>
    emit('drain.progress', { inFlight: exchanges.inFlight, remainingMs: Math.max(0, Math.round(until - clock.now())) })
  if (exchanges.inFlight > 0) say()
  return clock.every(PROGRESS_MS, say, { unref: true })
}

async function check({ options, sidecars, servedBefore, stop }: RunningTarget, { ways }: Holding, signal: AbortSignal): Promise<EndReport> {
  const plan = { ...options.plan, sidecars }
  const asked = { ...options, plan, ways, path: options.settings.probePath, servedBefore }
  try {
    return await checkEnd(asked, signal.aborted ? AbortSignal.abort(signal.reason) : stop)
  } catch (error) {
    return { serving: undefined, line: `${plan.name}: left; not checked (${asError(error).message})` }
  }
}
