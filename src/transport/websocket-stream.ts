/**
 * A WebSocket as a stream of bytes, the way gost reads one (x/internal/util/ws/ws.go): every write is one binary message, every message
 * coming in is just bytes, its type and borders mean nothing. There is no Close frame and no half-close: `end()` ends the TCP connection.
 */
import net from 'node:net'
import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { ProtocolError } from '../base/errors.ts'
import { encodeBinaryFrame, type Masking } from './frame.ts'
import { resetConnection } from './reset.ts'

export type WebSocketConnection = Connection & {
  /** Sends a ping; resolves with the round trip in milliseconds, rejects when the connection ends or the signal aborts. */
  ping(signal: AbortSignal): Promise<number>
}

export interface WebSocketStreamOptions {
  socket: Connection
  masking: Masking
  clock?: Clock | undefined
}

interface Waiting {
  id: string
  sentAt: number
  settle: (error: Error | undefined, rttMs: number) => void
}

/** A peer that pings without reading gets no more pongs when so much waits for it. */
const PONG_LIMIT_BYTES = 1024 * 1024
/** The most that one message carries: peers may limit what they accept, ours to `MAX_MESSAGE_BYTES`. */
const SEND_BYTES = 1024 * 1024

/** Holds a message of the multiplexer at its largest. */
const SPARE_BYTES = 327_680
/** Below this Node's own pool is cheaper. */
const SMALL_BYTES = 4_096

/** Close codes that say "done": normal, going away, none given, TCP simply ended. */
const DONE_CODES = new Set([1000, 1001, 1005, 1006])

export class WebSocketStream extends Duplex {
  readonly local: Endpoint | undefined
  readonly remote: Endpoint | undefined
  readonly opaque: boolean
  readonly copies: boolean
  readonly #ws: WebSocket
  readonly #socket: Connection
  readonly #masking: Masking
  readonly #clock: Clock
  readonly #pings = new Map<string, Waiting>()
  /** A real socket has let go of the bytes when it calls back, so the next message goes into the same memory. */
  #spare: Buffer | undefined
  #lent: Buffer | undefined
  #pingCount = 0
  #ended = false

  constructor(ws: WebSocket, { socket, masking, clock = systemClock }: WebSocketStreamOptions) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#ws = ws
    this.#socket = socket
    this.#masking = masking
    this.#clock = clock
    this.local = socket.local
    this.remote = socket.remote
    this.opaque = socket.opaque === true
    this.copies = masking === 'random'
    if (socket instanceof net.Socket) this.#spare = Buffer.alloc(0)
    this.on('error', () => {}) // as with sockets of this folder: `close` follows
    ws.binaryType = 'fragments'
    ws.on('message', data => this.#receive(data))
    // Not left to `ws`, which would answer on a connection that we have ended already.
    ws.on('ping', payload => {
      if (!this.writableEnded && socket.writableLength < PONG_LIMIT_BYTES) ws.pong(payload)
    })
    ws.on('pong', data => this.#receivePong(data.toString('latin1')))
    ws.on('error', error => this.destroy(new ProtocolError('WS_FRAME', error.message, { cause: error })))
    ws.on('close', code => this.#receiveClose(code))
    socket.on('error', error => this.destroy(error))
    socket.on('end', () => this.#receiveEnd())
    socket.on('close', () => {
      // After `ws` had its turn, which hands on what was still buffered.
      queueMicrotask(() => {
        if (!this.#ended) this.destroy(socket.errored ?? Object.assign(new Error('connection closed'), { code: 'ECONNRESET' }))
      })
    })
  }

  ping(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (signal.aborted || this.destroyed || this.#ws.readyState !== this.#ws.OPEN) {
        reject(signal.aborted ? signal.reason : gone())
        return
      }
      this.#pingCount += 1
      const id = String(this.#pingCount)
      const onAbort = (): void => waiting.settle(signal.reason, 0)
      const waiting: Waiting = {
        id,
        sentAt: this.#clock.now(),
        settle: (error, rttMs) => {
          this.#pings.delete(id)
          signal.removeEventListener('abort', onAbort)
          if (error === undefined) resolve(rttMs)
          else reject(error)
        }
      }
      this.#pings.set(id, waiting)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#ws.ping(id)
    })
  }

  override _read(): void {
    if (this.#ws.isPaused) this.#ws.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done
    )
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    for (const waiting of this.#pings.values()) waiting.settle(error ?? gone(), 0)
    if (error === null) this.#socket.destroy()
    else resetConnection(this.#socket, error)
    done(error)
  }

  #send(chunks: Buffer[], done: (error?: Error | null) => void): void {
    // Frames are written whole and in one go, so they never mix with the pongs that `ws` writes to the same socket.
    const buffers = messagesFrom(chunks).flatMap(message => encodeBinaryFrame(message, this.#masking, this.#space))
    const last = buffers.length - 1
    if (last > 0) this.#socket.cork()
    const written = this.#lent === undefined ? done : this.#takingBack(this.#lent, done)
    this.#lent = undefined
    buffers.forEach((buffer, index) => (index === last ? this.#socket.write(buffer, written) : this.#socket.write(buffer)))
    if (last > 0) this.#socket.uncork()
  }

  readonly #space = (bytes: number): Buffer => {
    if (this.#spare === undefined || bytes <= SMALL_BYTES || bytes > SPARE_BYTES) return Buffer.allocUnsafe(bytes)
    this.#lent = this.#spare.length === 0 ? Buffer.allocUnsafeSlow(SPARE_BYTES) : this.#spare
    this.#spare = undefined
    return this.#lent.subarray(0, bytes)
  }

  #takingBack(lent: Buffer, done: (error?: Error | null) => void): (error?: Error | null) => void {
    return error => {
      if (error === undefined || error === null) this.#spare = lent
      done(error)
    }
  }

  #receive(data: Buffer | ArrayBuffer | Buffer[]): void {
    if (this.#ended || this.destroyed) return
    let more = true
    if (Array.isArray(data)) for (const part of data) more = part.length === 0 || this.push(part)
    else if (data instanceof Buffer && data.length > 0) more = this.push(data)
    if (!more) this.#ws.pause()
  }

  #receivePong(id: string): void {
    const waiting = this.#pings.get(id)
    waiting?.settle(undefined, this.#clock.now() - waiting.sentAt)
  }

  #receiveEnd(): void {
    if (this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
  }

  #receiveClose(code: number): void {
    if (!DONE_CODES.has(code)) this.destroy(new ProtocolError('WS_CLOSED', `the peer closed the WebSocket with code ${code}`))
    else if (code !== 1006) this.#receiveEnd()
  }
}

/** What was written, as messages of a size that every peer takes: nearly always one. */
function messagesFrom(chunks: Buffer[]): Buffer[][] {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  if (length <= SEND_BYTES) return [chunks]
  const all = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length)
  const messages: Buffer[][] = []
  for (let at = 0; at < length; at += SEND_BYTES) messages.push([all.subarray(at, at + SEND_BYTES)])
  return messages
}

const gone = (): Error => Object.assign(new Error('the WebSocket is closed'), { code: 'EPIPE' })
