/** Clients of a proxy, as simple as they can be: SOCKS5, CONNECT and plain HTTP over one socket, with what came back so far. */
import net from 'node:net'
import { eventually } from './eventually.ts'

export interface RawClient {
  readonly socket: net.Socket
  readonly received: Buffer
  readonly text: string
  readonly ended: boolean
  /** Closed with an error. */
  readonly broken: boolean
  write(bytes: string | Buffer): void
  /** Until what came matches; gives it. */
  until(pattern: RegExp | number): Promise<string>
  closed(): Promise<void>
}

const open = new Set<net.Socket>()

export function rawClient(url: string | number): Promise<RawClient> {
  const port = typeof url === 'number' ? url : Number(new URL(url).port)
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  open.add(socket)
  const state = { received: Buffer.alloc(0), ended: false, broken: false, closed: false }
  socket.on('data', chunk => (state.received = Buffer.concat([state.received, chunk])))
  socket.on('end', () => (state.ended = true))
  socket.on('error', () => (state.broken = true))
  socket.on('close', () => {
    state.closed = true
    open.delete(socket)
  })
  const client: RawClient = {
    socket,
    get received() {
      return state.received
    },
    get text() {
      return state.received.toString('latin1')
    },
    get ended() {
      return state.ended
    },
    get broken() {
      return state.broken
    },
    write: bytes => void socket.write(bytes),
    async until(pattern) {
      await eventually(() => {
        const enough = typeof pattern === 'number' ? state.received.length >= pattern : pattern.test(client.text)
        if (!enough) throw new Error(`so far came ${JSON.stringify(client.text.slice(0, 300))}`)
      })
      return client.text
    },
    async closed() {
      await eventually(() => state.closed || state.ended)
      socket.destroy()
    }
  }
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(client))
    socket.once('error', reject)
  })
}

/** For `afterEach`. */
export function endClients(): void {
  for (const socket of open) socket.destroy()
}

export function socksRequest(host: string, port: number, command = 1): Buffer {
  const name = Buffer.from(host, 'latin1')
  return Buffer.concat([Buffer.from([5, 1, 0, 5, command, 0, 3, name.length]), name, Buffer.from([port >> 8, port & 255])])
}

/** A connection through SOCKS; the two answers are taken off. */
export async function throughSocks(url: string, host: string, port: number): Promise<{ client: RawClient; reply: number }> {
  const client = await rawClient(url)
  client.write(socksRequest(host, port))
  await client.until(12)
  return { client, reply: client.received[3] ?? -1 }
}

export async function throughConnect(url: string, to: string): Promise<{ client: RawClient; status: number }> {
  const client = await rawClient(url)
  client.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`)
  const text = await client.until(/\r\n\r\n/)
  return { client, status: Number(text.split(' ')[1]) }
}

/** One request on a connection of its own; the whole answer with its head. */
export async function get(url: string, target: string, headers = ''): Promise<string> {
  const client = await rawClient(url)
  client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`)
  await eventually(() => client.ended || client.broken)
  client.socket.destroy()
  return client.text
}
