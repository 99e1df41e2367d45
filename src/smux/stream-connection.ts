/** A stream as a Duplex, for all who splice, pipe or read at leisure. From its making on it alone reads and writes the stream. */
import { Duplex } from 'node:stream'
import type { Stream } from './bare-stream.ts'
import type { Taken } from './outbox.ts'
import type { FirstReader, SmuxStream, StreamOwner } from './types.ts'

/** What is read ahead into a Duplex buffer. More would only hide bytes there. */
const BUFFER_BYTES = 65_536

export class StreamConnection extends Duplex implements SmuxStream, StreamOwner {
  readonly #stream: Stream
  /** The reader wants more (`_read` came, the last push was not refused). */
  #wanted = false

  constructor(stream: Stream) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES })
    this.#stream = stream
    // A lost session destroys every stream with an error; one that nobody listens to yet must not end the process.
    this.on('error', ignore)
  }

  get id(): number {
    return this.#stream.id
  }

  get copies(): boolean {
    return this.#stream.copies
  }

  get peerEnded(): boolean {
    return this.#stream.peerEnded
  }

  get sentBytes(): number {
    return this.#stream.sentBytes
  }

  get consumedBytes(): number {
    return this.#stream.consumedBytes
  }

  readFirst(reader: FirstReader | undefined): void {
    this.#stream.readFirst(reader)
  }

  onReadable(): void {
    const stream = this.#stream
    while (this.#wanted && stream.available > 0) {
      const direct = this.readableFlowing === true && this.readableLength === 0
      const chunk = stream.shift(!direct)
      if (chunk === undefined) break
      this.#wanted = this.push(chunk)
    }
    if (stream.finished && !this.destroyed) this.push(null)
    // Consumed is what left our queues, not what was pushed: the Duplex buffer hides up to its high-water mark.
    stream.account(this.readableLength)
  }

  onClose(): void {
    // `_destroy` told the stream.
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    this.#stream.account(this.readableLength)
    return chunk
  }

  override _read(): void {
    this.#wanted = true
    this.#stream.deliver()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Taken): void {
    this.#stream.send([chunk], chunk.length, callback)
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, callback: Taken): void {
    let bytes = 0
    const pieces = chunks.map(({ chunk }) => {
      bytes += chunk.length
      return chunk
    })
    this.#stream.send(pieces, bytes, callback)
  }

  override _final(callback: Taken): void {
    this.#stream.end()
    callback()
  }

  override _destroy(error: Error | null, callback: Taken): void {
    this.#stream.drop(error ?? undefined)
    callback(error)
  }
}

const ignore = (): void => {}
