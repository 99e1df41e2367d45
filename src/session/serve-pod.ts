/**
 * Streams that go back to a pod. Opening a connection there costs most of what a small request costs (two streams to the API server, a dial in
 * the pod), so those that the app keeps are used again, under the same rules as on the laptop: `serve-local.ts`.
 */
import type { Clock } from '../base/clock.ts'
import { withoutAppendedClose } from '../http/appended-close.ts'
import { isPlainRequest } from '../http/plain-request.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import { CUT_OFF, type Exchanges, type StreamWatch } from './exchanges.ts'
import { firstBytes } from '../tunnel/first-bytes.ts'
import type { ReturnReason } from './gate.ts'
import { joinWatched } from './join-watched.ts'
import { proxyHeader } from './proxy-header.ts'
import type { Returned, ReturnPath } from './return-path.ts'

export interface Giving {
  stream: TunnelStream
  why: ReturnReason
  /** Taken from the stream already, as `Served`. */
  first?: Buffer | undefined
  single?: boolean
}

export interface ServePodOptions {
  plan: TunnelPlan
  returnPath: ReturnPath
  exchanges: Exchanges
  clock: Clock
}

/** Asked only where visitors speak HTTP, and so speak first; under load a request may come much later than its stream. */
const FIRST_BYTES_MS = 250

/** Resolves when the stream is over. Rejects when no pod takes it, with nothing of it lost: what was taken from it is in `giving.first`. */
export async function servePod(
  giving: Giving,
  { plan, returnPath, exchanges, clock }: ServePodOptions,
  signal: AbortSignal
): Promise<void> {
  const { stream, why } = giving
  const started = clock.now()
  if (giving.first === undefined && plan.protocol === 'http') {
    const bytes = await firstOf(stream, clock)
    giving.first = bytes !== undefined && plan.server.peer === 'gost' ? withoutAppendedClose(bytes) : bytes
    giving.single = giving.first !== bytes
  }
  const { first } = giving
  let returned = await returnPath.open(signal, { reuse: first !== undefined && isPlainRequest(first) })
  const watch = exchanges.open({ ...giving, who: 'returned', why, connectMs: clock.now() - started })
  while (await joinPod(giving, { returned, watch }, signal)) {
    try {
      returned = await returnPath.open(signal, { reuse: false })
    } catch (error) {
      watch.finish({ by: 'agent', code: 'NO_POD' })
      throw error
    }
  }
}

/** True when the app closed a kept connection under the request: it may be sent again. */
async function joinPod(giving: Giving, to: { returned: Returned; watch: StreamWatch }, signal: AbortSignal): Promise<boolean> {
  const { stream, first } = giving
  const { returned, watch } = to
  const { connection, target, reused } = returned
  if (target.proxyProtocol !== 0) connection.write(proxyHeader(target.proxyProtocol, stream.source))
  if (first !== undefined) connection.write(first)
  let again = false
  const result = await joinWatched(stream, connection, {
    watch,
    signal,
    keep: () => watch.keepsApp && returned.keep(),
    again: () => (again = reused && !signal.aborted)
  })
  if (!again) watch.finish(signal.aborted ? CUT_OFF : result)
  returned.release()
  return again
}

const firstOf = ({ bare, connection }: TunnelStream, clock: Clock): Promise<Buffer | undefined> =>
  new Promise(resolve => {
    firstBytes(bare, { clock, waitMs: FIRST_BYTES_MS }, resolve)
    connection.once('close', () => resolve(undefined))
  })
