/** Says a target's state when it, or the detail beside it, changed. */
import type { Emit, TargetState } from '../event/types.ts'
import { servingOf, stateOf, type TargetFacts } from './state.ts'

export interface StateVoice {
  /** What stands beside the state on the screen. */
  detail: string | undefined
  /** Why not all replicas are held, where that is known. */
  missing: string | undefined
  say(cause: string): void
}

export function stateVoice(emit: Emit, facts: TargetFacts): StateVoice {
  let said: { state: TargetState; detail: string | undefined } = { state: 'resolving', detail: undefined }
  const voice: StateVoice = {
    detail: undefined,
    missing: undefined,
    say(cause) {
      const to = stateOf(facts)
      const detail =
        to === 'partial'
          ? `${facts.bound}/${facts.replicas} replicas${voice.missing === undefined ? '' : `: ${voice.missing}`}`
          : voice.detail
      if (to === said.state && detail === said.detail) return
      const from = said.state
      said = { state: to, detail }
      emit('target.state', { from, to, cause, serving: servingOf(facts), ...(detail === undefined ? {} : { detail }) })
    }
  }
  return voice
}
