/** smux v2 as xtaci/smux v1.5.31 speaks it (session.go, stream.go, frame.go): what the rest of the program sees of it. */
import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { Closable } from '../base/closable.ts'

export interface SmuxOptions {
  /** The gost *server* is the smux client (odd ids from 3); a connector is the smux server. */
  role: 'client' | 'server'
  clock: Clock
  /** Called for each stream the peer opens, in the tick its SYN was decoded. Without it (or over `maxStreams`) such a stream is closed. */
  onStream?: ((stream: SmuxStream) => void) | undefined
  /** Instead of `onStream`. */
  onBare?: ((stream: BareStream) => void) | undefined
  keepaliveIntervalMs?: number
  /** The session dies when no byte came for this long (checked every half of it). */
  keepaliveTimeoutMs?: number
  /** Window a stream starts with; it grows towards `maxWindowBytes` while its reader keeps up. */
  windowBytes?: number
  maxWindowBytes?: number
  /** Of the peer as far as known, until a stream shows it: where it is near no window grows. */
  roundTripMs?: number
  /** Most bytes granted over all streams; new streams get less when it is used up. */
  grantedBytes?: number
  /**
   * Most bytes received and not read over all streams (default 256 MiB). A gost peer may send 256 KiB on each stream before it hears of any
   * window; past this bound the stream that gets more without being read is reset.
   */
  maxUnreadBytes?: number
  /** The peer's receive budget over all streams (stock gost: 4 MiB); we keep what it has not consumed below it. Absent: unlimited. */
  peerBudgetBytes?: number | undefined
  maxStreams?: number
  /** Whether `end()` sends FIN after the last byte, or waits for the peer's FIN. Default: true as `server` (a connector's app has answered), else false. */
  finOnEnd?: boolean
  /**
   * Both peers are ours: `end()` sends an empty PSH (gost would ignore it) as "no more from me", the other direction stays open, and FIN means gone.
   * Replaces `finOnEnd`.
   */
  halfClose?: boolean
  /** Called at once when the session is over, before its streams end: undefined when we closed it, else why. */
  onOver?: ((error: Error | undefined) => void) | undefined
  /** How long `close()` waits for the connection to end by itself. */
  closeGraceMs?: number
}

/** Who reads the first bytes of a stream, before it has a reader. */
export interface FirstReader {
  /** Returns what follows the bytes it wanted, or undefined to get the next chunk. What it throws destroys the stream. */
  take(chunk: Buffer): Buffer | undefined
  /** The rest is there to be read by others. */
  done(): void
  /** The stream ended before, or was destroyed (with an error). */
  failed(error?: Error): void
}

/** A stream. `end()` means we are done; `destroy()` drops what is unread; both send FIN once (gost has no half-close and no RST). */
export interface SmuxStream extends Duplex {
  readonly id: number
  /** As `Connection.copies`. */
  readonly copies: boolean
  /** True once the peer's FIN came: a gost peer drops whatever we write from then on. */
  readonly peerEnded: boolean
  /** Bytes the peer has told it consumed, and bytes sent: an answering UPD proves the peer alive. */
  readonly sentBytes: number
  /** Before anybody else reads: a short cut past the buffers of a Duplex, for a message that every stream begins with. Undefined calls it off. */
  readFirst(reader: FirstReader | undefined): void
  readonly consumedBytes: number
}

/** Who reads a bare stream. Called in the tick in which something arrived, never for what was there before it was attached. */
export interface StreamOwner {
  /** More bytes, or the peer's end. */
  onReadable(): void
  /** The stream was destroyed, by whomever: called once. */
  onClose(error?: Error): void
}

/** A stream without a Duplex: bytes are taken and written by whoever is attached, until `connection` is used for the first time. */
export interface BareStream {
  readonly id: number
  readonly copies: boolean
  readonly peerEnded: boolean
  readonly consumedBytes: number
  readonly receivedBytes: number
  readonly destroyed: boolean
  /** The same stream as a Duplex, made when it is asked for. */
  readonly connection: SmuxStream
  /** It was asked for. */
  readonly isConnection: boolean
  /** Bytes that wait to be taken. */
  readonly available: number
  /** The peer sends no more, and everything was taken. */
  readonly finished: boolean
  /** Written, and not yet on its way. */
  readonly unsentBytes: number
  /** Called once, after it was destroyed: for whoever counts streams. */
  onClosed: (() => void) | undefined
  readFirst(reader: FirstReader | undefined): void
  attach(owner: StreamOwner): void
  /** The next chunk, undefined when there is none. What is taken counts as read: the peer may send as much again. */
  take(): Buffer | undefined
  /** `taken` is called when the bytes are on their way, or with an error when they never will be. */
  write(bytes: Buffer, taken?: (error?: Error | null) => void): void
  /** Nothing is wanted any more: FIN goes out behind what was written. */
  close(): void
  /** Drops what is unread and unsent. */
  destroy(error?: Error): void
}

export interface OpenOptions {
  /** First bytes of the stream: they go out together with SYN or, when the stream is destroyed before, not at all. */
  preface?: Buffer
}

export interface SmuxSession extends Closable {
  /** Opens a stream; SYN goes out together with the first write (or in the next tick). Throws when closed. */
  open(options?: OpenOptions): SmuxStream
  openBare(options?: OpenOptions): BareStream
  readonly streamCount: number
  /** Resolves when the session is over: undefined when we closed it, else why. */
  readonly closed: Promise<Error | undefined>
  /** Monotonic ms of the last byte received. */
  readonly lastReceivedAt: number
  /** Bytes queued for the connection and not yet taken by it. */
  readonly queuedBytes: number
  /** Streams with data that wait for the peer's budget (`peerBudgetBytes`), not for their own window: many for long = stalled visitors hold it all. */
  readonly starvedStreams: number
}
