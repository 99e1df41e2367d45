/** What serving a client needs, whatever it speaks: a destination for its words, the join, and the one place that says why something is refused. */
import type { Clock } from '../base/clock.ts'
import { type Connection, type Endpoint, formatEndpoint } from '../base/connection.ts'
import { asError, errnoOf } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { EventBody } from '../event/types.ts'
import type { ByteSource } from './byte-source.ts'
import type { Way } from './dial.ts'
import { type Refusal, refusalOf, timedOut } from './refusal.ts'
import { type Lingering, relay } from './relay.ts'

export interface ServeParts {
  clock: Clock
  log: Logger
  /** Ends everything. */
  signal: AbortSignal
  lingering: Lingering
  /** Throws what `resolveName` throws. */
  wayTo: (to: Endpoint) => Promise<Way>
  /** Each connection to a destination, as it opens and closes, or is refused. */
  tell: (connection: Omit<EventBody<'access.connection'>, 'id'>, id?: string) => string
  /** One line for the person; `key` keeps it from being said again and again. */
  say: (key: string, line: string) => void
}

/** From the first byte of a message to its last; nobody types these by hand. */
export const MESSAGE_MS = 10_000
/** For a client that says nothing: browsers open connections ahead of their requests. */
export const IDLE_MS = 300_000
/** For looking a name up and all attempts together. */
const CONNECT_MS = 15_000

export interface Connected {
  way: Way
  upstream: Connection
}

/** Gives up when the client goes away. Throws the reason. */
export async function connectTo(to: Endpoint, client: Connection, parts: ServeParts): Promise<Connected> {
  // One controller for three reasons: this runs for every connection, and composed signals are dear.
  const stop = new AbortController()
  const onClose = (): void => stop.abort(Object.assign(new Error('the client has gone'), { name: 'AbortError' }))
  const onStop = (): void => stop.abort(parts.signal.reason)
  client.once('close', onClose)
  parts.signal.addEventListener('abort', onStop, { once: true })
  const late = parts.clock.after(CONNECT_MS, () => stop.abort(timedOut(CONNECT_MS)))
  try {
    const way = await parts.wayTo(to)
    stop.signal.throwIfAborted()
    parts.signal.throwIfAborted()
    const upstream = await way.open(stop.signal)
    const about = { name: formatEndpoint(to), pod: way.pod ?? '' }
    const id = parts.tell({ ...about, state: 'open', cause: 'dialled' })
    upstream.once('close', () => void parts.tell({ ...about, state: 'closed', cause: upstream.errored?.message ?? 'ended' }, id))
    return { way, upstream }
  } finally {
    late.cancel()
    client.off('close', onClose)
    parts.signal.removeEventListener('abort', onStop)
  }
}

/** Says why, unless it was the client itself that gave up. */
export function refuse(thrown: unknown, to: Endpoint, parts: ServeParts): Refusal {
  const refusal = refusalOf(thrown, to)
  const error = asError(thrown)
  parts.log.info('refused', { to: `${to.host}:${to.port}`, error })
  if (error.name === 'AbortError' || parts.signal.aborted) return refusal
  parts.say(`${to.host}:${to.port} ${errnoOf(error) ?? refusal.line}`, refusal.line)
  parts.tell({ name: formatEndpoint(to), pod: '', state: 'refused', cause: refusal.line })
  return refusal
}

export interface Joining extends Connected {
  source: ByteSource
  to: Endpoint
  committed?: boolean
}

/** Both belong to each other until the end. */
export function joinWith({ source, to, way, upstream, committed = false }: Joining, parts: ServeParts): Promise<void> {
  const first = source.release()
  const { clock, signal, lingering } = parts
  return relay(
    { client: source.connection, way, upstream, first, committed },
    { clock, signal, lingering, onFailure: error => void refuse(error, to, parts) }
  )
}
