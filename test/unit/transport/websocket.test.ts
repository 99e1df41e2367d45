import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Connection } from '../../../src/base/connection.ts'
import { describeDialError } from '../../../src/transport/errors.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket, encodePath, WebSocketRefused } from '../../../src/transport/websocket.ts'
import type { WebSocketConnection } from '../../../src/transport/websocket-stream.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const signal = new AbortController().signal
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Peer {
  port: number
  requests: IncomingMessage[]
  /** Resolves with the peer's end of the next WebSocket, and its TCP socket. */
  next: () => Promise<{ ws: WebSocket; socket: Socket }>
}

/** A server made of the `ws` package alone. */
async function startPeer(): Promise<Peer> {
  const requests: IncomingMessage[] = []
  const arrived: { ws: WebSocket; socket: Socket }[] = []
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/ws' })
  server.on('connection', (ws, request) => {
    requests.push(request)
    arrived.push({ ws, socket: request.socket })
  })
  await new Promise(resolve => server.once('listening', resolve))
  cleanups.push(() => {
    for (const ws of server.clients) ws.terminate()
    return new Promise(resolve => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    next: () =>
      eventually(() => {
        const first = arrived.shift()
        if (first === undefined) throw new Error('no connection yet')
        return first
      })
  }
}

const textOf = (data: RawData): string => (Buffer.isBuffer(data) ? data.toString() : '')

type Options = Parameters<typeof dialWebSocket>[1]

async function connect(peer: { port: number }, options: Options = {}): Promise<WebSocketConnection> {
  const connection = await dialWebSocket(dialTcp({ host: '127.0.0.1', port: peer.port }), options)(signal)
  cleanups.push(() => connection.destroy())
  return connection
}

function collect(connection: Connection): { text: () => string } {
  const chunks: Buffer[] = []
  connection.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { text: () => Buffer.concat(chunks).toString('latin1') }
}

/** A frame as gorilla writes it: FIN or not, any opcode, unmasked since it comes from the server. */
const frame = (payload: string, { fin = true, opcode = 2 } = {}): Buffer => {
  const bytes = Buffer.from(payload, 'latin1')
  const head = bytes.length < 126 ? Buffer.from([0, bytes.length]) : Buffer.from([0, 126, bytes.length >> 8, bytes.length & 0xff])
  head[0] = (fin ? 0x80 : 0) | opcode
  return Buffer.concat([head, bytes])
}

describe('the upgrade', () => {
  it('asks for the path with the host of the endpoint, and for nothing else', async () => {
    const peer = await startPeer()
    await connect(peer)
    const [request] = peer.requests
    expect(request?.url).toBe('/ws')
    expect(request?.headers.host).toBe(`127.0.0.1:${peer.port}`)
    for (const name of ['origin', 'cookie', 'sec-websocket-protocol', 'sec-websocket-extensions'])
      expect(request?.headers[name]).toBeUndefined()
  })

  it('sends another host and more headers when told', async () => {
    const peer = await startPeer()
    await connect(peer, { host: 'tunnel.test', headers: { 'X-Via': 'a' } })
    expect(peer.requests[0]?.headers).toMatchObject({ host: 'tunnel.test', 'x-via': 'a' })
  })

  it('writes odd paths as Go does', () => {
    expect(encodePath('/ws')).toBe('/ws')
    expect(encodePath('ws')).toBe('/ws')
    expect(encodePath('/a b?c=ü%')).toBe('/a%20b%3Fc=%C3%BC%25')
    expect(encodePath("/~$&+,:;=@-_.!'()*")).toBe('/~$&+,:;=@-_.%21%27%28%29%2A')
  })

  it('tells status and body of a plain answer', async () => {
    const server = await serveHttp((_request, response) => response.writeHead(404).end('404 page not found'))
    const error: unknown = await connect(server).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(WebSocketRefused)
    expect(error).toMatchObject({ code: 'WS_REFUSED', status: 404, body: '404 page not found' })
  })

  it('keeps 4 KiB of an endless answer', async () => {
    const server = await serveHttp((_request, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    })
    const error: unknown = await connect(server).catch((thrown: unknown) => thrown)
    expect(error instanceof WebSocketRefused ? error.body.length : error).toBe(4_096)
  })

  it('refuses an answer that only looks like an upgrade', async () => {
    const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => {
      raw.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n')
    })
    cleanups.push(listener.close)
    const error: unknown = await connect(listener).catch((thrown: unknown) => thrown)
    expect(describeDialError(error).code).toBe('NOT_WEBSOCKET')
  })

  it('rejects when the peer speaks something else or hangs up', async () => {
    const answers = ['SSH-2.0-OpenSSH\r\n', '']
    const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => void raw.end(answers.shift()))
    cleanups.push(listener.close)
    expect(describeDialError(await connect(listener).catch((thrown: unknown) => thrown)).code).toBe('NOT_WEBSOCKET')
    expect(describeDialError(await connect(listener).catch((thrown: unknown) => thrown)).code).toBe('RESET')
  })

  it('gives up when nobody answers in time, and takes the connection down', async () => {
    const [client, server] = memoryPair()
    const clock = fakeClock()
    const dialling = dialWebSocket(async () => client, { clock, handshakeTimeoutMs: 5_000 })(signal)
    await new Promise(resolve => server.once('data', resolve))
    await clock.advance(5_000)
    const error: unknown = await dialling.catch((thrown: unknown) => thrown)
    expect(describeDialError(error).code).toBe('TIMED_OUT')
    expect(client.destroyed).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('stops with the reason of the signal', async () => {
    const [client, server] = memoryPair()
    const controller = new AbortController()
    const dialling = dialWebSocket(async () => client)(controller.signal)
    await new Promise(resolve => server.once('data', resolve))
    const reason = new Error('stop')
    controller.abort(reason)
    await expect(dialling).rejects.toBe(reason)
    expect(client.destroyed).toBe(true)
  })

  it('passes on why the dial failed', async () => {
    const broken = new Error('no route')
    await expect(dialWebSocket(async () => Promise.reject(broken))(signal)).rejects.toBe(broken)
  })
})

async function serveHttp(answer: Parameters<typeof createServer>[1] & object): Promise<{ port: number }> {
  const server: Server = createServer(answer as never)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return { port: (server.address() as AddressInfo).port }
}

describe('bytes', () => {
  it('sends one binary message per write, and one for all that waited', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { ws } = await peer.next()
    const messages: string[] = []
    ws.on('message', (data, isBinary) => messages.push(`${isBinary}:${textOf(data)}`))
    connection.write('a')
    connection.write('b')
    connection.write('c')
    await eventually(() => expect(messages).toEqual(['true:a', 'true:bc']))
  })

  it('reads fragments, text, empty messages and control frames in between as one stream of bytes', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { socket } = await peer.next()
    const received = collect(connection)
    const big = 'x'.repeat(3 * 4_096)
    for (const bytes of [
      frame('one'),
      frame('', {}),
      frame('t', { opcode: 1 }),
      frame('\xff', { opcode: 1 }), // not UTF-8
      frame(big.slice(0, 4_096), { fin: false }),
      frame('ping', { opcode: 9 }),
      frame(big.slice(0, 4_096), { fin: false, opcode: 0 }),
      frame(big.slice(0, 4_096), { opcode: 0 }),
      frame('end')
    ]) {
      socket.write(bytes)
    }
    await eventually(() => expect(received.text()).toBe(`onet\xff${big}end`))
  })

  it('reads what came together with the answer to the upgrade, however it was cut', async () => {
    for (const cut of [1, 60, 129, 131, 200]) {
      const [client, server] = memoryPair()
      server.once('data', request => {
        const key = /Sec-WebSocket-Key: (\S+)/.exec(String(request))?.[1] ?? ''
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
        const bytes = Buffer.concat([Buffer.from(head), frame('first'), frame('second')])
        server.write(bytes.subarray(0, cut))
        setImmediate(() => server.write(bytes.subarray(cut)))
      })
      const connection = await dialWebSocket(async () => client)(signal)
      const received = collect(connection)
      await eventually(() => expect(received.text()).toBe('firstsecond'))
      connection.destroy()
    }
  })

  it('masks with zeros only where nobody can read along', async () => {
    for (const opaque of [true, false]) {
      const [client, server] = memoryPair({ opaque })
      const sent: Buffer[] = []
      server.once('data', request => {
        const key = /Sec-WebSocket-Key: (\S+)/.exec(String(request))?.[1] ?? ''
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        server.on('data', (chunk: Buffer) => sent.push(chunk))
        server.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
        )
      })
      const connection = await dialWebSocket(async () => client)(signal)
      expect(connection.opaque).toBe(opaque)
      connection.write('plain text')
      await eventually(() => expect(Buffer.concat(sent).length).toBe(2 + 4 + 10))
      expect(Buffer.concat(sent).includes('plain text')).toBe(opaque)
      connection.destroy()
    }
  })

  it('sends no message larger than a peer may take', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { ws } = await peer.next()
    const sizes: number[] = []
    ws.on('message', data => sizes.push((data as Buffer).length))
    for (let i = 0; i < 5; i += 1) connection.write(Buffer.alloc(900_000))
    connection.write(Buffer.alloc(2_500_000))
    await eventually(() => expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(7_000_000))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024)
  })

  it('holds little in memory while its reader is slow, for 64 MiB', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { ws, socket } = await peer.next()
    const total = 64 * 1024 * 1024
    let left = total
    const send = (): void => {
      for (; left > 0 && socket.writableLength < 1024 * 1024; left -= 32_768) ws.send(Buffer.alloc(32_768))
      if (left > 0) socket.once('drain', send)
    }
    send()
    let received = 0
    let most = 0
    while (received < total) {
      const chunk = connection.read() as Buffer | null
      received += chunk?.length ?? 0
      most = Math.max(most, connection.readableLength)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(most).toBeLessThan(1024 * 1024)
  }, 30_000)

  it('refuses a message beyond the limit', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { socket } = await peer.next()
    connection.resume()
    socket.write(Buffer.from([0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0]))
    await eventually(() => expect(connection.errored).toMatchObject({ name: 'ProtocolError', code: 'WS_FRAME' }))
  })
})

describe('the end', () => {
  it('is a plain end when the peer drops TCP without a Close frame, as gost does', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { socket } = await peer.next()
    const received = collect(connection)
    socket.write(frame('last'))
    socket.end()
    await eventually(() => expect(connection.readableEnded).toBe(true))
    expect([received.text(), connection.errored]).toEqual(['last', null])
    connection.end()
    await eventually(() => expect(connection.closed).toBe(true))
  })

  it('is a plain end with a normal Close frame and an error with any other', async () => {
    const peer = await startPeer()
    const normal = await connect(peer)
    normal.resume()
    ;(await peer.next()).ws.close(1000)
    await eventually(() => expect([normal.readableEnded, normal.errored]).toEqual([true, null]))
    const odd = await connect(peer)
    odd.resume()
    ;(await peer.next()).ws.close(1011)
    await eventually(() => expect(odd.errored).toMatchObject({ code: 'WS_CLOSED' }))
  })

  it('is an error when the connection is reset', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    connection.resume()
    ;(await peer.next()).socket.resetAndDestroy()
    await eventually(() => expect(connection.errored).toMatchObject({ code: 'ECONNRESET' }))
  })

  it('ends the TCP connection after the last byte, without a Close frame', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { ws } = await peer.next()
    const messages: string[] = []
    ws.on('message', data => messages.push(textOf(data)))
    const closed = new Promise<number>(resolve => ws.once('close', resolve))
    connection.resume()
    connection.end('last words')
    expect(await closed).toBe(1006)
    expect(messages).toEqual(['last words'])
    await eventually(() => expect([connection.closed, connection.errored]).toEqual([true, null]))
  })

  it('resets the connection when destroyed with an error', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { socket } = await peer.next()
    const failed = new Promise<Error>(resolve => socket.once('error', resolve))
    connection.destroy(new Error('broken'))
    expect(await failed).toMatchObject({ code: 'ECONNRESET' })
  })

  it('fails writes after the peer has gone', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    ;(await peer.next()).ws.terminate()
    await eventually(() => {
      connection.write('x')
      expect(connection.destroyed).toBe(true)
    })
    expect(connection.errored).not.toBeNull()
  })
})

describe('ping', () => {
  it('measures the round trip, several at a time', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    connection.resume()
    const rtts = await Promise.all([connection.ping(signal), connection.ping(signal), connection.ping(signal)])
    for (const rtt of rtts) expect(rtt).toBeGreaterThan(0)
  })

  it('rejects when the signal aborts or the connection ends', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { socket } = await peer.next()
    socket.pause()
    const controller = new AbortController()
    const reason = new Error('too long')
    const first = connection.ping(controller.signal)
    const second = connection.ping(signal)
    controller.abort(reason)
    await expect(first).rejects.toBe(reason)
    connection.destroy()
    await expect(second).rejects.toMatchObject({ code: 'EPIPE' })
    await expect(connection.ping(signal)).rejects.toMatchObject({ code: 'EPIPE' })
  })

  it('answers the pings of the peer with their payload', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    connection.resume()
    const { ws } = await peer.next()
    const pong = new Promise<string>(resolve => ws.once('pong', data => resolve(data.toString())))
    ws.ping('are you there')
    expect(await pong).toBe('are you there')
  })

  it('leaves a ping that comes after the end unanswered instead of failing', async () => {
    const peer = await startPeer()
    const connection = await connect(peer)
    const { ws, socket } = await peer.next()
    socket.removeAllListeners('end') // a peer that has more to say after our FIN
    connection.end()
    await eventually(() => expect(connection.writableFinished).toBe(true))
    const received = collect(connection)
    socket.write(Buffer.concat([frame('p', { opcode: 9 }), frame('more')]))
    await eventually(() => expect(received.text()).toBe('more'))
    expect(connection.errored).toBeNull()
    ws.terminate()
  })
})
