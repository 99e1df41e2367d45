/**
 * One TCP connection to a port of a pod inside a SPDY session: a data stream and an error stream with the same `requestid`.
 *
 * SPDY could half-close, containerd does not: one second after our FIN it closes the connection to the app, which never saw an end. So `end()` keeps
 * our FIN back until the pod has ended, or has been silent for a while. Its own FIN comes a second after the app closed.
 * Reference: kubelet/pkg/cri/streaming/portforward/httpstream.go, containerd pkg/cri/server/sandbox_portforward_linux.go.
 */
import { Duplex } from 'node:stream'
import type { Endpoint } from '../base/connection.ts'
import { deferred } from '../base/closable.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { forwardError } from './errors.ts'

/** What a connection asks of its session. `sent` is called when the bytes have left for the kernel. */
export interface ForwardLink {
  sendData(stream: number, chunks: readonly Buffer[], sent: (error?: Error | null) => void): void
  sendFin(stream: number): void
  sendReset(stream: number): void
  /** The reader has caught up. */
  drained(connection: ForwardedConnection): void
  /** Both directions have ended, or it was destroyed. */
  done(connection: ForwardedConnection): void
}

export interface ForwardedOptions {
  link: ForwardLink
  dataStream: number
  errorStream: number
  pod: string
  port: number
  clock: Clock
  lingerMs?: number | undefined
}

const ERROR_TEXT_BYTES = 4_096
/** When nobody listens, containerd ends the data stream first and gives the reason on the error stream right after (seen: 0.2 ms). */
const REASON_MS = 100
/** After `end()`: silence of the pod after which it is told. */
export const LINGER_MS = 60_000

export class ForwardedConnection extends Duplex {
  readonly opaque = true
  readonly remote: Endpoint
  readonly dataStream: number
  readonly errorStream: number
  /** The kubelet has taken the stream; what was sent before would be lost. Rejects when it is refused or cut first. */
  readonly accepted: Promise<void>
  /** The first byte came, or the stream ended: somebody was there. Never rejects by itself. */
  readonly answered: Promise<void>
  readonly #link: ForwardLink
  readonly #accepted = deferred<void>()
  readonly #answered = deferred<void>()
  readonly #pod: string
  readonly #clock: Clock
  readonly #lingerMs: number
  #reason: Timer | undefined
  #linger: Timer | undefined
  #errorEnded = false
  #errorText = ''
  #bytesIn = 0
  #remoteEnded = false
  /** EOF has been handed to the reader. */
  #readingEnded = false
  #localEnded = false
  #finSent = false

  constructor({ link, dataStream, errorStream, pod, port, clock, lingerMs = LINGER_MS }: ForwardedOptions) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#link = link
    this.#pod = pod
    this.#clock = clock
    this.#lingerMs = lingerMs
    this.dataStream = dataStream
    this.errorStream = errorStream
    this.remote = { host: pod, port }
    this.accepted = this.#accepted.promise
    this.answered = this.#answered.promise
    this.on('error', () => {}) // `close` follows; an unwatched reset must not end the process
  }

  get bytesIn(): number {
    return this.#bytesIn
  }

  accept(): void {
    this.#accepted.resolve()
  }

  /** False when the reader lags behind. */
  receive(payload: Buffer, fin: boolean): boolean {
    if (this.#remoteEnded || this.destroyed) return true
    this.#bytesIn += payload.length
    if (this.#localEnded) this.#lingerOn()
    const keepsUp = payload.length === 0 || this.push(payload)
    if (payload.length > 0) this.#answered.resolve()
    if (!fin) return keepsUp
    this.#remoteEnded = true
    if (this.#localEnded) this.#sendFin()
    if (this.#bytesIn > 0 || this.#errorEnded) this.#endReading()
    else this.#reason = this.#clock.after(REASON_MS, () => this.#endReading())
    return true
  }

  #endReading(): void {
    if (this.#readingEnded) return
    this.#readingEnded = true
    this.#reason?.cancel()
    this.push(null)
    this.#answered.resolve()
    this.#link.drained(this)
  }

  receiveErrorText(payload: Buffer, fin: boolean): void {
    if (this.#errorText.length < ERROR_TEXT_BYTES) this.#errorText += payload.toString('utf8')
    if (!fin || this.destroyed) return
    this.#errorEnded = true
    if (this.#errorText !== '') this.destroy(forwardError(this.#errorText, this.#pod, this.remote.port))
    else if (this.#remoteEnded) this.#endReading()
  }

  override _read(): void {
    this.#link.drained(this)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#link.sendData(this.dataStream, [chunk], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#link.sendData(
      this.dataStream,
      chunks.map(({ chunk }) => chunk),
      done
    )
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#localEnded = true
    if (this.#remoteEnded) this.#sendFin()
    else this.#lingerOn()
    done()
  }

  #lingerOn(): void {
    this.#linger?.cancel()
    this.#linger = this.#clock.after(this.#lingerMs, () => this.#sendFin(), { unref: true })
  }

  #sendFin(): void {
    this.#linger?.cancel()
    if (this.#finSent) return
    this.#finSent = true
    this.#link.sendFin(this.dataStream)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const cut = error ?? Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })
    this.#reason?.cancel()
    this.#linger?.cancel()
    this.#accepted.reject(cut)
    this.#answered.resolve()
    if (!this.#finSent || !this.#remoteEnded) this.#link.sendReset(this.dataStream)
    this.#link.done(this)
    done(error)
  }
}
