/**
 * A smux v2 session over one connection, in either role. Owns the streams, keeps the peer alive and notices a dead one. There is no GOAWAY:
 * a session ends with its connection. Source: xtaci/smux session.go.
 */
import { deferred } from '../base/closable.ts'
import type { Timer } from '../base/clock.ts'
import type { Connection } from '../base/connection.ts'
import { asError, ProtocolError } from '../base/errors.ts'
import { Stream } from './bare-stream.ts'
import { FrameDecoder } from './decoder.ts'
import { type FullOptions, withDefaults } from './options.ts'
import { PeerBudget } from './peer-budget.ts'
import type { StreamHost } from './stream-host.ts'
import { StreamTable } from './stream-table.ts'
import type { BareStream, OpenOptions, SmuxOptions, SmuxSession, SmuxStream } from './types.ts'
import { GrantPool, ReceiveWindow } from './window.ts'
import { FrameWriter, Sender } from './writer.ts'

/** A stream with more than this unread has a reader that does not keep up. */
const STALLED_BYTES = 131_072
/** smux gives up after 2^31 streams of one side; ids never come back. */
const LAST_ID = 0x7fff_fffd

/** Starts the session at once: frames may already be waiting in the connection. */
export const openSession = (connection: Connection, options: SmuxOptions): SmuxSession => new Session(connection, options)

class Session implements SmuxSession, StreamHost {
  readonly finOnEnd: boolean
  readonly halfClose: boolean
  readonly copies: boolean
  readonly #connection: Connection
  readonly #options: FullOptions
  readonly #streams = new StreamTable<Stream>()
  readonly #pool: GrantPool
  readonly #writer: FrameWriter
  readonly #decoder: FrameDecoder
  readonly #budget: PeerBudget | undefined
  readonly #timers: Timer[] = []
  readonly #closed = deferred<Error | undefined>()
  /** Streams of which something came in the current chunk. */
  #touched: Stream[] = []
  #nextId: number
  #lastReceivedAt: number
  #over = false
  #closing: Promise<void> | undefined

  constructor(connection: Connection, options: SmuxOptions) {
    this.#connection = connection
    this.copies = connection.copies === true
    this.#options = withDefaults(options)
    const { clock, role, keepaliveIntervalMs, keepaliveTimeoutMs } = this.#options
    const { grantedBytes, windowBytes, maxWindowBytes, roundTripMs } = this.#options
    this.finOnEnd = options.finOnEnd ?? role === 'server'
    this.halfClose = options.halfClose ?? false
    this.#pool = new GrantPool({ limitBytes: grantedBytes, windowBytes, maxWindowBytes, roundTripMs, clock })
    this.#writer = new FrameWriter({
      connection,
      grant: id => this.#streams.get(id)?.receiveWindow.grant(),
      permit: (sender, wanted) => this.#budget?.permit(sender, wanted) ?? wanted,
      onSent: (sender, bytes) => this.#budget?.sent(sender, bytes),
      onFin: sender => {
        this.#budget?.fin(sender)
        this.#streams.get(sender.id)?.finSent()
      }
    })
    if (options.peerBudgetBytes !== undefined) {
      this.#budget = new PeerBudget({ budgetBytes: options.peerBudgetBytes, clock, wake: sender => this.#writer.ready(sender) })
    }
    this.#decoder = new FrameDecoder({
      onSyn: id => this.#accept(id),
      onFin: id => this.#peerFinished(id),
      onNop: () => {},
      onPayload: (id, bytes) => this.#payload(id, bytes),
      onEmpty: id => {
        const stream = this.halfClose ? this.#streams.get(id) : undefined
        if (stream === undefined) return
        stream.finishHalf()
        this.#touch(stream)
      },
      onUpdate: (id, consumed, bytes) => this.#update(id, consumed, bytes)
    })
    this.#nextId = role === 'client' ? 3 : 2
    this.#lastReceivedAt = clock.now()
    this.#timers.push(
      clock.every(keepaliveIntervalMs, () => this.#writer.keepalive()),
      clock.every(keepaliveTimeoutMs / 2, () => this.#checkAlive())
    )
    connection.on('data', this.#onData)
    connection.on('end', () => this.#lost(undefined))
    connection.on('close', () => this.#lost(undefined))
    connection.on('error', error => this.#lost(error))
    // A handshake may have left it paused.
    connection.resume()
  }

  get streamCount(): number {
    return this.#streams.size
  }

  get closed(): Promise<Error | undefined> {
    return this.#closed.promise
  }

  get lastReceivedAt(): number {
    return this.#lastReceivedAt
  }

  get starvedStreams(): number {
    return this.#budget?.waiting ?? 0
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes + this.#connection.writableLength
  }

  open(options: OpenOptions = {}): SmuxStream {
    return this.openBare(options).connection
  }

  openBare(options: OpenOptions = {}): BareStream {
    if (this.#over) throw new ProtocolError('SMUX_CLOSED', 'the tunnel session is closed')
    if (this.#nextId > LAST_ID) throw new ProtocolError('SMUX_EXHAUSTED', 'the tunnel session has used up its stream ids')
    if (this.#streams.size >= this.#options.maxStreams)
      throw new ProtocolError('SMUX_STREAMS', 'the tunnel session has too many open streams')
    const stream = this.#add(this.#nextId, true)
    this.#nextId += 2
    if (options.preface !== undefined) stream.sender.outbox.push([options.preface], options.preface.length, () => {})
    this.#writer.ready(stream.sender)
    return stream
  }

  close(): Promise<void> {
    this.#closing ??= this.#shut(undefined)
    return this.#closing
  }

  ready(sender: Sender): void {
    if (!this.#over) this.#writer.ready(sender)
  }

  update(id: number): void {
    if (!this.#over) this.#writer.update(id)
  }

  gone(stream: Stream): void {
    if (this.#streams.delete(stream.id)) this.#budget?.gone(stream.sender, stream.peerEnded)
  }

  #add(id: number, synDue: boolean): Stream {
    const stream = new Stream(this, new Sender(id, synDue, this.#budget?.open()), new ReceiveWindow(this.#pool))
    this.#streams.add(stream)
    if (this.#pool.tight) this.#writer.update(id)
    return stream
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#over) return
    this.#lastReceivedAt = this.#options.clock.now()
    try {
      this.#decoder.push(chunk)
    } catch (error) {
      this.#lost(asError(error))
      return
    }
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const stream of touched) stream.deliver()
  }

  #accept(id: number): void {
    if (this.#streams.has(id)) return
    const { onStream, onBare, maxStreams } = this.#options
    const stream = this.#add(id, false)
    if (this.#streams.size > maxStreams) stream.destroy()
    else if (onBare !== undefined) onBare(stream)
    else if (onStream === undefined) stream.destroy()
    else onStream(stream.connection)
  }

  #payload(id: number, bytes: Buffer): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    if (!stream.receive(bytes)) throw new ProtocolError('SMUX_WINDOW', `the peer sent more on stream ${id} than it was granted`)
    this.#touch(stream)
    if (this.#pool.unreadBytes > this.#options.maxUnreadBytes && stream.receiveWindow.unread > STALLED_BYTES) {
      stream.destroy(new ProtocolError('SMUX_UNREAD', `nobody reads stream ${id}, and too much lies unread in the tunnel session`))
    }
  }

  /** Its reader hears of it after the whole chunk, in the order of arrival: what one stream says may explain the end of another. */
  #touch(stream: Stream): void {
    if (this.#touched.at(-1) !== stream) this.#touched.push(stream)
  }

  #peerFinished(id: number): void {
    const stream = this.#streams.get(id)
    this.#budget?.peerEnded(id, stream?.sender)
    if (stream === undefined) return
    stream.finish()
    this.#touch(stream)
  }

  #update(id: number, consumed: number, windowBytes: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const { sender } = stream
    if (!sender.window.update(consumed, windowBytes)) {
      stream.destroy(new ProtocolError('SMUX_CONSUMED', `the peer claims to have read more of stream ${id} than was sent`))
      return
    }
    this.#budget?.reported(sender)
    if (sender.outbox.bytes > 0) this.#writer.ready(sender)
  }

  #checkAlive(): void {
    const silentMs = this.#options.clock.now() - this.#lastReceivedAt
    if (silentMs < this.#options.keepaliveTimeoutMs) return
    this.#lost(new ProtocolError('SMUX_TIMEOUT', `nothing came from the tunnel server for ${Math.round(silentMs / 1000)} s`))
  }

  #lost(cause: Error | undefined): void {
    if (this.#over) return
    const error = cause instanceof ProtocolError ? cause : new ProtocolError('SMUX_CLOSED', 'the tunnel session was lost', { cause })
    this.#closing ??= this.#shut(error)
  }

  /** Ends everything once. Streams are destroyed without FIN frames: the connection goes with them. */
  #shut(error: Error | undefined): Promise<void> {
    this.#over = true
    this.#options.onOver?.(error)
    for (const timer of this.#timers) timer.cancel()
    this.#writer.stop()
    this.#budget?.stop()
    const reason = error ?? new ProtocolError('SMUX_CLOSED', 'the tunnel session was closed')
    for (const stream of this.#streams.values()) stream.destroy(reason)
    this.#touched = []
    return new Promise(resolve => {
      const finish = (): void => {
        grace.cancel()
        this.#closed.resolve(error)
        resolve()
      }
      const grace = this.#options.clock.after(this.#options.closeGraceMs, () => this.#connection.destroy())
      if (this.#connection.closed) finish()
      else this.#connection.once('close', finish)
      if (error === undefined) this.#connection.end()
      else this.#connection.destroy()
    })
  }
}
