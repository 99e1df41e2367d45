/** Two connected ends in memory, with half-close and back-pressure: what a protocol above can be driven over without a network. */
import { Duplex } from 'node:stream'
import type { Connection, Endpoint } from '../base/connection.ts'

export interface MemoryPairOptions {
  /** Bytes buffered per direction and end before a writer has to wait. Default 64 KiB. */
  highWaterMark?: number
  opaque?: boolean
}

export function memoryPair(options: MemoryPairOptions = {}): [Connection, Connection] {
  const a = new MemoryEnd({ host: 'memory', port: 1 }, { host: 'memory', port: 2 }, options)
  const b = new MemoryEnd({ host: 'memory', port: 2 }, { host: 'memory', port: 1 }, options)
  a.join(b)
  b.join(a)
  return [a, b]
}

class MemoryEnd extends Duplex {
  readonly local: Endpoint
  readonly remote: Endpoint
  readonly opaque: boolean
  #peer: MemoryEnd | undefined
  /** The peer's writer, waiting until we read. */
  #release: (() => void) | undefined

  constructor(local: Endpoint, remote: Endpoint, options: MemoryPairOptions) {
    super({ allowHalfOpen: true, highWaterMark: options.highWaterMark ?? 65_536 })
    this.local = local
    this.remote = remote
    this.opaque = options.opaque ?? false
    this.on('error', () => {}) // as with sockets of this folder: `close` follows
  }

  join(peer: MemoryEnd): void {
    this.#peer = peer
  }

  /** Delivers in a later microtask, as a network would never call back within the write. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    queueMicrotask(() => this.#peer?.receive(chunk, done))
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    const bytes = Buffer.concat(chunks.map(({ chunk }) => chunk))
    queueMicrotask(() => this.#peer?.receive(bytes, done))
  }

  override _final(done: () => void): void {
    queueMicrotask(() => {
      this.#peer?.receiveEnd()
      done()
    })
  }

  override _read(): void {
    const release = this.#release
    this.#release = undefined
    release?.()
  }

  receive(bytes: Buffer, done: (error?: Error) => void): void {
    if (this.destroyed) done(systemError('EPIPE', 'the other end is gone'))
    else if (this.push(bytes)) done()
    else this.#release = done
  }

  receiveEnd(): void {
    if (!this.destroyed && !this.readableEnded) this.push(null)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const peer = this.#peer
    const release = this.#release
    this.#release = undefined
    queueMicrotask(() => {
      if (error !== null) peer?.destroy(systemError('ECONNRESET', 'reset by the other end'))
      else if (!this.writableFinished) peer?.receiveEnd()
      release?.()
    })
    done(error)
  }
}

const systemError = (code: string, message: string): Error => Object.assign(new Error(`${code}: ${message}`), { code })
