/**
 * A command in a container as a byte stream: what is written is its stdin, what it writes is read. On API servers that cannot end stdin `end()` only says
 * that nothing more comes. Bounded by the WebSocket's own back-pressure in both directions. `exec-channels.ts` has the protocol.
 */
import { Duplex } from 'node:stream'
import type { Clock, Timer } from '../base/clock.ts'
import { printable } from '../base/format.ts'
import { encodeBinaryFrame } from '../transport/frame.ts'
import type { ApiClient } from './api-client.ts'
import { type ExecStatus, execExitCode } from './errors.ts'
import { CHANNEL, type ExecWebSocket, openExec, parseExecStatus } from './exec-channels.ts'
import type { Cluster } from './types.ts'

const PING_MS = 20_000
const STDERR_CHARS = 500

/** The command ended with another status than 0: 127 where the container has no such program. */
export class ExecEnded extends Error {
  override readonly name = 'ExecEnded'
  readonly exitCode: number
  readonly stderr: string

  constructor(program: string, exitCode: number, stderr: string) {
    super(`${program} ended with exit code ${exitCode}${stderr === '' ? '' : `: ${stderr}`}`)
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

export function podExecConnection(client: ApiClient, clock: Clock): Cluster['execConnection'] {
  return async (namespace, pod, command, signal) => {
    const api = await openExec(client, { namespace, pod, command, stdin: true, clock, signal })
    return new ExecConnection(api, { program: command.command[0] ?? '', clock, secure: client.secure })
  }
}

interface ExecConnectionOptions {
  program: string
  clock: Clock
  secure: boolean
}

class ExecConnection extends Duplex {
  readonly opaque = true
  readonly #api: ExecWebSocket
  readonly #options: ExecConnectionOptions
  readonly #ping: Timer
  #status: ExecStatus | undefined
  #stderr = ''

  constructor(api: ExecWebSocket, options: ExecConnectionOptions) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#api = api
    this.#options = options
    this.on('error', () => {}) // `close` follows
    this.#ping = options.clock.every(PING_MS, () => api.ws.ping(), { unref: true })
    api.ws.binaryType = 'nodebuffer'
    api.ws.on('message', data => this.#receive(data as Buffer))
    api.ws.on('error', error => this.destroy(error))
    api.ws.on('close', () => this.#receiveClose())
    api.socket.on('error', error => this.destroy(error))
    api.ws.resume()
  }

  override _read(): void {
    if (this.#api.ws.isPaused) this.#api.ws.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(CHANNEL.stdin, chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#api.endsStdin) this.#send(CHANNEL.close, Buffer.from([CHANNEL.stdin]), done)
    else done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ping.cancel()
    this.#api.ws.terminate()
    this.#api.socket.destroy()
    done(error)
  }

  #send(channel: number, payload: Buffer, done: (error?: Error | null) => void): void {
    const { socket } = this.#api
    const frames = encodeBinaryFrame([Buffer.from([channel]), payload], this.#options.secure ? 'zero' : 'random')
    const last = frames.length - 1
    socket.cork()
    frames.forEach((frame, index) => (index < last ? socket.write(frame) : socket.write(frame, done)))
    socket.uncork()
  }

  #receive(message: Buffer): void {
    const payload = message.subarray(1)
    if (message[0] === CHANNEL.stdout && payload.length > 0) {
      if (!this.push(payload)) this.#api.ws.pause()
    } else if (message[0] === CHANNEL.stderr && this.#stderr.length < STDERR_CHARS) this.#stderr += payload.toString('utf8')
    else if (message[0] === CHANNEL.error) this.#status = parseExecStatus(payload)
  }

  #receiveClose(): void {
    if (this.destroyed) return
    const failure = this.#failure()
    if (failure !== undefined) return void this.destroy(failure)
    this.push(null)
    // There is nobody left to write to.
    if (!this.writableEnded) this.end()
  }

  #failure(): Error | undefined {
    const { program } = this.#options
    if (this.#status === undefined) return Object.assign(new Error('the connection to the container was cut'), { code: 'ECONNRESET' })
    try {
      const exitCode = execExitCode(this.#status)
      return exitCode === 0 ? undefined : new ExecEnded(program, exitCode, printable(this.#stderr.trim(), STDERR_CHARS))
    } catch (error) {
      return error as Error
    }
  }
}
