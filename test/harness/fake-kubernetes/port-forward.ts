/** The kubelet's end of a port-forward: SPDY/3.1 streams or v4 channels from a WebSocket to TCP ports of this machine. */
import net from 'node:net'
import { constants, inflateSync } from 'node:zlib'
import type { WebSocket } from 'ws'
import { dataHeader, encodeGoaway, encodePing, encodeReset, FIN, SpdyEncoder } from '../../../src/kube/spdy.ts'

/** Where a port of a pod leads: a local port, or undefined when nothing listens there. */
export type PortLookup = (port: number) => number | undefined

/** containerd waits a second for the other direction when one has ended, then closes both. */
const GRACE_MS = 50

interface Pair {
  data: number | undefined
  error: number | undefined
  port: number
}

const REFUSED = (port: number): string =>
  `error forwarding port ${port} to pod 0123, uid : failed to execute portforward in network namespace "/var/run/netns/cni-1": failed to connect to localhost:${port} inside namespace "0123", IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused`

/** One WebSocket of `SPDY/3.1+portforward.k8s.io`. Strict: data before SYN_REPLY, unknown frames or bad header blocks end it. */
export class FakeSpdyServer {
  readonly #ws: WebSocket
  readonly #lookup: PortLookup
  readonly #encoder = new SpdyEncoder()
  readonly #pairs = new Map<string, Pair>()
  readonly #sockets = new Map<number, net.Socket>()
  readonly pings: number[] = []
  #bytes = Buffer.alloc(0)
  #headerBytes = Buffer.alloc(0)
  #headerRead = 0

  constructor(ws: WebSocket, lookup: PortLookup) {
    this.#ws = ws
    this.#lookup = lookup
    ws.on('message', data => this.#receive(data as Buffer))
    ws.on('error', () => {})
    ws.on('close', () => {
      for (const socket of this.#sockets.values()) socket.destroy()
    })
  }

  goaway(): void {
    this.#send(encodeGoaway(0, 0))
  }

  ping(id: number): void {
    this.#send(encodePing(id))
  }

  #send(...frames: Buffer[]): void {
    for (const frame of frames) this.#ws.send(frame)
  }

  #receive(message: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, message])
    for (;;) {
      if (this.#bytes.length < 8) return
      const length = this.#bytes.readUIntBE(5, 3)
      if (this.#bytes.length < 8 + length) return
      const frame = this.#bytes.subarray(0, 8 + length)
      this.#bytes = this.#bytes.subarray(8 + length)
      if ((frame[0] ?? 0) < 0x80) this.#data(frame)
      else this.#control(frame)
    }
  }

  #data(frame: Buffer): void {
    const socket = this.#sockets.get(frame.readUInt32BE(0))
    if (frame.length > 8) socket?.write(frame.subarray(8))
    // The app is not told; it just loses the connection a little later.
    if (((frame[4] ?? 0) & FIN) !== 0) setTimeout(() => socket?.destroy(), GRACE_MS)
  }

  #control(frame: Buffer): void {
    const type = frame.readUInt16BE(2)
    if (type === 1) this.#syn(frame)
    else if (type === 3) this.#sockets.get(frame.readUInt32BE(8))?.destroy()
    else if (type === 6) this.pings.push(frame.readUInt32BE(8))
    else this.#ws.close(1002, `frame type ${type}`)
  }

  #syn(frame: Buffer): void {
    const stream = frame.readUInt32BE(8)
    const headers = this.#headers(frame.subarray(18))
    const id = headers['requestid'] ?? ''
    const pair = this.#pairs.get(id) ?? { data: undefined, error: undefined, port: Number(headers['port']) }
    this.#pairs.set(id, pair)
    if (headers['streamtype'] === 'error') pair.error = stream
    else pair.data = stream
    this.#send(this.#encoder.synReply(stream))
    if (pair.data !== undefined && pair.error !== undefined) {
      this.#pairs.delete(id)
      this.#connect(pair.data, pair.error, pair.port)
    }
  }

  /** All header blocks are one zlib stream; inflating it from the start each time is simple and fast enough for tests. */
  #headers(block: Buffer): Record<string, string> {
    this.#headerBytes = Buffer.concat([this.#headerBytes, block])
    const all = inflateSync(this.#headerBytes, { finishFlush: constants.Z_SYNC_FLUSH })
    const raw = all.subarray(this.#headerRead)
    this.#headerRead = all.length
    const out: Record<string, string> = {}
    let at = 4
    const text = (): string => {
      const length = raw.readUInt32BE(at)
      at += 4 + length
      return raw.toString('utf8', at - length, at)
    }
    for (let count = raw.readUInt32BE(0); count > 0; count -= 1) {
      const name = text()
      out[name] = text()
    }
    return out
  }

  /** As containerd 1.6: a refusal ends the data stream first, then says why on the error stream. */
  #connect(data: number, error: number, port: number): void {
    const fin = (stream: number): Buffer => dataHeader(stream, 0, true)
    const local = this.#lookup(port)
    const refuse = (): void => {
      const text = Buffer.from(REFUSED(port))
      this.#send(fin(data), Buffer.concat([dataHeader(error, text.length, false), text]), fin(error))
    }
    if (local === undefined) return refuse()
    const socket = net.connect({ port: local, host: '127.0.0.1', allowHalfOpen: true })
    this.#sockets.set(data, socket)
    let connected = false
    socket.once('connect', () => {
      connected = true
    })
    socket.on('data', chunk => {
      this.#ws.send(Buffer.concat([dataHeader(data, chunk.length, false), chunk]), () => socket.resume())
      if (this.#ws.bufferedAmount > 1_000_000) socket.pause()
    })
    socket.on('end', () => setTimeout(() => socket.destroy(), GRACE_MS))
    socket.on('error', () => {
      if (connected) this.#send(encodeReset(data, 5))
      else refuse()
    })
    socket.on('close', () => {
      this.#sockets.delete(data)
      if (connected) this.#send(fin(error), fin(data))
    })
  }
}

/** One WebSocket of `v4.channel.k8s.io`: one connection; channel 0 data, 1 error. */
export function serveV4(ws: WebSocket, port: number, lookup: PortLookup): void {
  const portBytes = Buffer.alloc(2)
  portBytes.writeUInt16LE(port)
  ws.on('error', () => {})
  for (const channel of [0, 1]) ws.send(Buffer.concat([Buffer.from([channel]), portBytes]))
  const refuse = (): void => {
    ws.send(Buffer.concat([Buffer.from([1]), Buffer.from(REFUSED(port))]))
    ws.close(1000)
  }
  const local = lookup(port)
  if (local === undefined) return refuse()
  const socket = net.connect({ port: local, host: '127.0.0.1' })
  let connected = false
  socket.once('connect', () => {
    connected = true
  })
  socket.on('data', chunk => {
    ws.send(Buffer.concat([Buffer.from([0]), chunk]), () => socket.resume())
    if (ws.bufferedAmount > 1_000_000) socket.pause()
  })
  socket.on('error', () => (connected ? ws.close(1011) : refuse()))
  socket.on('close', () => ws.close(1000))
  ws.on('message', data => (data as Buffer)[0] === 0 && socket.write((data as Buffer).subarray(1)))
  ws.on('close', () => socket.destroy())
}
