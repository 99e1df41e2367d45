/** One request and its answer over one connection to the destination, body and answer at the same time, each side as fast as the other takes it. */
import type { Connection } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { BodyFramer } from '../http/framer.ts'
import { keepsAlive, responseFraming } from '../http/framing.ts'
import { parseResponseHead } from '../http/head.ts'
import type { ByteSource } from './byte-source.ts'
import type { Way } from './dial.ts'
import { type ProxyRequest, ProxyRefused } from './proxy-request.ts'
import { readHead } from './read-head.ts'
import { isRefused } from './refusal.ts'
import type { ServeParts } from './serve.ts'

export interface Upstream {
  key: string
  way: Way
  source: ByteSource
  idleSince: number
}

export type ExchangeEnd = { kind: 'keep' } | { kind: 'close' } | { kind: 'tunnel'; upstream: Upstream }

/** More than most bodies; kept for the next pod while nothing has come back. */
const KEPT_BYTES = 65_536
/** For the rest of an answer's head, once it has begun. */
const ANSWER_HEAD_MS = 60_000

export class Exchange {
  readonly #source: ByteSource
  readonly #request: Extract<ProxyRequest, { kind: 'request' }>
  readonly #parts: ServeParts
  readonly #body: BodyFramer
  /** Sent so far; undefined once it is too much. */
  #sent: Buffer[] | undefined
  #sentBytes = 0
  #answered = false

  constructor(source: ByteSource, request: Extract<ProxyRequest, { kind: 'request' }>, parts: ServeParts) {
    this.#source = source
    this.#request = request
    this.#parts = parts
    this.#body = new BodyFramer(request.framing)
    this.#sent = [request.head]
  }

  /** A byte of the answer has come. */
  get answered(): boolean {
    return this.#answered
  }

  get bodyDone(): boolean {
    return this.#body.done
  }

  /** Nothing came back, what was sent is still here, and sending it again does no harm. */
  mayTryAgain(error: unknown, { fresh }: { fresh: boolean }): boolean {
    if (this.#answered || this.#sent === undefined || this.#source.connection.destroyed || this.#parts.signal.aborted) return false
    return isRefused(error) || (!fresh && this.#request.repeatable)
  }

  /** Throws what broke it. */
  async run(upstream: Upstream): Promise<ExchangeEnd> {
    const { connection } = upstream.source
    const stop = new AbortController()
    for (const chunk of this.#sent ?? []) connection.write(chunk)
    const never = new Promise<never>(() => {})
    const sending = this.#sendBody(connection, AbortSignal.any([this.#parts.signal, stop.signal])).then(() => never)
    try {
      const end = await Promise.race([this.#answer(upstream), sending])
      upstream.idleSince = this.#parts.clock.now()
      return end
    } finally {
      stop.abort()
    }
  }

  async #sendBody(to: Connection, signal: AbortSignal): Promise<void> {
    while (!this.#body.done) {
      const chunk = await this.#source.next(signal)
      if (chunk === undefined) throw new ProxyRefused(400, 'the client ended within a body')
      const { consumed, rest } = this.#parse(chunk)
      this.#source.putBack(rest)
      const bytes = consumed === chunk.length ? chunk : chunk.subarray(0, consumed)
      this.#keep(bytes)
      // Where the destination breaks, waiting for its answer tells the story.
      if (!(await written(write(to, bytes)))) return
    }
  }

  #parse(chunk: Buffer): ReturnType<BodyFramer['push']> {
    try {
      return this.#body.push(chunk)
    } catch (error) {
      throw error instanceof ProtocolError ? new ProxyRefused(400, error.message) : error
    }
  }

  #keep(bytes: Buffer): void {
    this.#sentBytes += bytes.length
    if (this.#sentBytes > KEPT_BYTES) this.#sent = undefined
    else this.#sent?.push(bytes)
  }

  async #answer(upstream: Upstream): Promise<ExchangeEnd> {
    const { source } = upstream
    const { connection: client } = this.#source
    const { clock, signal } = this.#parts
    for (;;) {
      const raw = await readHead(source, { clock, signal, messageMs: ANSWER_HEAD_MS })
      if (raw === undefined) throw Object.assign(new Error('it ended the connection without an answer'), { code: 'ECONNRESET' })
      const head = parseResponseHead(raw)
      const framing = responseFraming(head, this.#request.method)
      this.#answered = true
      this.#sent = undefined
      await write(client, raw)
      if (framing.kind === 'tunnel') return { kind: 'tunnel', upstream }
      if (head.status < 200) continue
      await this.#copy(source, client, new BodyFramer(framing))
      return framing.kind !== 'close' && keepsAlive(head) && this.#request.keepAlive ? { kind: 'keep' } : { kind: 'close' }
    }
  }

  async #copy(source: ByteSource, client: Connection, body: BodyFramer): Promise<void> {
    while (!body.done) {
      const chunk = await source.next(this.#parts.signal)
      if (chunk === undefined) {
        if (body.untilClose) return
        throw Object.assign(new Error('it ended the connection within its answer'), { code: 'ECONNRESET' })
      }
      const { consumed, rest } = body.push(chunk)
      source.putBack(rest)
      await write(client, consumed === chunk.length ? chunk : chunk.subarray(0, consumed))
    }
  }
}

/** Resolves at once while the other side keeps up, else when these bytes have left. */
function write(to: Connection, bytes: Buffer): Promise<void> | undefined {
  if (bytes.length === 0) return undefined
  if (to.writableLength + bytes.length < to.writableHighWaterMark && !to.destroyed) {
    to.write(bytes)
    return undefined
  }
  return new Promise((resolve, reject) => {
    to.write(bytes, error => (error === undefined || error === null ? resolve() : reject(error)))
  })
}

const written = async (writing: Promise<void> | undefined): Promise<boolean> => {
  try {
    await writing
    return true
  } catch {
    return false
  }
}
