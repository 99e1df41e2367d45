/** Tunnel cases: streams that are not request and response, and what a stock connector would break over. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { afterAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { dialTcp } from '../../src/transport/tcp.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { blocks, digestOf, startOrigin } from './origin.ts'
import { relayConnect } from './relay-visitor.ts'
import type { TunnelWorld } from './tunnel-world.ts'

const certificate = (name: string): string => readFileSync(new URL(`../fixtures/certs/${name}`, import.meta.url), 'utf8')

/** A raw app on loopback: `serve` gets each connection. */
async function startRawApp(serve: (socket: net.Socket) => void): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}

export function streamCases(world: TunnelWorld): void {
  const dialEntrypoint = () => dialTcp({ host: '127.0.0.1', port: world.server.entrypointPort })

  it('echoes WebSocket messages of the app, text and binary', async () => {
    const tunnel = world.tunnel()
    await using app = await startApp()
    await using _connector = await world.connect(tunnel, app.port)
    const client = new WebSocket(`ws://127.0.0.1:${world.server.entrypointPort}/`, { headers: { host: tunnel.host } })
    await once(client, 'open')
    for (const message of ['text', Buffer.alloc(200_000, 7)]) {
      client.send(message)
      const [echo, binary] = (await once(client, 'message')) as [Buffer, boolean]
      expect(echo.equals(Buffer.from(message))).toBe(true)
      expect(binary).toBe(typeof message !== 'string')
    }
    client.close(1000)
    const [code] = (await once(client, 'close')) as [number]
    expect(code).toBe(1000)
  })

  world.compare('leaving-upgrade', 'tells the app that the visitor of an upgraded connection has left', {
    async agrees() {
      const { left, visitor } = await upgraded()
      visitor.terminate()
      await eventually(() => expect(left()).toBe(true), { timeoutMs: 3_000 })
    },
    async differs() {
      const { left, visitor, write } = await upgraded()
      visitor.terminate()
      const tunnel = world.tunnel()
      for (let at = 0; at < 10; at += 1) expect((await world.visit(tunnel, '/')).status).toBe(503)
      expect(left()).toBe(false)
      await eventually(() => {
        write()
        expect(left()).toBe(true)
      })
    }
  })

  async function upgraded(): Promise<{ visitor: WebSocket; left: () => boolean; write: () => void }> {
    const tunnel = world.tunnel()
    let app: net.Socket | undefined
    const raw = await startRawApp(socket => {
      socket.once('data', head => {
        const key = /sec-websocket-key: (\S+)/i.exec(head.toString())?.[1] ?? ''
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
        )
        socket.on('end', () => socket.destroy())
        app = socket
      })
    })
    cleanup.push(raw, await world.connect(tunnel, raw.port))
    const visitor = new WebSocket(`ws://127.0.0.1:${world.server.entrypointPort}/`, { headers: { host: tunnel.host } })
    await once(visitor, 'open')
    return { visitor, left: () => app?.destroyed === true, write: () => void app?.write(Buffer.from([0x82, 1, 0])) }
  }
  const cleanup: AsyncDisposable[] = []
  afterAllDispose(cleanup)

  it('passes TLS by server name untouched, both ways', async () => {
    const tunnel = world.tunnel()
    const echo = tls.createServer({ cert: certificate('server.pem'), key: certificate('server.key') }, socket =>
      socket.on('error', () => {}).pipe(socket)
    )
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    try {
      await using _connector = await world.connect(tunnel, (echo.address() as net.AddressInfo).port)
      const bytes = 3_000_000
      const visitor = tls.connect({
        port: world.server.entrypointPort,
        host: '127.0.0.1',
        servername: tunnel.host,
        rejectUnauthorized: false
      })
      await once(visitor, 'secureConnect')
      const hash = createHash('sha256')
      let received = 0
      visitor.on('data', (chunk: Buffer) => {
        received += chunk.length
        hash.update(chunk)
      })
      for (const block of blocks(bytes)) if (!visitor.write(block)) await once(visitor, 'drain')
      await eventually(() => expect(received).toBe(bytes), { timeoutMs: 20_000 })
      expect(hash.digest('hex')).toBe(digestOf(bytes))
      visitor.destroy()
    } finally {
      echo.close()
    }
  })

  it('closes a TLS visitor whose name nobody serves', async () => {
    const visitor = tls.connect({
      port: world.server.entrypointPort,
      host: '127.0.0.1',
      servername: 'unknown.local',
      rejectUnauthorized: false
    })
    const [error] = (await once(visitor, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it('carries raw bytes both ways by relay CONNECT, and the end of the app', async () => {
    const tunnel = world.tunnel()
    await using app = await startRawApp(socket => {
      socket.on('data', chunk => {
        socket.write(chunk)
        if (chunk.includes('bye')) socket.end()
      })
    })
    await using _connector = await world.connect(tunnel, app.port)
    const connection = await relayConnect(dialEntrypoint(), tunnel.tunnelId)
    let text = ''
    let ended = false
    connection.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => (ended = true))
    connection.resume()
    connection.write('hello ')
    await eventually(() => expect(text).toBe('hello '))
    expect(ended).toBe(false)
    connection.write('bye')
    await eventually(() => expect([text, ended]).toEqual(['hello bye', true]))
    connection.destroy()
  })

  /** An app that answers a while after the request, and a visitor that ends its side at once. */
  async function halfClosed(): Promise<string> {
    const tunnel = world.tunnel()
    await using app = await startRawApp(socket => {
      socket.once('data', chunk => void setTimeout(() => socket.end(`late ${chunk.toString()}`), 300))
    })
    await using _connector = await world.connect(tunnel, app.port)
    const connection = await relayConnect(dialEntrypoint(), tunnel.tunnelId)
    connection.end('question')
    const chunks: Buffer[] = []
    for await (const chunk of connection) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString()
  }

  world.compare('half-close', 'delivers the answer to a raw visitor that ended its side first', {
    agrees: async () => expect(await halfClosed()).toBe('late question'),
    differs: async () => expect(await halfClosed()).toBe('')
  })

  it('delivers the response to an HTTP visitor that ended its side after its last request', async () => {
    const tunnel = world.tunnel()
    await using app = await startApp({ name: 'last' })
    await using _connector = await world.connect(tunnel, app.port)
    using visitor = await world.raw(`GET /slow/200 HTTP/1.1\r\nHost: ${tunnel.host}\r\nConnection: close\r\n\r\n`)
    visitor.socket.end()
    await eventually(() => expect(visitor.text).toMatch(/200 OK[^]*slow/))
  })

  it('keeps the session through visitors that leave at any moment', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using connector = await world.connect(tunnel, origin.port)
    for (let at = 0; at < 40; at += 1) {
      const { socket } = await world.raw(`GET /${at % 2 === 0 ? 'hold' : 'blocks/3000000'} HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`)
      if (at % 4 < 2) await new Promise(resolve => setImmediate(resolve))
      if (at % 3 === 0) socket.destroy()
      else socket.resetAndDestroy()
      using _relay = await world.raw(Buffer.from('0101', 'hex'))
    }
    for (let at = 0; at < 20; at += 1) {
      const connection = await relayConnect(dialEntrypoint(), tunnel.tunnelId)
      connection.destroy()
    }
    expect((await world.visit(tunnel, '/')).status).toBe(200)
    expect(connector.losses()).toBe(0)
  })

  world.compare('long-host', 'keeps the session when a visitor sends a Host of more than 255 bytes', {
    async agrees() {
      await using app = await startApp({ name: 'wild' })
      await using connector = await world.connect(world.wildcard, app.port)
      using visitor = await world.raw(`GET / HTTP/1.1\r\nHost: ${'a'.repeat(300)}.${world.wildcard.host}\r\n\r\n`)
      await eventually(() => expect(visitor.text).toMatch(/^HTTP\/1\.1 (?:4|502)/))
      expect((await world.visit({ ...world.wildcard, host: `a.${world.wildcard.host}` }, '/')).text).toBe('wild\n')
      expect(connector.losses()).toBe(0)
    },
    async differs() {
      await using app = await startApp({ name: 'wild' })
      await using connector = await world.connect(world.wildcard, app.port)
      using visitor = await world.raw(`GET / HTTP/1.1\r\nHost: ${'a'.repeat(300)}.${world.wildcard.host}\r\n\r\n`)
      await eventually(() => expect(visitor.text).toMatch(/^HTTP\/1\.1 503/))
      // A stock connector would have reset its session over the empty stream; ours drops that stream alone.
      expect((await world.visit({ ...world.wildcard, host: `a.${world.wildcard.host}` }, '/')).text).toBe('wild\n')
      expect(connector.losses()).toBe(0)
    }
  })
}

function afterAllDispose(list: AsyncDisposable[]): void {
  afterAll(async () => {
    await Promise.all(list.map(each => each[Symbol.asyncDispose]()))
  })
}
