/** The exchanges of one target, and with `--mirror` the copies that are made of them: each needs the other. */
import type { Dial } from '../base/connection.ts'
import { pathNonceOf } from '../tunnel/probe-names.ts'
import { type Exchanges, exchanges } from './exchanges.ts'
import { type Mirroring, mirroring, remembering } from './mirroring.ts'
import type { InterceptOptions } from './options.ts'

export interface WatchedExchanges {
  exchanges: Exchanges
  mirroring: Mirroring | undefined
}

/** `dial`: the local app. */
export function watchedExchanges(options: InterceptOptions, dial: Dial): WatchedExchanges {
  const { plan, clock, emit, nextId, settings } = options
  const { mirror, filter } = settings
  const about = { clock, emit, nextId, target: plan.name }
  if (mirror === undefined) return { exchanges: exchanges({ ...about, capture: options.capture }), mirroring: undefined }
  const capture = remembering(options.capture)
  const watched: WatchedExchanges & { mirroring: Mirroring } = {
    exchanges: exchanges({ ...about, capture, onCompleted: id => watched.mirroring.answered(id) }),
    mirroring: mirroring({
      ...options,
      settings: mirror,
      filter,
      dial,
      capture,
      exchanges: () => watched.exchanges,
      isProbe: path => pathNonceOf(path) !== undefined
    })
  }
  return watched
}
