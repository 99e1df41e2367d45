/** Where the requests of a running target go: what is known in the moment of asking, told to `decide.ts` and `guests.ts`. */
import type { Filter } from '../filter/filter.ts'
import { type Personal, personalOf } from '../server/personal.ts'
import type { LocalApp } from '../transport/local-app.ts'
import type { Answering } from './answering.ts'
import { decide } from './decide.ts'
import type { Asking, Decision } from './gate.ts'
import { whose } from './guests.ts'
import { askedBy, looksHere } from './personal.ts'
import type { RunningTarget } from './running-target.ts'
import type { WayBack } from './way-back.ts'

export interface DecidingOptions {
  target: RunningTarget
  way: WayBack
  local: LocalApp
  answering: Answering
}

export interface Deciding {
  /** It depends on the request. */
  readonly looks: boolean
  /** Requests of one stream may go different ways. */
  readonly perRequest: boolean
  decide(asking: Asking): Decision
}

export function deciding({ target, way, local, answering }: DecidingOptions): Deciding {
  const { facts, options } = target
  const { plan, session, settings } = options
  /** The filter, made ready for comparing. */
  let own: { filter: Filter | undefined; personal: Personal | undefined } | undefined
  const personal = (): Personal | undefined => {
    const { filter } = facts
    if (own === undefined || filter !== own.filter) own = { filter, personal: filter && personalOf(filter, session) }
    return own.personal
  }
  const looks = (): boolean =>
    !facts.mirrored && looksHere(plan) && (facts.filter !== undefined || (!facts.guest && target.guests.length > 0))
  return {
    get looks() {
      return looks()
    },
    get perRequest() {
      return plan.server.keepalive && (facts.thinning < 1 || looks())
    },
    decide({ head, source, passed }) {
      const guests = passed || facts.guest ? [] : target.guests
      const found = looks() ? whose(askedBy(head, source), { own: personal(), guests, random: Math.random }) : 'mine'
      if (typeof found === 'object') return { to: 'guest', guest: found }
      const known = {
        mirrored: facts.mirrored,
        mine: found === 'mine',
        canReturn: way.open,
        localUp: local.up,
        givesPaused: settings.onPause === 'cluster' && answering.paused,
        keep: facts.thinning
      }
      return decide(known, Math.random())
    }
  }
}
