/**
 * A TCP relay that does to connections what networks do: one set of faults per direction, applied to all its connections at once, changed
 * while they run (after toxiproxy's catalogue). `delay` models a long line: bytes keep their order and their rate, and nothing waits for
 * an answer; the handshake itself is not delayed.
 */
import net from 'node:net'
import type { Endpoint } from '../../src/base/connection.ts'

export interface Faults {
  /** Every write carries at most `bytes`, each in an event loop turn of its own. */
  slice(bytes: number): void
  /** Bytes arrive so much later. */
  delay(ms: number): void
  throttle(bytesPerSecond: number): void
  /** Nothing passes and nothing is read, until `resume()`: the sender's buffers fill up. */
  stall(): void
  resume(): void
  /** Each connection passes so many bytes more, then is reset. */
  cutAfter(bytes: number): void
  /** Bytes are read and lost, and so is the end. */
  blackhole(): void
  /** FIN towards the receiver on the connections there are; what still comes is lost. */
  halfClose(): void
  /** RST towards the receiver on the connections there are. */
  reset(): void
  /** Undoes slice, delay, throttle, stall, cutAfter and blackhole. */
  clear(): void
  /** Bytes delivered. */
  readonly bytes: number
}

export interface FaultProxy {
  readonly host: string
  readonly port: number
  readonly toServer: Faults
  readonly toClient: Faults
  /** Open now, and accepted ever. */
  readonly connections: number
  readonly accepted: number
  /** Resets every connection, both ways. */
  reset(): void
  /** Loses the connections there are for good, as a router does that forgets them: neither end hears of the other again. */
  forget(): void
  /** New connections are refused by the system, as when nothing listens. */
  refuse(on: boolean): Promise<void>
  close(): Promise<void>
}

/** The most that a direction holds back before it stops reading. */
const HELD_BYTES = 32 * 1024 * 1024

interface Settings {
  slice: number
  delayMs: number
  bytesPerSecond: number
  stalled: boolean
  blackhole: boolean
  cutAfter: number | undefined
}

const NONE: Settings = { slice: Infinity, delayMs: 0, bytesPerSecond: Infinity, stalled: false, blackhole: false, cutAfter: undefined }

class Direction implements Faults {
  readonly pipes = new Set<Pipe>()
  settings: Settings = { ...NONE }
  bytes = 0
  readonly #whenPassing: (() => void)[] = []

  /** Now, or once the line is no longer stalled. */
  whenPassing(run: () => void): void {
    if (this.settings.stalled) this.#whenPassing.push(run)
    else run()
  }

  attach(pipe: Pipe): void {
    this.pipes.add(pipe)
    pipe.changed(false)
  }
  #set(change: Partial<Settings>): void {
    this.settings = { ...this.settings, ...change }
    if (!this.settings.stalled) for (const run of this.#whenPassing.splice(0)) run()
    for (const pipe of this.pipes) pipe.changed('cutAfter' in change)
  }
  slice(bytes: number): void {
    this.#set({ slice: bytes })
  }
  delay(ms: number): void {
    this.#set({ delayMs: ms })
  }
  throttle(bytesPerSecond: number): void {
    this.#set({ bytesPerSecond })
  }
  stall(): void {
    this.#set({ stalled: true })
  }
  resume(): void {
    this.#set({ stalled: false })
  }
  cutAfter(bytes: number): void {
    this.#set({ cutAfter: bytes })
  }
  blackhole(): void {
    this.#set({ blackhole: true })
  }
  clear(): void {
    this.#set(NONE)
  }
  halfClose(): void {
    for (const pipe of this.pipes) pipe.halfClose()
  }
  reset(): void {
    for (const pipe of this.pipes) pipe.reset()
  }
}

interface Held {
  at: number
  /** Undefined: the end. */
  chunk: Buffer | undefined
}

/** One direction of one connection: a line of bytes, each with the time at which it is due. */
class Pipe {
  readonly #from: net.Socket
  readonly #to: net.Socket
  readonly #faults: Direction
  #line: Held[] = []
  #heldBytes = 0
  #writing = false
  #dropping = false
  #passed = 0
  /** When the throttled line is free again. */
  #freeAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor(from: net.Socket, to: net.Socket, faults: Direction) {
    this.#from = from
    this.#to = to
    this.#faults = faults
    from.on('data', chunk => this.#hold(chunk))
    from.on('end', () => this.#hold(undefined))
    to.on('close', () => {
      clearTimeout(this.#timer)
      faults.pipes.delete(this)
    })
  }

  /** The settings are others now. */
  changed(restart: boolean): void {
    if (restart) this.#passed = 0
    this.#flow()
    this.#pump()
  }

  halfClose(): void {
    this.#dropping = true
    this.#to.end()
  }

  /** Reads and loses all that comes, and the end too. */
  forget(): void {
    this.#dropping = true
    this.#line = []
    this.#heldBytes = 0
    this.#from.resume()
  }

  reset(): void {
    this.#to.resetAndDestroy()
    this.#from.destroy()
  }

  #hold(chunk: Buffer | undefined): void {
    const { blackhole, delayMs } = this.#faults.settings
    if (blackhole || this.#dropping) return
    this.#line.push({ at: performance.now() + delayMs, chunk })
    this.#heldBytes += chunk?.length ?? 0
    this.#flow()
    this.#pump()
  }

  /** Reads on, or stops reading when stalled or full. */
  #flow(): void {
    if (this.#faults.settings.stalled || this.#heldBytes > HELD_BYTES) this.#from.pause()
    else if (this.#from.isPaused()) this.#from.resume()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    for (;;) {
      const [next] = this.#line
      const { stalled, slice } = this.#faults.settings
      if (next === undefined || stalled || this.#writing || this.#to.destroyed) return
      const waitMs = Math.max(next.at, this.#freeAt) - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs)
        return
      }
      if (next.chunk === undefined) {
        this.#line.shift()
        this.#to.end()
      } else if (!this.#write(next, next.chunk)) return
      if (slice !== Infinity) {
        setImmediate(() => this.#pump())
        return
      }
    }
  }

  /** Sends the first piece of what is due; false when the connection was cut. */
  #write(held: Held, chunk: Buffer): boolean {
    const { slice, bytesPerSecond, cutAfter } = this.#faults.settings
    const left = cutAfter === undefined ? Infinity : Math.max(0, cutAfter - this.#passed)
    // A throttled line moves a hundredth of its rate at a time.
    const size = Math.min(chunk.length, slice, left, Math.max(1, Math.ceil(bytesPerSecond / 100)))
    const piece = chunk.subarray(0, size)
    if (size === chunk.length) this.#line.shift()
    else held.chunk = chunk.subarray(size)
    this.#heldBytes -= size
    this.#passed += size
    this.#faults.bytes += size
    if (bytesPerSecond !== Infinity) this.#freeAt = Math.max(performance.now(), this.#freeAt) + (size / bytesPerSecond) * 1000
    const cut = left === size
    const ready = this.#to.write(piece, () => {
      if (cut) this.reset()
      if (!this.#writing) return
      this.#writing = false
      this.#flow()
      this.#pump()
    })
    this.#writing = !ready || cut
    return !cut
  }
}

export async function startFaultProxy({ to }: { to: Endpoint }): Promise<FaultProxy> {
  const toServer = new Direction()
  const toClient = new Direction()
  const sockets = new Set<net.Socket>()
  const forgotten = new WeakSet<net.Socket>()
  let accepted = 0
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, client => {
    accepted += 1
    const upstream = net.connect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(socket)
      // A reset is passed on as a reset, after a stall when nothing passes yet: whoever sends on a connection that the other has given up
      // is told so. A socket that closed after both its ends leaves the other alone.
      socket.on('error', () => {
        if (forgotten.has(socket)) return
        const direction = socket === client ? toServer : toClient
        if (!direction.settings.blackhole) direction.whenPassing(() => other.resetAndDestroy())
      })
      socket.on('close', () => sockets.delete(socket))
    }
    toServer.attach(new Pipe(client, upstream, toServer))
    toClient.attach(new Pipe(upstream, client, toClient))
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  await listen(0)
  const { port } = server.address() as net.AddressInfo
  return {
    host: '127.0.0.1',
    port,
    toServer,
    toClient,
    get connections() {
      return sockets.size / 2
    },
    get accepted() {
      return accepted
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    forget() {
      for (const socket of sockets) forgotten.add(socket)
      for (const { pipes } of [toServer, toClient]) for (const pipe of pipes) pipe.forget()
    },
    async refuse(on) {
      if (on && server.listening) server.close()
      else if (!on && !server.listening) await listen(port)
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise(resolve => server.close(resolve))
    }
  }
}
