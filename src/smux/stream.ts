/**
 * One smux stream as a Duplex. smux has no half-close: FIN says that we are gone, so it goes out when nothing more is expected from the peer
 * (`finOnEnd`: as soon as we have ended; else when both sides have), and `destroy()` sends it at once. Source: xtaci/smux stream.go.
 */
import { Duplex } from 'node:stream'
import { asError, ProtocolError } from '../base/errors.ts'
import { Inbox } from './inbox.ts'
import type { Taken } from './outbox.ts'
import type { FirstReader, SmuxStream } from './types.ts'
import type { ReceiveWindow } from './window.ts'
import type { Sender } from './writer.ts'

/** What is read ahead into a Duplex buffer. More would only hide bytes there. */
const BUFFER_BYTES = 65_536

/** What a stream needs of its session. */
export interface StreamHost {
  readonly finOnEnd: boolean
  readonly halfClose: boolean
  /** Of the connection. */
  readonly copies: boolean
  ready(sender: Sender): void
  update(id: number): void
  /** No frame of this stream matters any more. */
  gone(stream: Stream): void
}

export class Stream extends Duplex implements SmuxStream {
  readonly id: number
  readonly sender: Sender
  readonly receiveWindow: ReceiveWindow
  readonly #host: StreamHost
  readonly #inbox = new Inbox()
  #peerEnded = false
  /** The peer sends no more, and still reads. */
  #peerHalfEnded = false
  /** The reader wants more (`_read` came, the last push was not refused). */
  #wanted = false
  #pushed = 0
  #first: FirstReader | undefined

  constructor(host: StreamHost, sender: Sender, receiveWindow: ReceiveWindow) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES })
    this.id = sender.id
    this.sender = sender
    this.receiveWindow = receiveWindow
    this.#host = host
    // A lost session destroys every stream with an error; one that nobody listens to yet must not end the process.
    this.on('error', ignore)
  }

  get copies(): boolean {
    return this.#host.copies
  }

  get peerEnded(): boolean {
    return this.#peerEnded
  }

  get sentBytes(): number {
    return this.sender.window.sent
  }

  get consumedBytes(): number {
    return this.sender.window.consumed
  }

  /** Payload from the peer; false when it is more than was granted. `deliver` follows at the end of the network chunk. */
  receive(bytes: Buffer): boolean {
    if (this.#peerEnded || this.#peerHalfEnded) return true
    if (!this.receiveWindow.receive(bytes.length)) return false
    this.#inbox.push(bytes)
    return true
  }

  readFirst(reader: FirstReader | undefined): void {
    this.#first = reader
    if (reader !== undefined) this.deliver()
  }

  deliver(): void {
    if (this.#first !== undefined && !this.#passFirst(this.#first)) return
    while (this.#wanted && this.#inbox.bytes > 0) {
      const direct = this.readableFlowing === true && this.readableLength === 0
      const chunk = this.#inbox.shift(!direct)
      if (chunk === undefined) break
      this.#pushed += chunk.length
      this.#wanted = this.push(chunk)
    }
    this.#inbox.settle()
    if ((this.#peerEnded || this.#peerHalfEnded) && this.#inbox.bytes === 0 && !this.destroyed) this.push(null)
    this.#account()
  }

  /** True when the first reader has got what it wanted. */
  #passFirst(reader: FirstReader): boolean {
    let rest: Buffer | undefined
    try {
      for (let chunk = this.#inbox.shift(true); chunk !== undefined; chunk = this.#inbox.shift(true)) {
        this.#pushed += chunk.length
        rest = reader.take(chunk)
        if (rest !== undefined) break
      }
    } catch (error) {
      this.destroy(asError(error))
      return false
    }
    if (rest === undefined) {
      this.#account()
      if (this.#peerEnded || this.#peerHalfEnded) this.destroy()
      return false
    }
    this.#first = undefined
    if (rest.length > 0) this.push(rest)
    reader.done()
    return true
  }

  /** The peer sends no more; what we write still arrives. */
  finishHalf(): void {
    if (this.#peerEnded || this.#peerHalfEnded) return
    this.#peerHalfEnded = true
    this.deliver()
  }

  /** The peer is gone: what it sent stays readable, what we write from now on reaches nobody. */
  finish(): void {
    if (this.#peerEnded) return
    this.#peerEnded = true
    // Its end was told before, so that nobody would notice that it left.
    if (this.#peerHalfEnded && !this.writableEnded) {
      this.destroy()
      return
    }
    this.receiveWindow.end()
    const waiting = this.sender.outbox.clear()
    if (this.writableEnded) this.#fin()
    for (const taken of waiting) taken()
    if (this.sender.finDue) this.#host.gone(this)
    this.deliver()
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    this.#account()
    return chunk
  }

  override _read(): void {
    this.#wanted = true
    this.deliver()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Taken): void {
    this.#send([chunk], chunk.length, callback)
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, callback: Taken): void {
    let bytes = 0
    const pieces = chunks.map(({ chunk }) => {
      bytes += chunk.length
      return chunk
    })
    this.#send(pieces, bytes, callback)
  }

  override _final(callback: Taken): void {
    if (this.#host.halfClose && !this.#peerEnded) {
      this.sender.endDue = true
      this.#host.ready(this.sender)
      callback()
      return
    }
    if (!this.#host.finOnEnd && !this.#peerEnded) {
      callback()
      return
    }
    this.#fin()
    callback()
  }

  override _destroy(error: Error | null, callback: Taken): void {
    const first = this.#first
    this.#first = undefined
    const silent = this.sender.synDue
    this.#inbox.clear()
    const waiting = this.sender.outbox.clear()
    // Before its SYN went out the stream never existed for the peer.
    if (silent) this.sender.finSent = true
    else this.#fin()
    this.receiveWindow.close()
    this.#host.gone(this)
    for (const taken of waiting) taken(error ?? new ProtocolError('SMUX_STREAM_CLOSED', 'the stream was closed'))
    first?.failed(error ?? undefined)
    callback(error)
  }

  #send(chunks: readonly Buffer[], bytes: number, taken: Taken): void {
    if (this.#peerEnded) {
      taken()
      return
    }
    this.sender.outbox.push(chunks, bytes, taken)
    this.#host.ready(this.sender)
  }

  #fin(): void {
    if (this.sender.finDue) return
    this.sender.finDue = true
    this.#host.ready(this.sender)
    if (this.#peerEnded) this.#host.gone(this)
  }

  /** Consumed is what left our queues, not what was pushed: the Duplex buffer hides up to its high-water mark. */
  #account(): void {
    const taken = this.#pushed - this.readableLength - this.receiveWindow.consumed
    if (taken > 0 && this.receiveWindow.consume(taken) && !this.#peerEnded && !this.destroyed) this.#host.update(this.id)
  }
}

const ignore = (): void => {}
