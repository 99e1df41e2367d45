/**
 * TCP: dialling and listening. A `net.Socket` is the `Connection`, nothing is wrapped around it: opening the connection to the local app
 * happens once per visitor and is the largest cost of the product. No timeouts here: the signal of a `Dial` carries them.
 */
import net from 'node:net'
import { type Connection, type DialTo, type Endpoint, formatEndpoint } from '../base/connection.ts'
import { errnoOf } from '../base/errors.ts'
import { closeOnce, deferred } from '../base/closable.ts'
import { PooledReads } from './read-pool.ts'
import type { Listener, OnConnection } from './types.ts'

export interface TcpOptions {
  /** Idle time before the first keep-alive probe; 0 turns probes off. Never used towards loopback, where a peer cannot vanish. */
  keepAliveMs?: number
  /** Reads into memory that `giveBack` of base/lent.ts makes usable again. */
  pooled?: boolean
}

/** Looks its ends up when somebody asks (two system calls, which a connection per visitor does without) and remembers them. */
class KnownSocket extends net.Socket {
  /** The system has taken what was written by the time that a write calls back. */
  readonly copies = true
  #local: Endpoint | undefined
  #remote: Endpoint | undefined

  get local(): Endpoint | undefined {
    this.#local ??= endpointFrom(this.localAddress, this.localPort)
    return this.#local
  }

  get remote(): Endpoint | undefined {
    this.#remote ??= endpointFrom(this.remoteAddress, this.remotePort)
    return this.#remote
  }
}

/** A `Dial` whose signal may be left out: for a machine that accepts or refuses at once, its listeners cost more than all else. */
export type Connect = (signal?: AbortSignal) => Promise<Connection>

type AcceptedSocket = net.Socket & { local?: Endpoint; remote?: Endpoint }

const LOOPBACK = /^(?:127\.|::1$)/

/** Opens TCP connections to one endpoint. Errors are Node's own, with `code` (`ECONNREFUSED`) kept. */
export function dialTcp(endpoint: Endpoint, options: TcpOptions = {}): Connect {
  if (endpoint.host.toLowerCase() === 'localhost') return dialLocalhost(endpoint.port, options)
  return signal => connect(endpoint, options, signal)
}

/** The same for an address given at call time. */
export const dialTcpTo =
  (options: TcpOptions = {}): DialTo =>
  (to, signal) =>
    dialTcp(to, options)(signal)

/**
 * `localhost` without a look-up (a trip through the thread pool per visitor): 127.0.0.1, then ::1 when nobody listens there, since an
 * app may listen on only one of them. The one that worked is tried first from then on.
 */
function dialLocalhost(port: number, options: TcpOptions): Connect {
  const [IPV4, IPV6] = ['127.0.0.1', '::1']
  let first = IPV4
  return signal => {
    const tried = first
    return connect({ host: tried, port }, options, signal).catch(async (error: unknown) => {
      if (signal?.aborted === true || !nobodyThere(error)) throw error
      const other = tried === IPV4 ? IPV6 : IPV4
      const socket = await connect({ host: other, port }, options, signal).catch((second: unknown) => {
        throw signal?.aborted === true ? second : error
      })
      first = other
      return socket
    })
  }
}

const nobodyThere = (error: unknown): boolean => /^(?:ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT|ENETUNREACH)$/.test(errnoOf(error) ?? '')

function connect({ host, port }: Endpoint, options: TcpOptions, signal: AbortSignal | undefined): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const keepAliveMs = options.keepAliveMs ?? 30_000
    const keepAlive = keepAliveMs > 0 && !LOOPBACK.test(host)
    const settings = { allowHalfOpen: true, noDelay: true, keepAlive, keepAliveInitialDelay: keepAliveMs }
    const socket = options.pooled === true ? pooledSocket(settings) : new KnownSocket(settings)
    socket.connect({ host, port, autoSelectFamily: true })
    const onAbort = (): void => {
      socket.destroy()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    // Stays for the socket's life: a reset while nobody listens must not end the process; `close` follows and tells.
    socket.on('error', error => {
      signal?.removeEventListener('abort', onAbort)
      reject(error)
    })
    socket.once('connect', () => {
      signal?.removeEventListener('abort', onAbort)
      resolve(socket)
    })
  })
}

function pooledSocket(settings: net.SocketConstructorOpts): KnownSocket {
  const reads = new PooledReads()
  const socket: KnownSocket = new KnownSocket({
    ...settings,
    onread: { buffer: reads.buffer, callback: bytes => socket.push(reads.chunk(bytes)) }
  })
  // Not before `close`: until then the system may still write into it.
  return socket.once('close', () => reads.end())
}

/** What `net` has no types for: a socket's handle, and the server that counts it as open. */
interface Inside {
  _handle: object | null
  _server: net.Server | null
}

/** Only sockets that we make can have `onread`, so an accepted one hands its handle, not read from yet, to one of ours. */
function pooledFrom(accepted: net.Socket): KnownSocket {
  const inside = accepted as unknown as Inside
  const handle = { handle: inside._handle }
  const socket = pooledSocket({ allowHalfOpen: true, ...handle })
  Object.assign(socket, { _server: inside._server } satisfies Partial<Inside>)
  Object.assign(inside, { _handle: null, _server: null } satisfies Inside)
  return socket
}

const endpointFrom = (host: string | undefined, port: number | undefined): Endpoint | undefined =>
  host === undefined || port === undefined ? undefined : { host, port }

function setEndpoints(socket: AcceptedSocket): void {
  const local = endpointFrom(socket.localAddress, socket.localPort)
  const remote = endpointFrom(socket.remoteAddress, socket.remotePort)
  if (local !== undefined) socket.local = local
  if (remote !== undefined) socket.remote = remote
}

export interface ListenOptions extends Endpoint {
  /** Idle time before the first keep-alive probe; none without it. */
  keepAliveMs?: number
  /** As for those who dial. */
  pooled?: boolean
}

/** Accepts TCP connections. `close()` stops listening and ends the connections still open. Rejects with Node's error (`EADDRINUSE`). */
export async function listenTcp(at: ListenOptions, onConnection: OnConnection): Promise<Listener> {
  const open = new Set<net.Socket>()
  const { keepAliveMs } = at
  const probes = keepAliveMs === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveMs }
  const pooled = at.pooled === true
  const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: pooled, ...probes }, accepted => {
    // A peer that reset at once leaves none to take over.
    const socket: net.Socket = pooled && !accepted.destroyed ? pooledFrom(accepted) : accepted
    open.add(socket)
    socket.on('error', () => {}) // as in connect(): `close` follows
    socket.once('close', () => open.delete(socket))
    if (!(socket instanceof KnownSocket)) setEndpoints(socket)
    onConnection(socket)
  })
  const listening = deferred<void>()
  server.once('error', listening.reject)
  server.listen({ host: at.host, port: at.port }, () => listening.resolve())
  await listening.promise
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`no address after listening on ${formatEndpoint(at)}`)
  return {
    host: address.address,
    port: address.port,
    close: closeOnce(
      () =>
        new Promise<void>(resolve => {
          server.close(() => resolve())
          for (const socket of open) socket.destroy()
        })
    )
  }
}
