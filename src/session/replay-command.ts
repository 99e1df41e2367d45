/** `replay`: an exchange that the session remembers, sent once more to the local app, as it was or edited, and its answer compared with the first. */
import type { Endpoint } from '../base/connection.ts'
import { formatEndpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { compareAnswers } from '../capture/compare.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { requestFromText } from '../capture/message-text.ts'
import { replayable, type ReplayRequest } from '../replay/replayable.ts'
import { sendAgain } from '../replay/send-again.ts'
import { dialTcp } from '../transport/tcp.ts'
import type { CommandRun, InterceptContext } from './request.ts'

export interface ReplayCommandOptions {
  locals: ReadonlyMap<string, Endpoint>
  context: Pick<InterceptContext, 'clock' | 'events' | 'now' | 'capture'>
  nextId: () => string
}

/** Answers `{ id, equal, status }` of the new exchange. */
export function replayCommand({ locals, context, nextId }: ReplayCommandOptions): CommandRun {
  const { clock, events, now, capture } = context
  return async ({ id, text }) => {
    const store = capture?.store
    const before = typeof id === 'string' ? store?.get(id) : undefined
    if (store === undefined || before === undefined) {
      throw new InterceptError(
        'BAD_USAGE',
        store === undefined ? 'this session remembers no exchanges' : `#${String(id)} is no longer remembered`,
        {
          hint: 'a session with a screen remembers the last 2,000: kubectl intercept svc/nginx -o tui'
        }
      )
    }
    const request = typeof text === 'string' ? edited(before, text) : replayable(before, `#${before.id}`)
    const fresh = nextId()
    const local = localOf(locals, before.target)
    await sendAgain(request, {
      dial: dialTcp(local),
      address: formatEndpoint(local),
      clock,
      signal: now,
      observe: {
        emit: (type, body) => events.emit(type, body, before.target === undefined ? {} : { target: before.target }),
        nextId: () => fresh,
        of: before.id,
        target: before.target,
        store,
        ...(capture?.mask === undefined ? {} : { mask: capture.mask })
      }
    })
    return compared(before, store.get(fresh), context, fresh)
  }
}

function edited(before: KeptExchange, text: string): ReplayRequest {
  if (before.request === undefined) return replayable(before, `#${before.id}`)
  return requestFromText(text, before.request)
}

/** The session's only target, where the exchange does not say. */
function localOf(locals: ReadonlyMap<string, Endpoint>, target: string | undefined): Endpoint {
  const [first] = locals.values()
  const local = target === undefined ? first : locals.get(target)
  if (local === undefined) throw new InterceptError('NO_SESSION', `this session does not intercept ${target ?? 'anything'} any more`)
  return local
}

function compared(before: KeptExchange, after: KeptExchange | undefined, { events, capture }: ReplayCommandOptions['context'], id: string) {
  if (after?.response === undefined || before.response === undefined) return { id, equal: false }
  const { equal, status, headers, body } = compareAnswers(before.response, after.response, capture?.mask)
  capture?.store?.compared(id, equal)
  events.emit(
    'exchange.compared',
    {
      id,
      of: before.id,
      kind: 'replay',
      equal,
      headers: [...headers],
      ...(status === undefined ? {} : { status }),
      ...(body === undefined ? {} : { body })
    },
    before.target === undefined ? {} : { target: before.target }
  )
  return { id, equal, status: after.response.status }
}
