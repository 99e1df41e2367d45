/** A target before it starts: what its options come to, and what makes them impossible on its tunnel. */
import type { Exchanges } from './exchanges.ts'
import { checkMirror } from './mirroring.ts'
import type { InterceptOptions } from './options.ts'
import { checkFilter, looksHere } from './personal.ts'
import type { RunningTarget } from './running-target.ts'
import { stateVoice } from './state-voice.ts'
import { initialFacts, type TargetFacts } from './state.ts'
import { hostsUnknown } from './verify.ts'
import { expressed, knownSidecars } from './wanted-share.ts'
import type { WayBack } from './way-back.ts'

/** Throws BAD_USAGE or SHARE_UNAVAILABLE. */
export function checkOptions({ plan, settings }: InterceptOptions, way: WayBack): void {
  if (settings.filter !== undefined) checkFilter(plan, settings.filter, way.possible)
  if (settings.mirror !== undefined) checkMirror(plan, way.possible)
}

/** Throws SHARE_UNAVAILABLE. */
export function newTarget(
  options: InterceptOptions,
  { way, exchanges, stop }: { way: WayBack; exchanges: Exchanges; stop: AbortSignal }
): RunningTarget {
  const { plan, settings, emit } = options
  // A server of ours sends a mirror no visitor, whatever its weight; should it be a stock one after all, as few as can be.
  const copiesOnly = settings.mirror !== undefined && !looksHere(plan)
  const split = expressed(copiesOnly ? { weight: 1, split: undefined } : settings, knownSidecars(plan, plan.sidecars), way.possible)
  const facts: TargetFacts = {
    ...initialFacts,
    canReturn: way.open,
    weight: split.weight,
    thinning: split.keep,
    filter: settings.filter,
    mirrored: settings.mirror !== undefined,
    hostsUnknown: hostsUnknown(plan)
  }
  return {
    options,
    facts,
    voice: stateVoice(emit, facts),
    exchanges,
    stop,
    servedBefore: undefined,
    sidecars: plan.sidecars,
    claim: undefined,
    privateTunnel: undefined,
    guests: [],
    replicas: undefined
  }
}
