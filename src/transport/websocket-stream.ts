/**
 * A WebSocket as a stream of bytes, the way gost reads one (x/internal/util/ws/ws.go): every write is one binary message, every message
 * coming in is just bytes, its type and borders mean nothing. There is no half-close: `end()` ends the TCP connection, without a Close frame.
 */
import net from 'node:net'
import { Duplex } from 'node:stream'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { asError, ProtocolError } from '../base/errors.ts'
import { giveBack } from '../base/lent.ts'
import { encodeBinaryFrame, encodeControlFrame, type Masking } from './frame.ts'
import { FrameReader, OPCODE } from './frame-reader.ts'
import { type MaskMemory, maskMemory, plainMemory } from './mask-memory.ts'
import { resetConnection } from './reset.ts'

export type WebSocketConnection = Connection & {
  /** Sends a ping; resolves with the round trip in milliseconds, rejects when the connection ends or the signal aborts. */
  ping(signal: AbortSignal): Promise<number>
}

export interface WebSocketStreamOptions {
  masking: Masking
  /** What came behind the upgrade. */
  head: Buffer
  clock?: Clock | undefined
}

interface Waiting {
  id: string
  sentAt: number
  settle: (error: Error | undefined, rttMs: number) => void
}

/** What an incoming message may hold; gost sends at most one mux frame (64 KiB) per message. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** A peer that pings without reading gets no more pongs when so much waits for it. */
const PONG_LIMIT_BYTES = 1024 * 1024
/** The most that one message carries: peers may limit what they accept, as we do. */
const SEND_BYTES = 1024 * 1024

/** Holds a message of the multiplexer at its largest; whole pages of WebAssembly. */
const SPARE_BYTES = 327_680
/** Below this Node's own pool is cheaper. */
const SMALL_BYTES = 4_096

/** A Close frame without a code. */
const NO_CODE = 1005
/** Close codes that say "done": normal, going away, none given. */
const DONE_CODES = new Set([1000, 1001, NO_CODE])

export class WebSocketStream extends Duplex {
  readonly local: Endpoint | undefined
  readonly remote: Endpoint | undefined
  readonly opaque: boolean
  readonly copies: boolean
  readonly #socket: Connection
  readonly #masking: Masking
  readonly #clock: Clock
  readonly #reader: FrameReader
  readonly #pings = new Map<string, Waiting>()
  /** A real socket has let go of the bytes when it calls back, so the next message goes into the same memory. */
  #spare: MaskMemory | undefined
  #lent: MaskMemory | undefined
  #spareMade = false
  #pingCount = 0
  #ended = false
  /** Payload in what is being read. */
  #passed = 0

  constructor(socket: Connection, { masking, head, clock = systemClock }: WebSocketStreamOptions) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#socket = socket
    this.#masking = masking
    this.#clock = clock
    this.local = socket.local
    this.remote = socket.remote
    this.opaque = socket.opaque === true
    this.copies = masking === 'random' || socket.copies === true
    this.#spareMade = !(socket instanceof net.Socket)
    this.#reader = new FrameReader({
      masked: masking === 'none',
      maxMessageBytes: MAX_MESSAGE_BYTES,
      onPayload: bytes => this.#receive(bytes),
      onControl: (opcode, payload) => this.#receiveControl(opcode, payload)
    })
    this.on('error', () => {}) // as with sockets of this folder: `close` follows
    if (socket instanceof net.Socket) socket.setNoDelay().setTimeout(0)
    if (head.length > 0) socket.unshift(head)
    socket.on('data', chunk => this.#read(chunk))
    socket.on('error', error => this.destroy(error))
    socket.on('end', () => {
      this.#receiveEnd()
      socket.end()
    })
    socket.on('close', () => {
      if (!this.#ended) this.destroy(socket.errored ?? Object.assign(new Error('connection closed'), { code: 'ECONNRESET' }))
    })
  }

  ping(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (signal.aborted || this.destroyed || this.#ended || this.writableEnded) {
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
      this.#socket.write(encodeControlFrame(OPCODE.PING, Buffer.from(id), this.#masking))
    })
  }

  override _read(): void {
    if (this.#socket.isPaused()) this.#socket.resume()
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
    // Frames are written whole and in one go, so they never mix with pings and pongs.
    const buffers = messagesFrom(chunks).flatMap(message => encodeBinaryFrame(message, this.#masking, this.#space))
    const last = buffers.length - 1
    if (last > 0) this.#socket.cork()
    const written = this.#lent === undefined ? done : this.#takingBack(this.#lent, done)
    this.#lent = undefined
    buffers.forEach((buffer, index) => (index === last ? this.#socket.write(buffer, written) : this.#socket.write(buffer)))
    if (last > 0) this.#socket.uncork()
  }

  readonly #space = (bytes: number): MaskMemory | undefined => {
    if (bytes <= SMALL_BYTES || bytes > SPARE_BYTES) return undefined
    if (!this.#spareMade) this.#spare = maskMemory(SPARE_BYTES) ?? plainMemory(SPARE_BYTES)
    this.#spareMade = true
    this.#lent = this.#spare
    this.#spare = undefined
    return this.#lent
  }

  #takingBack(lent: MaskMemory, done: (error?: Error | null) => void): (error?: Error | null) => void {
    return error => {
      if (error === undefined || error === null) this.#spare = lent
      done(error)
    }
  }

  #read(chunk: Buffer): void {
    if (this.#ended || this.destroyed) return
    this.#passed = 0
    try {
      this.#reader.push(chunk)
      // Headers and control frames: nobody else sees them.
      giveBack(chunk, chunk.length - this.#passed)
    } catch (error) {
      this.destroy(asError(error))
    }
  }

  #receive(bytes: Buffer): void {
    this.#passed += bytes.length
    if (!this.#ended && !this.destroyed && !this.push(bytes)) this.#socket.pause()
  }

  #receiveControl(opcode: number, payload: Buffer): void {
    if (this.#ended || this.destroyed) return
    if (opcode === OPCODE.PONG) {
      const waiting = this.#pings.get(payload.toString('latin1'))
      waiting?.settle(undefined, this.#clock.now() - waiting.sentAt)
    } else if (opcode === OPCODE.PING) {
      if (!this.writableEnded && this.#socket.writableLength < PONG_LIMIT_BYTES) {
        this.#socket.write(encodeControlFrame(OPCODE.PONG, payload, this.#masking))
      }
    } else this.#receiveClose(payload)
  }

  #receiveClose(payload: Buffer): void {
    const code = payload.length < 2 ? NO_CODE : payload.readUInt16BE()
    if (!DONE_CODES.has(code)) {
      this.destroy(new ProtocolError('WS_CLOSED', `the peer closed the WebSocket with code ${code}`))
      return
    }
    if (!this.writableEnded) this.#socket.end(encodeControlFrame(OPCODE.CLOSE, payload.subarray(0, 2), this.#masking))
    this.#receiveEnd()
  }

  #receiveEnd(): void {
    if (this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
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
