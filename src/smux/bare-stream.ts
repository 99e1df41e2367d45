/**
 * One smux stream, without the cost of a Duplex: whoever serves a whole request with it takes and writes chunks directly, all others use
 * `connection`. smux has no half-close: FIN says that we are gone, so it goes out when nothing more is expected from the peer (`finOnEnd`:
 * as soon as we have ended; else when both sides have), and `destroy()` sends it at once. Source: xtaci/smux stream.go.
 */
import { asError, ProtocolError } from '../base/errors.ts'
import { Inbox } from './inbox.ts'
import type { Taken } from './outbox.ts'
import { StreamConnection } from './stream-connection.ts'
import type { StreamHost } from './stream-host.ts'
import type { BareStream, FirstReader, StreamOwner } from './types.ts'
import type { ReceiveWindow } from './window.ts'
import type { Sender } from './writer.ts'

export class Stream implements BareStream {
  readonly id: number
  readonly sender: Sender
  readonly receiveWindow: ReceiveWindow
  onClosed: (() => void) | undefined
  destroyed = false
  peerEnded = false
  readonly #host: StreamHost
  readonly #inbox = new Inbox()
  /** The peer sends no more, and still reads. */
  #peerHalfEnded = false
  #ended = false
  /** FIN is on its way behind the last byte, and nothing is read any more. */
  #closing = false
  #taken = 0
  #first: FirstReader | undefined
  #owner: StreamOwner | undefined
  #connection: StreamConnection | undefined

  constructor(host: StreamHost, sender: Sender, receiveWindow: ReceiveWindow) {
    this.id = sender.id
    this.sender = sender
    this.receiveWindow = receiveWindow
    this.#host = host
  }

  get connection(): StreamConnection {
    if (this.#connection === undefined) {
      this.#connection = new StreamConnection(this)
      this.#owner = this.#connection
      if (this.destroyed) this.#connection.destroy()
    }
    return this.#connection
  }

  get copies(): boolean {
    return this.#host.copies
  }

  get sentBytes(): number {
    return this.sender.window.sent
  }

  get consumedBytes(): number {
    return this.sender.window.consumed
  }

  get receivedBytes(): number {
    return this.receiveWindow.received
  }

  get available(): number {
    return this.#inbox.bytes
  }

  get finished(): boolean {
    return (this.peerEnded || this.#peerHalfEnded) && this.#inbox.bytes === 0
  }

  get isConnection(): boolean {
    return this.#connection !== undefined
  }

  get unsentBytes(): number {
    return this.#connection?.writableLength ?? this.sender.outbox.bytes
  }

  attach(owner: StreamOwner): void {
    this.#owner = owner
  }

  readFirst(reader: FirstReader | undefined): void {
    this.#first = reader
    if (reader !== undefined) this.deliver()
  }

  /** Payload from the peer; false when it is more than was granted. `deliver` follows at the end of the network chunk. */
  receive(bytes: Buffer): boolean {
    if (this.peerEnded || this.#peerHalfEnded || this.#closing) return true
    if (!this.receiveWindow.receive(bytes.length)) return false
    this.#inbox.push(bytes)
    return true
  }

  deliver(): void {
    if (this.#first !== undefined && !this.#passFirst(this.#first)) return
    this.#owner?.onReadable()
    this.#inbox.settle()
  }

  take(): Buffer | undefined {
    const chunk = this.shift(false)
    if (chunk !== undefined) this.account(0)
    return chunk
  }

  /** As `take`, but the bytes count as read only with `account`. */
  shift(detached: boolean): Buffer | undefined {
    const chunk = this.#inbox.shift(detached)
    if (chunk !== undefined) this.#taken += chunk.length
    return chunk
  }

  /** What was taken is read, but for so many bytes that wait in a buffer of the reader. */
  account(waiting: number): void {
    const read = this.#taken - waiting - this.receiveWindow.consumed
    if (read > 0 && this.receiveWindow.consume(read) && !this.peerEnded && !this.destroyed) this.#host.update(this.id)
  }

  write(bytes: Buffer, taken: Taken = ignore): void {
    this.send([bytes], bytes.length, taken)
  }

  send(chunks: readonly Buffer[], bytes: number, taken: Taken): void {
    if (this.peerEnded || this.#closing || this.destroyed) {
      taken()
      return
    }
    this.sender.outbox.push(chunks, bytes, taken)
    this.#host.ready(this.sender)
  }

  end(): void {
    this.#ended = true
    if (this.#host.halfClose && !this.peerEnded) {
      this.sender.endDue = true
      this.#host.ready(this.sender)
    } else if (this.#host.finOnEnd || this.peerEnded) this.#fin()
  }

  close(): void {
    if (this.destroyed || this.#closing) return
    if (this.peerEnded || this.sender.outbox.bytes === 0) {
      this.destroy()
      return
    }
    this.#closing = true
    this.#inbox.clear()
    this.sender.finDue = true
    this.#host.ready(this.sender)
  }

  destroy(error?: Error): void {
    if (this.#connection === undefined) this.drop(error)
    else this.#connection.destroy(error)
  }

  /** The peer sends no more; what we write still arrives. `deliver` follows, as after `receive`. */
  finishHalf(): void {
    if (this.peerEnded || this.#peerHalfEnded) return
    this.#peerHalfEnded = true
  }

  /** The peer is gone: what it sent stays readable, what we write from now on reaches nobody. `deliver` follows. */
  finish(): void {
    if (this.peerEnded) return
    this.peerEnded = true
    const ended = this.#connection?.writableEnded ?? this.#ended
    // Its end was told before, so that nobody would notice that it left.
    if (this.#closing || (this.#peerHalfEnded && !ended)) {
      this.destroy()
      return
    }
    this.receiveWindow.end()
    const waiting = this.sender.outbox.clear()
    if (ended) this.#fin()
    for (const taken of waiting) taken()
    if (this.sender.finDue) this.#host.gone(this)
  }

  /** FIN went out. */
  finSent(): void {
    if (this.#closing) this.destroy()
  }

  /** `destroy()`, told to whoever reads. */
  drop(error: Error | undefined): void {
    if (this.destroyed) return
    this.destroyed = true
    const first = this.#first
    this.#first = undefined
    this.#inbox.clear()
    const waiting = this.sender.outbox.clear()
    // Before its SYN went out the stream never existed for the peer.
    if (this.sender.synDue) this.sender.finSent = true
    else this.#fin()
    this.receiveWindow.close()
    this.#host.gone(this)
    if (waiting.length > 0) {
      const reason = error ?? new ProtocolError('SMUX_STREAM_CLOSED', 'the stream was closed')
      for (const taken of waiting) taken(reason)
    }
    first?.failed(error)
    this.#owner?.onClose(error)
    this.onClosed?.()
  }

  /** True when the first reader has got what it wanted. */
  #passFirst(reader: FirstReader): boolean {
    let rest: Buffer | undefined
    try {
      for (let chunk = this.shift(true); chunk !== undefined; chunk = this.shift(true)) {
        rest = reader.take(chunk)
        if (rest !== undefined) break
      }
    } catch (error) {
      this.destroy(asError(error))
      return false
    }
    if (rest === undefined) {
      this.account(0)
      if (this.peerEnded || this.#peerHalfEnded) this.destroy()
      return false
    }
    this.#first = undefined
    if (rest.length > 0) {
      this.#taken -= rest.length
      this.#inbox.unshift(rest)
    }
    this.account(0)
    reader.done()
    return true
  }

  #fin(): void {
    if (this.sender.finDue) return
    this.sender.finDue = true
    this.#host.ready(this.sender)
    if (this.peerEnded) this.#host.gone(this)
  }
}

const ignore = (): void => {}
