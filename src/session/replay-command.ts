/** `replay` of a running session: a remembered request, as it was or edited, to the local app once more, and both answers compared. */
import type { Clock } from '../base/clock.ts'
import type { Dial } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { printable } from '../base/format.ts'
import type { ExchangeLog, KeptExchange, KeptRequest, KeptResponse } from '../capture/kept.ts'
import type { Emit, EventBody, Header } from '../event/types.ts'
import type { Args } from './request.ts'

/** What is sent: of a kept exchange, or as a person wrote it. */
export interface AgainRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly Header[]
  readonly body: Buffer
  readonly trailers?: readonly Header[]
}

export interface Again {
  dial: Dial
  /** Where that leads, for the words of an error. */
  address: string
  clock: Clock
  signal: AbortSignal
  /** The exchange that is made: `who: replay`. */
  id: string
  of: string
  target: string
}

/** Where the exchanges of a target may be sent again: its local app, and nothing else. */
export interface LocalTarget {
  readonly name: string
  readonly address: string
  readonly dial: Dial
}

export interface ReplayCommandOptions {
  log: Pick<ExchangeLog, 'get'>
  clock: Clock
  emit: Emit
  /** Aborts when the session ends. */
  signal: AbortSignal
  nextId: () => string
  locals: () => readonly LocalTarget[]
  /** `replay/replayable.ts`: throws with the reason why it cannot be sent. */
  replayable: (exchange: KeptExchange, name: string) => AgainRequest
  /** `capture/message-text.ts`: throws BAD_USAGE with the line. */
  requestFromText: (text: string, original: KeptRequest) => AgainRequest
  /** `replay/send-again.ts`: resolves when the exchange is over. */
  sendAgain: (request: AgainRequest, again: Again) => Promise<void>
  /** `capture/compare.ts`. */
  compare: (before: KeptResponse, after: KeptResponse) => Pick<EventBody<'exchange.compared'>, 'equal' | 'status' | 'headers' | 'body'>
}

export const replayCommand =
  (options: ReplayCommandOptions) =>
  async (args: Args): Promise<Args> => {
    const { log, emit, nextId } = options
    const exchange = found(args['id'], log)
    const local = localOf(exchange, options.locals())
    const request = requestOf(args['text'], exchange, options)
    const id = nextId()
    const { dial, address } = local
    await options.sendAgain(request, {
      dial,
      address,
      clock: options.clock,
      signal: options.signal,
      id,
      of: exchange.id,
      target: local.name
    })
    const before = exchange.response
    const after = log.get(id)?.response
    if (before === undefined || after === undefined) return { id, of: exchange.id }
    const { equal, status, headers, body } = options.compare(before, after)
    const compared = { equal, headers, ...(status === undefined ? {} : { status }), ...(body === undefined ? {} : { body }) }
    emit('exchange.compared', { id, of: exchange.id, kind: 'replay', ...compared }, { target: local.name })
    return { id, of: exchange.id, ...compared }
  }

function found(id: unknown, log: Pick<ExchangeLog, 'get'>): KeptExchange {
  if (typeof id !== 'string') throw new InterceptError('BAD_USAGE', 'replay needs the id of an exchange', { hint: HOW })
  const exchange = log.get(id)
  if (exchange !== undefined) return exchange
  throw new InterceptError('BAD_USAGE', `exchange #${printable(id, 40)} is not remembered (any more)`, { hint: HOW })
}

const HOW = 'ids are in the list of exchanges: kubectl intercept svc/nginx -o json'

/** An edited text may change everything but the place it goes to. */
function localOf({ id, target }: KeptExchange, locals: readonly LocalTarget[]): LocalTarget {
  const local = target === undefined && locals.length === 1 ? locals[0] : locals.find(({ name }) => name === target)
  if (local !== undefined) return local
  throw new InterceptError('NO_SESSION', `the target of exchange #${id} is not intercepted any more`, {
    hint: 'see what runs: kubectl intercept list'
  })
}

function requestOf(text: unknown, exchange: KeptExchange, options: ReplayCommandOptions): AgainRequest {
  if (text === undefined) return options.replayable(exchange, `#${exchange.id}`)
  if (typeof text !== 'string') throw new InterceptError('BAD_USAGE', 'text must be an HTTP message', { hint: HOW })
  if (exchange.request === undefined) return options.replayable(exchange, `#${exchange.id}`)
  return options.requestFromText(text, exchange.request)
}
