/**
 * One TCP connection to a pod port in a WebSocket of its own (`v4.channel.k8s.io`), for API servers before 1.30. First byte of a message = channel:
 * 0 data, 1 error; the first message of each channel is the port, two bytes, little endian. There is no half-close: `end()` lets the answer
 * come in and closes when the pod has been silent for a while. Reference: kubelet cri/streaming/portforward/websocket.go.
 */
import { Duplex } from 'node:stream'
import type { Clock, Timer } from '../base/clock.ts'
import type { Connection, Endpoint } from '../base/connection.ts'
import { encodeBinaryFrame } from '../transport/frame.ts'
import type { ApiWebSocket } from './api-websocket.ts'
import { forwardError, forwardLost } from './errors.ts'
import { LINGER_MS } from './forwarded-connection.ts'

export const V4 = 'v4.channel.k8s.io'

export interface V4Options {
  pod: string
  port: number
  secure: boolean
  clock: Clock
  /** After `end()`: silence after which the WebSocket is closed. */
  lingerMs?: number
}

const CHANNEL = { data: 0, error: 1 } as const
const DATA_CHANNEL = Buffer.from([CHANNEL.data])
const PING_MS = 20_000

export class V4Connection extends Duplex {
  readonly opaque = true
  readonly remote: Endpoint
  readonly #api: ApiWebSocket
  readonly #options: V4Options
  readonly #ping: Timer
  #linger: Timer | undefined
  /** Port messages still to come, per channel. */
  readonly #named = new Set<number>()
  #errorText = ''
  #ended = false

  constructor(api: ApiWebSocket, options: V4Options) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#api = api
    this.#options = options
    this.remote = { host: options.pod, port: options.port }
    this.on('error', () => {}) // `close` follows
    this.#ping = options.clock.every(PING_MS, () => api.ws.ping(), { unref: true })
    api.ws.binaryType = 'nodebuffer'
    api.ws.on('message', data => this.#receive(data as Buffer))
    api.ws.on('error', error => this.destroy(forwardLost(options.pod, error)))
    api.ws.on('close', code => this.#receiveClose(code))
    api.socket.on('error', error => this.destroy(forwardLost(options.pod, error)))
    api.ws.resume()
  }

  override _read(): void {
    if (this.#api.ws.isPaused) this.#api.ws.resume()
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
    this.#stayOpen()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ping.cancel()
    this.#linger?.cancel()
    if (this.#api.ws.readyState === this.#api.ws.OPEN && error === null) this.#api.ws.close()
    else {
      this.#api.ws.terminate()
      this.#api.socket.destroy()
    }
    done(error)
  }

  #send(chunks: Buffer[], done: (error?: Error | null) => void): void {
    const { socket } = this.#api
    const frames = encodeBinaryFrame([DATA_CHANNEL, ...chunks], this.#options.secure ? 'zero' : 'random')
    const last = frames.length - 1
    socket.cork()
    frames.forEach((frame, index) => (index < last ? socket.write(frame) : socket.write(frame, done)))
    socket.uncork()
  }

  #receive(message: Buffer): void {
    const channel = message[0]
    if (this.destroyed || this.#ended || channel === undefined) return
    if (!this.#named.has(channel)) {
      this.#named.add(channel)
      return
    }
    const payload = message.subarray(1)
    if (channel === CHANNEL.error) this.#errorText += payload.toString('utf8')
    else if (channel === CHANNEL.data && payload.length > 0) {
      if (this.writableEnded) this.#stayOpen()
      if (!this.push(payload)) this.#api.ws.pause()
    }
  }

  /** The pod may still answer after our end; there is no way to tell it that we are done. */
  #stayOpen(): void {
    this.#linger?.cancel()
    this.#linger = this.#options.clock.after(this.#options.lingerMs ?? LINGER_MS, () => this.destroy(), { unref: true })
  }

  #receiveClose(code: number): void {
    const { pod, port } = this.#options
    if (this.destroyed || this.#ended) return
    if (this.#errorText !== '') this.destroy(forwardError(this.#errorText, pod, port))
    else if (code !== 1000 && code !== 1005) this.destroy(forwardLost(pod))
    else {
      this.#ended = true
      this.push(null)
      // There is nobody left to write to.
      if (!this.writableEnded) this.end()
    }
  }
}

export const v4Connection = (api: ApiWebSocket, options: V4Options): Connection => new V4Connection(api, options)
