/**
 * One client of the HTTP proxy: requests one after the other, each to its own destination, until CONNECT or an upgrade makes the rest bytes. The connection
 * to the last destination is kept for the next request.
 */
import type { Connection, Endpoint } from '../base/connection.ts'
import { formatEndpoint } from '../base/connection.ts'
import { asError, ProtocolError } from '../base/errors.ts'
import { parseRequestHead } from '../http/head.ts'
import { ByteSource } from './byte-source.ts'
import type { Way } from './dial.ts'
import { Exchange, type ExchangeEnd, type Upstream } from './http-exchange.ts'
import { ESTABLISHED, plainAnswer } from './http-answer.ts'
import { type ProxyRequest, ProxyRefused, readProxyRequest } from './proxy-request.ts'
import { HeadLate, readHead } from './read-head.ts'
import { connectTo, IDLE_MS, joinWith, MESSAGE_MS, refuse, type ServeParts } from './serve.ts'

type Plain = Extract<ProxyRequest, { kind: 'request' }>

/** Any server keeps an idle connection for longer; what may not be sent twice is put on a kept one only within this time. */
const KEPT_MS = 1_000

/** Never rejects: what goes wrong is told to the client. */
export async function serveHttp(source: ByteSource, parts: ServeParts): Promise<void> {
  const { connection: client } = source
  const session = new HttpClient(source, parts)
  const onClose = (): void => session.drop()
  client.once('close', onClose)
  try {
    while (await session.next());
  } catch (error) {
    parts.log.debug('an HTTP client was dropped', { error: asError(error) })
    client.destroy()
  } finally {
    client.off('close', onClose)
    session.drop()
  }
}

class HttpClient {
  readonly #source: ByteSource
  readonly #client: Connection
  readonly #parts: ServeParts
  #kept: Upstream | undefined

  constructor(source: ByteSource, parts: ServeParts) {
    this.#source = source
    this.#client = source.connection
    this.#parts = parts
  }

  /** True when another request may follow. */
  async next(): Promise<boolean> {
    const request = await this.#read()
    if (request === undefined) return false
    if (request.kind === 'connect') await this.#connect(request.to)
    else return this.#exchange(request)
    return false
  }

  drop(): void {
    this.#kept?.source.connection.destroy()
    this.#kept = undefined
  }

  async #read(): Promise<ProxyRequest | undefined> {
    const { clock, signal } = this.#parts
    try {
      const raw = await readHead(this.#source, { clock, signal, idleMs: IDLE_MS, messageMs: MESSAGE_MS })
      if (raw !== undefined) return readProxyRequest(parseRequestHead(raw))
      this.#client.end()
    } catch (error) {
      const status = error instanceof ProxyRefused ? error.status : error instanceof HeadLate && error.begun ? 408 : statusOf(error)
      if (status === undefined) this.#client.destroy()
      else this.#client.end(plainAnswer(status, asError(error).message, true))
    }
    return undefined
  }

  async #connect(to: Endpoint): Promise<void> {
    try {
      const connected = await connectTo(to, this.#client, this.#parts)
      this.#client.write(ESTABLISHED)
      await joinWith({ ...connected, source: this.#source, to }, this.#parts)
    } catch (error) {
      const { http, line } = refuse(error, to, this.#parts)
      this.#client.end(plainAnswer(http, line, true))
    }
  }

  async #exchange(request: Plain): Promise<boolean> {
    const exchange = new Exchange(this.#source, request, this.#parts)
    const end = await this.#tryAll(exchange, request)
    if (end === undefined) return false
    if (end.kind === 'tunnel') {
      const { source, way } = end.upstream
      this.#kept = undefined
      const early = source.release()
      if (early.length > 0) this.#client.write(early)
      await joinWith({ source: this.#source, to: request.to, way, upstream: source.connection, committed: true }, this.#parts)
      return false
    }
    if (end.kind === 'close') this.drop()
    const more = end.kind === 'keep' && request.keepAlive && exchange.bodyDone
    if (!more) this.#client.end()
    return more
  }

  /** Undefined when the client was told, or is gone. */
  async #tryAll(exchange: Exchange, request: Plain): Promise<ExchangeEnd | undefined> {
    const { to } = request
    let upstream = this.#usable(request)
    let fresh = upstream === undefined
    for (;;) {
      try {
        upstream ??= await this.#open(to)
      } catch (error) {
        this.#fail(error, exchange, to)
        return undefined
      }
      this.#kept = upstream
      try {
        return await exchange.run(upstream)
      } catch (error) {
        this.drop()
        const next = exchange.mayTryAgain(error, { fresh }) ? await this.#after(upstream, to, fresh) : undefined
        if (next === undefined) {
          this.#fail(error, exchange, to)
          return undefined
        }
        upstream = next
        fresh = true
      }
    }
  }

  #fail(error: unknown, exchange: Exchange, to: Endpoint): void {
    if (this.#client.destroyed) return
    if (error instanceof ProxyRefused) return void this.#client.end(plainAnswer(error.status, error.message, true))
    const { http, line } = refuse(error, to, this.#parts)
    if (exchange.answered) this.#client.destroy(asError(error))
    else this.#client.end(plainAnswer(http, line, true))
  }

  async #open(to: Endpoint): Promise<Upstream> {
    const { way, upstream } = await connectTo(to, this.#client, this.#parts)
    return this.#upstreamOf(formatEndpoint(to), way, upstream)
  }

  /** A new connection where a kept one broke, else the next pod. Undefined when there is none. */
  async #after({ key, way }: Upstream, to: Endpoint, fresh: boolean): Promise<Upstream | undefined> {
    try {
      return fresh ? this.#upstreamOf(key, way, await way.open(this.#parts.signal)) : await this.#open(to)
    } catch {
      return undefined // what broke before tells the story
    }
  }

  #upstreamOf(key: string, way: Way, connection: Connection): Upstream {
    return { key, way, source: new ByteSource(connection), idleSince: this.#parts.clock.now() }
  }

  #usable({ to, repeatable }: Plain): Upstream | undefined {
    const kept = this.#kept
    this.#kept = undefined
    if (kept === undefined) return undefined
    const { source, key, idleSince } = kept
    const young = this.#parts.clock.now() - idleSince < KEPT_MS
    if (key === formatEndpoint(to) && source.empty && !source.over && (young || repeatable)) return kept
    source.connection.destroy()
    return undefined
  }
}

const STATUS: Readonly<Record<string, number>> = { HTTP_HEAD_TOO_LARGE: 431, HTTP_VERSION: 505, HTTP_TRANSFER_CODING: 501 }

const statusOf = (error: unknown): number | undefined => (error instanceof ProtocolError ? (STATUS[error.code] ?? 400) : undefined)
