/** Which exchanges are listed, and which part of them is on the screen. Pure; looks at the log only when asked. */
import type { ExchangeLog, KeptExchange } from '../capture/kept.ts'
import { subjectOf } from '../filter/subject.ts'
import type { Model } from './model.ts'

export interface Rows {
  /** All that are listed, oldest first. */
  readonly all: readonly KeptExchange[]
  /** Where the cursor is in `all`; -1 in an empty list. */
  readonly at: number
  /** The first one on the screen. */
  readonly top: number
}

export function chooseRows(model: Model, log: ExchangeLog, height: number): Rows {
  const all = listed(model, log)
  if (all.length === 0) return { all, at: -1, top: 0 }
  const last = all.length - 1
  const found = model.following ? last : all.findIndex(({ id }) => id === model.cursor)
  // A cursor whose exchange was forgotten stands on the oldest that is left.
  const at = found === -1 ? 0 : found
  const line = Math.max(0, Math.min(model.following ? last : model.cursorLine, height - 1))
  return { all, at, top: Math.max(0, at - line) }
}

function listed({ filter, onlyTarget, target }: Model, log: ExchangeLog): KeptExchange[] {
  const all: KeptExchange[] = []
  for (let index = 0; index < log.size; index += 1) {
    const exchange = log.at(index)
    if (exchange === undefined) continue
    if (onlyTarget && target !== undefined && exchange.target !== target) continue
    if (filter !== undefined && !filter.matches(subjectOf(exchange))) continue
    all.push(exchange)
  }
  return all
}
