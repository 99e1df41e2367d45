/** Recorded requests, sent one after the other in their order, and what became of each. */
import type { Clock } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { compareAnswers, type Comparison } from '../capture/compare.ts'
import { ExchangeStore } from '../capture/exchange-store.ts'
import type { KeptExchange } from '../capture/kept.ts'
import type { Emit, Header } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import { subjectOf } from '../filter/subject.ts'
import type { RecordedExchange } from './recorded.ts'
import { replayable, withHeaders, withoutMasks } from './replayable.ts'
import { sendAgain } from './send-again.ts'

export interface Destination {
  readonly dial: Dial
  /** For the words of an error. */
  readonly address: string
}

export interface ReplayAllOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: Emit
  /** All must match. */
  readonly filters: readonly Filter[]
  readonly setHeaders: readonly Header[]
  /** Throws where nobody knows where a target's app is. */
  readonly destination: (target: string | undefined) => Destination
}

export interface Replayed {
  readonly recorded: RecordedExchange
  /** Undefined when it was not sent. */
  readonly after?: KeptExchange
  /** Undefined when one of the two has no answer. */
  readonly comparison?: Comparison
  /** Why it was not sent. */
  readonly refused?: InterceptError
}

/** Skips what was itself a replay and what is no request. Throws LOCAL_UNREACHABLE at the first one that nobody accepts. */
export async function* replayAll(exchanges: readonly RecordedExchange[], options: ReplayAllOptions): AsyncGenerator<Replayed> {
  let count = 0
  for (const recorded of exchanges) {
    if (recorded.request === undefined || recorded.who === 'replay' || recorded.who === 'mirror') continue
    if (!options.filters.every(filter => filter.matches(subjectOf(recorded)))) continue
    options.signal.throwIfAborted()
    yield await replayOne(recorded, String((count += 1)), options)
  }
}

async function replayOne(
  recorded: RecordedExchange,
  id: string,
  { clock, signal, emit, setHeaders, destination }: ReplayAllOptions
): Promise<Replayed> {
  const name = `request ${recorded.id} (${recorded.request?.method ?? ''} ${recorded.request?.path ?? ''})`
  // One at a time is remembered: a recording of any length needs no more memory than its largest answer.
  const store = new ExchangeStore({ exchanges: 1, bodyBytes: 1_048_576 })
  try {
    const request = withoutMasks(withHeaders(replayable(recorded, name), setHeaders), name)
    const observe = { emit, nextId: () => id, of: recorded.id, store }
    await sendAgain(request, { ...destination(recorded.target), clock, signal, observe })
  } catch (error) {
    if (error instanceof InterceptError && error.code === 'CANNOT_REPLAY') return { recorded, refused: error }
    throw error
  }
  const after = store.get(id)
  if (after === undefined || after.response === undefined || recorded.response === undefined) return { recorded, ...(after && { after }) }
  const comparison = compareAnswers(recorded.response, after.response)
  const { equal, status, headers, body } = comparison
  emit('exchange.compared', {
    id,
    of: recorded.id,
    kind: 'replay',
    equal,
    headers: [...headers],
    ...(status && { status }),
    ...(body && { body })
  })
  return { recorded, after, comparison }
}
