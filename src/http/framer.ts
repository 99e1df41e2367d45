/**
 * Follows the body of a message to its end without keeping a byte. A body of known length costs nothing per byte; chunked ones (RFC 9112 §7.1) are
 * followed strictly: CRLF only, limited size lines and trailers. How a body ends: `framing.ts`.
 */
import { ProtocolError } from '../base/errors.ts'
import type { Framing } from './message.ts'

export interface BodyPart {
  /** Bytes of the chunk that belong to the body as it travels (chunk lines and trailers count). */
  consumed: number
  /** The body is complete; `rest` belongs to what follows it. */
  done: boolean
  rest: Buffer
}

/** Sees the content itself, without chunk lines. The bytes belong to whoever read them: a sink that keeps some copies them. */
export interface BodySink {
  payload(bytes: Buffer): void
  /** The trailer section as it travelled, with the empty line; called once, when there is one. */
  trailers(raw: Buffer): void
}

const NOTHING = Buffer.alloc(0)
/** A chunk-size line with its extensions, which nobody uses but attackers. */
const SIZE_LINE_LIMIT = 4_096
const TRAILER_LIMIT = 65_536
/** Whoever takes trailers for headers would read another message (RFC 9110 §6.5.1). */
const NEVER_TRAILERS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host'])
const LONGEST_NEVER = 17
/** Hex digits that stay below 2^52. */
const MAX_SIZE_DIGITS = 13
const LF = 10
const CR = 13
const COLON = 58
const SEMICOLON = 59
const TAB = 9
const SPACE = 32

type State = 'size' | 'extension' | 'size-lf' | 'payload' | 'payload-cr' | 'payload-lf' | 'trailer' | 'trailer-lf' | 'done'

export class BodyFramer {
  readonly #kind: Framing['kind']
  /** Bytes to go: of the body, or of the current chunk. */
  #left = 0
  #state: State = 'payload'
  #digits = 0
  #lineLength = 0
  #trailerLength = 0
  /** The colon of the trailer line has come. */
  #named = false
  /** What came before it, as far as it matters. */
  #name = ''
  #payloadBytes = 0
  readonly #sink: BodySink | undefined
  /** The trailer section, while there is a sink. */
  #trailers: number[] | undefined

  constructor(framing: Framing, sink?: BodySink) {
    this.#kind = framing.kind
    this.#sink = sink
    if (framing.kind === 'length') this.#left = framing.length
    if (framing.kind === 'chunked') this.#state = 'size'
    if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) this.#state = 'done'
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /** Bytes of content so far, without chunk lines and trailers. */
  get payloadBytes(): number {
    return this.#payloadBytes
  }

  /** The body ends with the connection. */
  get untilClose(): boolean {
    return this.#kind === 'close'
  }

  /** Bytes still to come, where that is known. */
  get remaining(): number | undefined {
    return this.#kind === 'length' ? this.#left : undefined
  }

  /** Throws a ProtocolError: HTTP_CHUNK, HTTP_TRAILER. `close` and `tunnel` bodies take everything and are never done. */
  push(chunk: Buffer): BodyPart {
    if (this.#state === 'done') return { consumed: 0, done: true, rest: chunk }
    if (this.#kind === 'length') return this.#count(chunk)
    if (this.#kind !== 'chunked') {
      this.#payloadBytes += chunk.length
      this.#sink?.payload(chunk)
      return { consumed: chunk.length, done: false, rest: NOTHING }
    }
    const consumed = this.#chunked(chunk)
    return { consumed, done: this.done, rest: consumed === chunk.length ? NOTHING : chunk.subarray(consumed) }
  }

  #count(chunk: Buffer): BodyPart {
    const consumed = Math.min(this.#left, chunk.length)
    this.#left -= consumed
    this.#payloadBytes += consumed
    if (this.#left === 0) this.#state = 'done'
    this.#sink?.payload(consumed === chunk.length ? chunk : chunk.subarray(0, consumed))
    return { consumed, done: this.#left === 0, rest: consumed === chunk.length ? NOTHING : chunk.subarray(consumed) }
  }

  #chunked(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && this.#state !== 'done') {
      if (this.#state === 'payload') {
        const skipped = Math.min(this.#left, chunk.length - at)
        this.#left -= skipped
        this.#payloadBytes += skipped
        this.#sink?.payload(chunk.subarray(at, at + skipped))
        at += skipped
        if (this.#left === 0) this.#state = 'payload-cr'
      } else {
        this.#line(chunk[at] ?? 0)
        at += 1
      }
    }
    return at
  }

  /** One byte outside of the content. */
  #line(byte: number): void {
    switch (this.#state) {
      case 'size':
        return this.#size(byte)
      case 'extension':
        this.#limit(SIZE_LINE_LIMIT, 'HTTP_CHUNK')
        if (byte === CR) this.#state = 'size-lf'
        else if (isControl(byte)) throw broken('a control character in a chunk extension')
        return
      case 'size-lf':
        if (byte !== LF) throw broken('a chunk-size line ends without LF')
        this.#lineLength = 0
        this.#digits = 0
        this.#state = this.#left === 0 ? 'trailer' : 'payload'
        return
      case 'payload-cr':
        if (byte !== CR) throw broken('a chunk is longer than its size')
        this.#state = 'payload-lf'
        return
      case 'payload-lf':
        if (byte !== LF) throw broken('a chunk ends without LF')
        this.#state = 'size'
        return
      case 'trailer':
      case 'trailer-lf':
        return this.#trailer(byte)
      case 'payload':
      case 'done':
        return // `#chunked` takes these itself
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      this.#digits += 1
      if (this.#digits > MAX_SIZE_DIGITS) throw broken('a chunk size is too large')
      this.#left = this.#left * 16 + digit
    } else if (this.#digits === 0) throw broken('a chunk size is missing')
    else if (byte === CR) this.#state = 'size-lf'
    else if (byte === SEMICOLON) this.#state = 'extension'
    else throw broken('a chunk size is not hexadecimal')
  }

  #trailer(byte: number): void {
    this.#trailerLength += 1
    if (this.#sink !== undefined) (this.#trailers ??= []).push(byte)
    if (this.#trailerLength > TRAILER_LIMIT) throw new ProtocolError('HTTP_TRAILER', `trailers larger than ${TRAILER_LIMIT} bytes`)
    if (this.#state === 'trailer-lf') {
      if (byte !== LF) throw new ProtocolError('HTTP_TRAILER', 'a trailer line ends without LF')
      this.#state = this.#lineLength === 0 ? 'done' : 'trailer'
      this.#lineLength = 0
      this.#named = false
      this.#name = ''
      if (this.#state === 'done' && this.#trailerLength > 2) this.#sink?.trailers(Buffer.from(this.#trailers ?? []))
    } else if (byte === CR) {
      if (this.#lineLength > 0 && !this.#named) throw new ProtocolError('HTTP_TRAILER', 'a trailer line has no name')
      this.#state = 'trailer-lf'
    } else {
      if (byte === COLON && this.#lineLength > 0 && !this.#named) this.#nameTrailer()
      else if (this.#named ? isControl(byte) : !isTokenByte(byte)) throw new ProtocolError('HTTP_TRAILER', 'a trailer line is malformed')
      if (!this.#named && this.#name.length <= LONGEST_NEVER) this.#name += String.fromCharCode(byte)
      this.#lineLength += 1
    }
  }

  #nameTrailer(): void {
    this.#named = true
    if (NEVER_TRAILERS.has(this.#name.toLowerCase())) throw new ProtocolError('HTTP_TRAILER', 'a trailer that belongs into the head')
  }

  #limit(limit: number, code: string): void {
    this.#lineLength += 1
    if (this.#lineLength > limit) throw new ProtocolError(code, `a chunk-size line is longer than ${limit} bytes`)
  }
}

const broken = (message: string): ProtocolError => new ProtocolError('HTTP_CHUNK', message)
const isTokenByte = (byte: number): boolean => byte < 128 && /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte))
const isControl = (byte: number): boolean => (byte < SPACE && byte !== TAB) || byte === 127

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
