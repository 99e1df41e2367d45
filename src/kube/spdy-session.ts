/**
 * Many connections to one pod inside one WebSocket. SPDY as Go speaks it has no flow control: what one reader leaves unread holds up all.
 * So a session whose reader lags takes no new connections (`busy`), buffers within limits, then stops reading; a reader that takes nothing at
 * all while others wait is reset.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { deferred } from '../base/closable.ts'
import { asError } from '../base/errors.ts'
import type { Logger } from '../base/log.ts'
import type { ApiWebSocket } from './api-websocket.ts'
import { forwardLost } from './errors.ts'
import { ForwardedConnection, type ForwardLink, LINGER_MS } from './forwarded-connection.ts'
import { SpdyWriter } from './spdy-writer.ts'
import { dataHeader, encodePing, encodeReset, RST_CANCEL, SpdyDecoder, SpdyEncoder, type SpdyFrame } from './spdy.ts'

export interface SpdyLimits {
  /** Unread bytes at which a session takes no new connections. */
  busyBytes: number
  /** Unread bytes at which the session stops reading, when the lagging reader is alone. */
  aloneBytes: number
  /** The same while other connections are open beside it. */
  sharedBytes: number
  /** A reader that took nothing for this long, while others wait, is reset. */
  stallMs: number
  pingMs: number
  /** Silence that means the link is gone. */
  deadMs: number
  /** After `end()`: silence of the pod after which our FIN goes out. */
  lingerMs: number
}

export const SPDY_LIMITS: SpdyLimits = {
  busyBytes: 256 * 1024,
  aloneBytes: 1024 * 1024,
  sharedBytes: 8 * 1024 * 1024,
  stallMs: 10_000,
  pingMs: 5_000,
  deadMs: 15_000,
  lingerMs: LINGER_MS
}

export interface SpdySessionOptions {
  pod: string
  /** Zero WebSocket masks: only inside TLS. */
  secure: boolean
  clock: Clock
  log: Logger
  limits?: Partial<SpdyLimits>
}

const FRAME_BYTES = 65_536
const LAST_STREAM = 0x7fff_fff0

export class SpdySession implements ForwardLink {
  /** Resolves with the reason when the session is over; no connection of it lives then. */
  readonly closed: Promise<Error | undefined>
  readonly #closed = deferred<Error | undefined>()
  readonly #api: ApiWebSocket
  readonly #options: SpdySessionOptions
  readonly #limits: SpdyLimits
  readonly #encoder = new SpdyEncoder()
  readonly #decoder = new SpdyDecoder(frame => this.#receive(frame))
  readonly #byData = new Map<number, ForwardedConnection>()
  readonly #byError = new Map<number, ForwardedConnection>()
  /** Connections whose readers lag, with what they had unread when last looked at. */
  readonly #lagging = new Map<ForwardedConnection, number>()
  readonly #heartbeat: Timer
  #stallTimer: Timer | undefined
  readonly #writer: SpdyWriter
  #nextStream = 1
  #lastSeenMs: number
  #draining = false
  #over = false

  constructor(api: ApiWebSocket, options: SpdySessionOptions) {
    this.#api = api
    this.#options = options
    this.#limits = { ...SPDY_LIMITS, ...options.limits }
    this.closed = this.#closed.promise
    this.#lastSeenMs = options.clock.now()
    this.#writer = new SpdyWriter(api.socket, options.secure ? 'zero' : 'random')
    api.ws.binaryType = 'fragments'
    api.ws.on('message', data => this.#receiveBytes(data))
    api.ws.on('pong', () => this.#seen())
    api.ws.on('ping', () => this.#seen())
    api.ws.on('error', error => this.#end(error))
    api.ws.on('close', () => this.#end(api.socket.errored ?? undefined))
    api.socket.on('error', error => this.#end(error))
    this.#heartbeat = options.clock.every(this.#limits.pingMs, () => this.#beat(), { unref: true })
    api.ws.resume()
  }

  get connections(): number {
    return this.#byData.size
  }

  /** New connections belong on another session. */
  get busy(): boolean {
    return this.#unread() >= this.#limits.busyBytes
  }

  /** The server said goodbye, or the stream numbers are used up. */
  get finished(): boolean {
    return this.#over || this.#draining
  }

  /** Opens the two streams of one connection. Bytes may be written once it is `accepted`. */
  open(port: number): ForwardedConnection {
    const errorStream = this.#nextStream
    const dataStream = errorStream + 2
    this.#nextStream += 4
    if (this.#nextStream >= LAST_STREAM) this.#draining = true
    const { pod, clock } = this.#options
    const connection = new ForwardedConnection({ link: this, dataStream, errorStream, pod, port, clock, lingerMs: this.#limits.lingerMs })
    if (this.#over) {
      connection.destroy(forwardLost(pod))
      return connection
    }
    this.#byData.set(dataStream, connection)
    this.#byError.set(errorStream, connection)
    const headers = (streamtype: string): [string, string][] => [
      ['streamtype', streamtype],
      ['port', String(port)],
      ['requestid', String(errorStream)]
    ]
    this.#writer.write([this.#encoder.synStream(errorStream, headers('error'), true)])
    this.#writer.write([this.#encoder.synStream(dataStream, headers('data'), false)])
    return connection
  }

  close(): void {
    this.#end(undefined)
  }

  sendData(stream: number, chunks: readonly Buffer[], sent: (error?: Error | null) => void): void {
    if (this.#over) return sent(forwardLost(this.#options.pod))
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += FRAME_BYTES) {
        const part = chunk.subarray(at, at + FRAME_BYTES)
        this.#writer.write([dataHeader(stream, part.length, false), part])
      }
    }
    this.#writer.afterwards(sent)
  }

  sendFin(stream: number): void {
    if (!this.#over) this.#writer.write([dataHeader(stream, 0, true)])
  }

  sendReset(stream: number): void {
    if (!this.#over) this.#writer.write([encodeReset(stream, RST_CANCEL)])
  }

  drained(connection: ForwardedConnection): void {
    if (this.#lagging.delete(connection)) this.#readOn()
  }

  done(connection: ForwardedConnection): void {
    this.#byData.delete(connection.dataStream)
    this.#byError.delete(connection.errorStream)
    if (this.#lagging.delete(connection)) this.#readOn()
    this.onIdle?.()
  }

  /** Called whenever a connection ended. */
  onIdle: (() => void) | undefined

  #receiveBytes(data: Buffer | ArrayBuffer | Buffer[]): void {
    this.#seen()
    try {
      for (const part of Array.isArray(data) ? data : [Buffer.from(data as Buffer)]) this.#decoder.push(part)
    } catch (error) {
      this.#end(asError(error))
    }
  }

  #receive(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'data': {
        const connection = this.#byData.get(frame.stream)
        if (connection === undefined) this.#byError.get(frame.stream)?.receiveErrorText(frame.payload, frame.fin)
        else if (!connection.receive(frame.payload, frame.fin)) this.#lags(connection)
        return
      }
      case 'reply':
        this.#byData.get(frame.stream)?.accept()
        return
      case 'reset':
        ;(this.#byData.get(frame.stream) ?? this.#byError.get(frame.stream))?.destroy(forwardLost(this.#options.pod))
        return
      case 'ping':
        // Even numbers are the server's own pings, odd ones would be answers to ours.
        if (frame.id % 2 === 0) this.#writer.write([encodePing(frame.id)])
        return
      case 'goaway':
        this.#draining = true
        this.onIdle?.()
    }
  }

  #lags(connection: ForwardedConnection): void {
    this.#lagging.set(connection, connection.readableLength)
    const limit = this.#byData.size > 1 ? this.#limits.sharedBytes : this.#limits.aloneBytes
    if (this.#api.ws.isPaused || this.#unread() < limit) return
    this.#api.ws.pause()
    this.#watchStall()
  }

  #unread(): number {
    let bytes = 0
    for (const connection of this.#lagging.keys()) bytes += connection.readableLength
    return bytes
  }

  #readOn(): void {
    if (this.#over || !this.#api.ws.isPaused || this.#unread() >= this.#limits.aloneBytes) return
    this.#stallTimer?.cancel()
    this.#seen() // nothing could be seen while we did not look
    this.#api.ws.resume()
  }

  /** While nothing is read: whoever took nothing since the last look is in the way of the others. */
  #watchStall(): void {
    for (const connection of this.#lagging.keys()) this.#lagging.set(connection, connection.readableLength)
    this.#stallTimer = this.#options.clock.after(
      this.#limits.stallMs,
      () => {
        if (this.#over || !this.#api.ws.isPaused) return
        const stuck = [...this.#lagging].filter(([connection, before]) => connection.readableLength === before)
        if (this.#byData.size > 1 && stuck.length < this.#byData.size) {
          for (const [connection] of stuck) {
            this.#options.log.warn('reset a stalled port-forward connection', { pod: this.#options.pod, unread: connection.readableLength })
            connection.destroy(Object.assign(new Error('reset: its reader stalled while others waited'), { code: 'ECONNRESET' }))
          }
        }
        this.#readOn()
        if (this.#api.ws.isPaused) this.#watchStall()
      },
      { unref: true }
    )
  }

  #seen(): void {
    this.#lastSeenMs = this.#options.clock.now()
  }

  #beat(): void {
    if (this.#over || this.#api.ws.isPaused) return
    const silentMs = this.#options.clock.now() - this.#lastSeenMs
    if (silentMs >= this.#limits.deadMs) this.#end(new Error(`no sign of life for ${Math.round(silentMs / 1000)} s`))
    else if (silentMs >= this.#limits.pingMs / 2) this.#api.ws.ping()
  }

  #end(cause: Error | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#heartbeat.cancel()
    this.#stallTimer?.cancel()
    for (const connection of this.#byData.values()) connection.destroy(forwardLost(this.#options.pod, cause))
    this.#writer.close(forwardLost(this.#options.pod, cause))
    this.#api.ws.removeAllListeners('message')
    this.#api.ws.terminate()
    this.#api.socket.destroy()
    this.#closed.resolve(cause)
  }
}
