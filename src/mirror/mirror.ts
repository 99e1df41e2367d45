/**
 * Requests that others answer, sent to the local app as well: at most so many at once, so many waiting, and each for a limited time. The answers
 * are compared with the original's and told; nobody else gets them. Whatever happens to a copy here, the original is over or goes its own way.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { closeOnce, type Closable } from '../base/closable.ts'
import type { Dial } from '../base/connection.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import { compareAnswers } from '../capture/compare.ts'
import type { ExchangeStore } from '../capture/exchange-store.ts'
import type { KeptExchange, KeptResponse } from '../capture/kept.ts'
import type { Mask } from '../capture/mask.ts'
import type { Emit, EventBody } from '../event/types.ts'
import type { ReplayRequest } from '../replay/replayable.ts'
import { sendAgain } from '../replay/send-again.ts'

export interface MirrorOptions {
  dial: Dial
  /** Where that leads, for words. */
  address: string
  clock: Clock
  log: Logger
  /** What it emits is about its target already. */
  emit: Emit
  nextId: () => string
  target: string
  store: ExchangeStore
  mask: Mask
  /** Headers that are not compared, in lower case. */
  ignored: ReadonlySet<string>
  limits?: Partial<MirrorLimits>
}

export interface MirrorLimits {
  /** Under way at once. */
  running: number
  waiting: number
  /** Of their request bodies. */
  waitingBytes: number
  timeoutMs: number
  /** Of an answer; what comes behind is not read. */
  answerBytes: number
}

const LIMITS: MirrorLimits = { running: 32, waiting: 512, waitingBytes: 33_554_432, timeoutMs: 15_000, answerBytes: 1_048_576 }
const TELL_MS = 1_000

export interface Copied {
  /** Has its answer. */
  before: KeptExchange
  request: ReplayRequest
}

export interface MirrorCounts {
  compared: number
  different: number
  dropped: number
}

export interface Mirror extends Closable {
  readonly counts: Readonly<MirrorCounts>
  offer(copied: Copied): void
  /** Copies that never came this far. */
  lost(counts: { slow?: number; large?: number }): void
}

export function mirror(options: MirrorOptions): Mirror {
  return new RunningMirror(options)
}

class RunningMirror implements Mirror {
  readonly counts = { compared: 0, different: 0, dropped: 0 }
  readonly close: () => Promise<void>
  readonly #options: MirrorOptions
  readonly #limits: MirrorLimits
  readonly #stop = new AbortController()
  #waiting: Copied[] = []
  #waitingBytes = 0
  #running = 0
  #untold: EventBody<'mirror.dropped'> = { slow: 0, large: 0, down: 0, unanswered: 0 }
  #timer: Timer | undefined

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.close = closeOnce(() => {
      this.#stop.abort(new Error('the session ended'))
      this.#timer?.cancel()
      this.#waiting = []
      this.#tell()
    })
  }

  offer(copied: Copied): void {
    const { running, waiting, waitingBytes } = this.#limits
    if (this.#stop.signal.aborted) return
    if (this.#running < running) void this.#run(copied)
    else if (this.#waiting.length >= waiting || this.#waitingBytes + copied.request.body.length > waitingBytes) this.lost({ slow: 1 })
    else {
      this.#waiting.push(copied)
      this.#waitingBytes += copied.request.body.length
    }
  }

  lost(counts: Partial<EventBody<'mirror.dropped'>>): void {
    for (const why of ['slow', 'large', 'down', 'unanswered'] as const) {
      const count = counts[why] ?? 0
      this.#untold[why] += count
      this.counts.dropped += count
    }
    if (this.#stop.signal.aborted) return
    this.#timer ??= this.#options.clock.after(TELL_MS, () => this.#tell(), { unref: true })
  }

  #tell(): void {
    this.#timer = undefined
    const untold = this.#untold
    this.#untold = { slow: 0, large: 0, down: 0, unanswered: 0 }
    if (Object.values(untold).some(count => count > 0)) this.#options.emit('mirror.dropped', untold)
  }

  async #run(copied: Copied): Promise<void> {
    this.#running += 1
    try {
      await this.#send(copied)
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.log.warn('copy failed', { error: asError(error) })
    } finally {
      this.#running -= 1
      const next = this.#waiting.shift()
      if (next !== undefined) {
        this.#waitingBytes -= next.request.body.length
        void this.#run(next)
      }
    }
  }

  async #send({ before, request }: Copied): Promise<void> {
    const { dial, address, clock, emit, nextId, target, store, mask } = this.#options
    const { timeoutMs, answerBytes } = this.#limits
    const id = nextId()
    try {
      await sendAgain(request, {
        dial,
        address,
        clock,
        signal: this.#stop.signal,
        copyOf: before.source,
        timeoutMs,
        maxBytes: answerBytes,
        observe: { emit, nextId: () => id, of: before.id, target, store, mask }
      })
    } catch (error) {
      if (!this.#stop.signal.aborted) this.lost({ down: 1 })
      this.#options.log.debug('no copy delivered', { error: asError(error) })
      return
    }
    const after = store.get(id)
    const answer = after === undefined ? undefined : wholeEnough(after)
    if (answer === undefined || before.response === undefined) {
      if (!this.#stop.signal.aborted) this.lost({ unanswered: 1 })
      return
    }
    this.#compare({ id, of: before.id }, before.response, answer)
  }

  #compare(which: { id: string; of: string }, before: KeptResponse, after: KeptResponse): void {
    const { emit, store, mask, ignored } = this.#options
    const { equal, status, headers, body } = compareAnswers(before, after, mask, ignored)
    this.counts.compared += 1
    if (!equal) this.counts.different += 1
    store.compared(which.id, equal)
    emit('exchange.compared', {
      ...which,
      kind: 'mirror',
      equal,
      headers: [...headers],
      ...(status !== undefined && { status }),
      ...(body !== undefined && { body })
    })
  }
}

/** An answer that was read to its end, or as far as anybody compares. */
function wholeEnough({ response, end }: KeptExchange): KeptResponse | undefined {
  if (response === undefined || end?.kind !== 'aborted') return response
  if (end.code !== 'TOO_LARGE') return undefined
  const { bytes, size } = response.body
  return { ...response, body: { bytes, size, truncated: true } }
}
