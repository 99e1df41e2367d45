/**
 * `--mirror` of one target: the cluster answers every visitor, and the local app gets copies. A server of ours sends them; in front of a stock one
 * the visitors pass this laptop on their way to a pod, and what the capture remembers of them is the copy.
 */
import type { Clock } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import { formatEndpoint, type Dial, type Endpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import { formatShare } from '../base/format.ts'
import type { Logger } from '../base/log.ts'
import { ExchangeStore } from '../capture/exchange-store.ts'
import type { KeptExchange } from '../capture/kept.ts'
import { maskHeaders } from '../capture/mask.ts'
import type { Emit } from '../event/types.ts'
import type { Filter } from '../filter/filter.ts'
import { subjectOf } from '../filter/subject.ts'
import { type Mirror, mirror, type MirrorCounts } from '../mirror/mirror.ts'
import { receiveCopies } from '../mirror/receive.ts'
import { replayable } from '../replay/replayable.ts'
import type { TunnelPlan } from '../resolve/types.ts'
import { MIRROR_HOST } from '../tunnel/mirror-channel.ts'
import type { TunnelStream } from '../tunnel/stream.ts'
import type { Capture, Exchanges } from './exchanges.ts'
import { looksHere } from './personal.ts'

export interface MirrorSettings {
  /** The part of the requests that is copied, 0…1. */
  rate: number
  /** Headers that are not compared, in lower case. */
  ignored: ReadonlySet<string>
}

/** Of a request body that a stock server's visitor sends: what a copy may have at most. */
const BODY_BYTES = 1_048_576

/** Throws what makes a mirror impossible on this tunnel. */
export function checkMirror(plan: TunnelPlan, mayReturn: boolean): void {
  const { name, protocol, target } = plan
  if (protocol !== 'http') {
    const what = protocol === 'tls' ? 'TLS that is not opened on the way' : `raw ${protocol.toUpperCase()}`
    throw new InterceptError('BAD_USAGE', `${name} carries ${what}: no request can be seen in it, so none can be copied`, {
      hint: `take a share of the connections instead: kubectl intercept ${target.text} --split 50%`
    })
  }
  if (looksHere(plan) && !mayReturn) {
    throw new InterceptError(
      'SHARE_UNAVAILABLE',
      `${name} is behind a stock gost server, which copies nothing: its visitors would pass this laptop on their way to a pod, and there is no way back`,
      { hint: 'may you forward to pods? kubectl auth can-i create pods --subresource=portforward; and leave out --no-fallback' }
    )
  }
}

export const mirrorQuestion = (names: string): string =>
  `The tunnel server of ${names} is a stock gost, which copies nothing: all visitors pass this laptop on their way to the pods, which answer them.`

/** What a plan says of it. */
export const mirrorNote = (plan: TunnelPlan, { rate }: MirrorSettings): string =>
  looksHere(plan)
    ? `mirror: pods answer, ${formatShare(rate)} of the requests are copied here; the visitors pass this laptop, since the server is a stock gost`
    : `mirror: the cluster answers every visitor, ${formatShare(rate)} of the requests are copied here`

/** The exchanges must be remembered to be compared. */
export const remembering = (capture: Capture | undefined): Capture & { store: ExchangeStore } => ({
  ...capture,
  store: capture?.store ?? new ExchangeStore({ bodyBytes: BODY_BYTES })
})

export interface MirroringOptions {
  plan: TunnelPlan
  settings: MirrorSettings
  filter: Filter | undefined
  local: Endpoint
  dial: Dial
  capture: Capture & { store: ExchangeStore }
  /** Counts what others answered. */
  exchanges: () => Exchanges
  isProbe: (path: string) => boolean
  clock: Clock
  log: Logger
  emit: Emit
  nextId: () => string
}

export interface Mirroring extends Closable {
  readonly counts: MirrorCounts
  /** True for the stream of copies of a server of ours: it is taken. */
  takes(stream: TunnelStream): boolean
  /** A visitor was answered by a pod, through this laptop. */
  answered(id: string): void
  /** No more copies: nothing of it keeps a link open. */
  end(): void
}

export const mirroring = (options: MirroringOptions): Mirroring => new TargetMirror(options)

class TargetMirror implements Mirroring {
  readonly close: () => Promise<void>
  readonly #options: MirroringOptions
  readonly #mirror: Mirror
  readonly #streams = new Set<TunnelStream>()
  #ended = false

  constructor(options: MirroringOptions) {
    const { plan, settings, local, dial, capture, clock, log, emit, nextId } = options
    this.#options = options
    this.#mirror = mirror({
      dial,
      address: formatEndpoint(local),
      clock,
      log,
      emit,
      nextId,
      target: plan.name,
      store: capture.store,
      mask: capture.mask ?? maskHeaders(),
      ignored: settings.ignored
    })
    this.close = closeOnce(() => {
      this.end()
      return this.#mirror.close()
    })
  }

  get counts(): MirrorCounts {
    return this.#mirror.counts
  }

  takes(stream: TunnelStream): boolean {
    const { plan, capture, clock, log, emit, nextId, exchanges, isProbe } = this.#options
    if (looksHere(plan) || stream.destination.host !== MIRROR_HOST) return false
    if (this.#ended) {
      stream.connection.destroy()
      return true
    }
    this.#streams.add(stream)
    stream.connection.once('close', () => this.#streams.delete(stream))
    receiveCopies(stream.connection, {
      mirror: this.#mirror,
      log,
      isProbe: ({ request }) => isProbe(pathOf(request)),
      clock,
      nextId,
      target: plan.name,
      store: capture.store,
      mask: capture.mask ?? maskHeaders(),
      emit(type, body) {
        emit(type, body)
        if (type === 'exchange.completed' && 'timings' in body) exchanges().count('cluster', body)
      }
    })
    return true
  }

  answered(id: string): void {
    const { capture, settings, filter } = this.#options
    const before = capture.store.get(id)
    if (this.#ended || before?.why !== 'mirror' || before.request === undefined || before.response === undefined) return
    if (filter !== undefined && !filter.matches(subjectOf({ request: before.request, source: before.source }))) return
    if (Math.random() >= settings.rate || !isRequest(before)) return
    if (before.request.body.truncated) this.#mirror.lost({ large: 1 })
    else this.#mirror.offer({ before, request: replayable(before, `#${id}`) })
  }

  end(): void {
    this.#ended = true
    for (const { connection } of this.#streams) connection.destroy()
  }
}

/** One that has an end, and an answer of its own. */
const isRequest = ({ request, protocol, unparsed, response }: KeptExchange): boolean =>
  request?.method !== 'CONNECT' &&
  protocol !== 'websocket' &&
  !unparsed &&
  response?.status !== 101 &&
  request?.headers.some(([name, value]) => name.toLowerCase() === 'upgrade' && !/^h2c$/i.test(value.trim())) !== true

/** The target of a request's first line. */
const pathOf = (request: Buffer): string => request.toString('latin1', 0, 256).split(' ', 2)[1] ?? ''
