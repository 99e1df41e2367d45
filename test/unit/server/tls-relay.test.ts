import { readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { connectRequest } from '../../../src/relay/addresses.ts'
import { encodeRequest } from '../../../src/relay/encode.ts'
import { ClientHelloReader } from '../../../src/server/client-hello.ts'
import { eventually } from '../../harness/eventually.ts'
import { feedEveryWay } from '../../harness/feed.ts'
import { HOST, startWorld, TUNNEL } from './world.ts'

const CERTS = new URL('../../fixtures/certs/', import.meta.url)
const cert = readFileSync(new URL('server.pem', CERTS))
const key = readFileSync(new URL('server.key', CERTS))

const readClientHello = (bytes: Buffer): ReturnType<ClientHelloReader['push']> => new ClientHelloReader(65_536).push(bytes)
const record = (part: Buffer): Buffer => Buffer.concat([Buffer.of(22, 3, 1, part.length >> 8, part.length & 255), part])

/** The first bytes of a real client. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const server = net.createServer(socket => socket.once('data', resolve))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const client = tls.connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ...(servername === undefined ? {} : { servername })
  })
  client.on('error', () => {})
  const hello = await promise
  client.destroy()
  server.close()
  return hello
}

describe('server name of a ClientHello', () => {
  it('is found whole, byte by byte, and at every cut', async () => {
    const hello = await helloOf('shop.example.org')
    feedEveryWay(hello, chunks => {
      const reader = new ClientHelloReader(65_536)
      let found: ReturnType<ClientHelloReader['push']>
      for (const chunk of chunks) {
        expect(found).toBeUndefined()
        found = reader.push(chunk)
      }
      expect(found).toEqual({ serverName: 'shop.example.org' })
    })
  })

  it('is found in a hello that spans several records', async () => {
    const hello = await helloOf('split.example.org')
    const body = hello.subarray(5)
    const split = Buffer.concat([record(body.subarray(0, 3)), record(body.subarray(3, 60)), record(body.subarray(60))])
    expect(readClientHello(split)).toEqual({ serverName: 'split.example.org' })
  })

  it('is found in tiny records that come byte by byte, at the cost of their bytes', async () => {
    const hello = (await helloOf('tiny.example.org')).subarray(5)
    const padded = Buffer.concat([hello, Buffer.alloc(10_000)])
    padded.writeUIntBE(padded.length - 4, 1, 3)
    const bytes = Buffer.concat([record(padded.subarray(0, 4)), ...[...padded.subarray(4)].map(byte => record(Buffer.of(byte)))])
    const reader = new ClientHelloReader(65_536)
    // Looked at anew as a whole with each piece, it would take hours.
    const found = [...bytes].map(byte => reader.push(Buffer.of(byte))).filter(read => read !== undefined)
    expect(found).toEqual([{ serverName: 'tiny.example.org' }])
  })

  it('is undefined when the client names none', async () => {
    expect(readClientHello(await helloOf(undefined))).toEqual({ serverName: undefined })
  })

  it('refuses what is none, and never holds more than its limit', async () => {
    const hello = await helloOf('a.b')
    const broken = Buffer.from(hello)
    broken.writeUInt16BE(0xffff, 5 + 4 + 34 + 1 + (hello[5 + 4 + 34] ?? 0))
    for (const bytes of [
      Buffer.from([22, 3, 1, 0, 0]),
      Buffer.from([22, 9]).subarray(0, 2),
      broken,
      Buffer.concat([Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])])
    ]) {
      const read = (): unknown => readClientHello(bytes.length < 5 ? Buffer.concat([bytes, Buffer.alloc(3, 1)]) : bytes)
      expect(read).toThrow(ProtocolError)
    }
    const endless = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff]), Buffer.alloc(16_380)])
    expect(() => readClientHello(endless)).toThrow(ProtocolError)
  })
})

describe('TLS entrypoint', () => {
  const tlsApp = async (): Promise<{ port: number; close: () => void }> => {
    const server = tls.createServer({ cert, key }, socket => socket.on('error', () => {}).pipe(socket))
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    return { port: (server.address() as AddressInfo).port, close: () => server.close() }
  }

  it('routes by server name and passes every byte, so that the visitor sees the app’s certificate', async () => {
    const app = await tlsApp()
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(app.port)
    const client = tls.connect({ host: '127.0.0.1', port: world.server.entrypointPort, servername: HOST, rejectUnauthorized: false })
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject))
    expect(client.getPeerX509Certificate()?.raw.equals(new (await import('node:crypto')).X509Certificate(cert).raw)).toBe(true)
    const received: Buffer[] = []
    client.on('data', (chunk: Buffer) => received.push(chunk))
    client.write(Buffer.alloc(500_000, 'y'))
    await eventually(() => expect(Buffer.concat(received).length).toBe(500_000))
    client.destroy()
    app.close()
  })

  it.each(['unknown.local', undefined])('closes a visitor that asks for %s', async servername => {
    await using world = await startWorld()
    const visitor = await world.raw(await helloOf(servername))
    await eventually(() => expect(visitor.closed || visitor.ended).toBe(true))
    expect(visitor.received.length).toBe(0)
    expect(world.apps[0]?.counts.connections).toBe(0)
  })

  it('leaves a session with a silent TLS app alone', async () => {
    const silent = net.createServer(socket => socket.on('error', () => {}))
    await new Promise<void>(done => silent.listen(0, '127.0.0.1', done))
    await using world = await startWorld({ limits: { headTimeoutMs: 150, firstByteTimeoutMs: 150 } })
    await world.addSidecar((silent.address() as AddressInfo).port, { weight: 255 })
    const visitor = await world.raw(await helloOf(HOST))
    await eventually(() => expect(world.server.stats().active).toBe(1))
    // Visitors that time out one after the other show that every limit of this server has passed.
    for (let n = 0; n < 4; n += 1) {
      const late = await world.raw('')
      await eventually(() => expect(late.closed || late.ended).toBe(true))
    }
    expect([visitor.ended, visitor.closed, world.server.stats().binds]).toEqual([false, false, 2])
    silent.close()
  })

  it('closes a visitor that stops within its hello', async () => {
    await using world = await startWorld({ limits: { headTimeoutMs: 100 } })
    const visitor = await world.raw((await helloOf(HOST)).subarray(0, 50))
    await eventually(() => expect(visitor.closed || visitor.ended).toBe(true))
  })
})

describe('relay entrypoint', () => {
  const connect = (tunnelId: string): Buffer =>
    encodeRequest(connectRequest({ tunnelId, source: { host: '10.0.0.5', port: 4 }, destination: { host: 'anything', port: 80 } }))

  it('connects whoever knows the tunnel id, with bytes right behind the request', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(Buffer.concat([connect(TUNNEL), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')]))
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.received.subarray(0, 4).toString('hex')).toBe('01000000')
    expect(visitor.text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*app0\n$/)
  })

  it('passes a half-close on, and the answer that comes only then', async () => {
    const app = net.createServer({ allowHalfOpen: true }, socket => {
      let length = 0
      socket
        .on('data', chunk => (length += chunk.length))
        .on('end', () => socket.end(`${length} bytes`))
        .on('error', () => {})
    })
    await new Promise<void>(done => app.listen(0, '127.0.0.1', done))
    await using world = await startWorld({ weights: [] })
    await world.addSidecar((app.address() as AddressInfo).port)
    const visitor = await world.raw(Buffer.concat([connect(TUNNEL), Buffer.alloc(400_000)]))
    visitor.socket.end()
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.received.subarray(4).toString()).toBe('400000 bytes')
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, connectors: [{ active: 0 }] }))
    app.close()
  })

  it.each([
    ['a zero id', '00000000-0000-0000-0000-000000000000', '01010000'],
    ['no connector', 'aaaaaaaa-0000-4000-8000-000000000001', '01050000']
  ])('answers %s with its status and closes', async (_name, tunnelId, wire) => {
    await using world = await startWorld()
    const visitor = await world.raw(connect(tunnelId))
    await eventually(() => expect(visitor.ended).toBe(true))
    expect(visitor.received.toString('hex')).toBe(wire)
  })

  it('refuses a BIND here, and closes what is no relay request without a word', async () => {
    await using world = await startWorld()
    const bind = Buffer.from(connect(TUNNEL))
    bind[1] = 2
    const refused = await world.raw(bind)
    await eventually(() => expect(refused.ended).toBe(true))
    expect(refused.received.toString('hex')).toBe('01010000')
    const broken = await world.raw(Buffer.from('0101000302ffff', 'hex'))
    await eventually(() => expect(broken.closed || broken.ended).toBe(true))
    expect(broken.received.length).toBe(0)
  })

  it('closes a relay visitor that stops half-way', async () => {
    await using world = await startWorld({ limits: { relayTimeoutMs: 100 } })
    const visitor = await world.raw(connect(TUNNEL).subarray(0, 10))
    await eventually(() => expect(visitor.closed || visitor.ended).toBe(true))
  })
})
