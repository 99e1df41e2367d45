import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { observeExchanges } from '../../../src/capture/observe-http.ts'
import { type ClientHello, parseClientHello } from '../../../src/capture/tls-hello.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { feedEveryWay } from '../../harness/feed.ts'
import { fakeClock } from '../../harness/fake-clock.ts'

/** The first flight of a real client. */
async function realHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const [client, server] = memoryPair()
  const socket = tls.connect({ socket: client, ...options })
  socket.on('error', () => {})
  const bytes = await new Promise<Buffer>(resolve => server.once('data', resolve))
  socket.destroy()
  server.destroy()
  return bytes
}

/** The same message in records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size)
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part)
  }
  return Buffer.concat(records)
}

describe('parseClientHello', () => {
  it('reads the server name and the protocols of a real client', async () => {
    expect(parseClientHello(await realHello({ servername: 'shop.test', ALPNProtocols: ['h2', 'http/1.1'] }))).toEqual({
      serverName: 'shop.test',
      alpn: ['h2', 'http/1.1'],
      sessionId: expect.stringMatching(/^[0-9a-f]{64}$/)
    })
    expect(parseClientHello(await realHello({ maxVersion: 'TLSv1.2' }))).toMatchObject({ alpn: [] })
  })

  it('asks for more until the last byte is there', async () => {
    const hello = await realHello({ servername: 'shop.test' })
    for (let length = 0; length < hello.length; length += 1) expect(parseClientHello(hello.subarray(0, length))).toBe('more')
    expect(parseClientHello(Buffer.concat([hello, Buffer.from('more bytes')]))).toMatchObject({ serverName: 'shop.test' })
  })

  it('reads a hello cut into records', async () => {
    const hello = await realHello({ servername: 'shop.test', ALPNProtocols: ['h2'] })
    for (const size of [1, 7, 100])
      expect(parseClientHello(inRecords(hello, size))).toMatchObject({ serverName: 'shop.test', alpn: ['h2'] })
  })

  it('takes nothing else for a hello and never reads outside of it', async () => {
    const hello = await realHello({ servername: 'shop.test', ALPNProtocols: ['h2'] })
    expect(parseClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toBeUndefined()
    expect(parseClientHello(Buffer.from([0x16, 9, 1, 0, 5, 1, 0, 0, 0, 0]))).toBeUndefined()
    expect(parseClientHello(Buffer.from([0x16, 3, 1, 0, 5, 2, 0, 0, 1, 0]))).toBeUndefined()
    expect(parseClientHello(Buffer.from([0x16, 3, 1, 0, 5, 1, 0xff, 0xff, 0xff, 0]))).toBeUndefined()
    for (let at = 9; at < hello.length; at += 1) {
      for (const value of [0, 0xff]) {
        const broken = Buffer.from(hello)
        broken[at] = value
        const parsed = parseClientHello(broken)
        expect(parsed === undefined || typeof parsed === 'object').toBe(true)
      }
    }
  })

  it('marks a connection as tls, however the hello is cut', async () => {
    const hello = await realHello({ servername: 'shop.test', ALPNProtocols: ['h2'] })
    feedEveryWay(
      hello,
      chunks => {
        const told: unknown[] = []
        const hellos: ClientHello[] = []
        const observer = observeExchanges({
          clock: fakeClock(),
          emit: (type, body) => told.push({ type, ...body }),
          nextId: () => 'x1',
          who: 'laptop',
          source: 'a',
          onHello: (_id, found) => hellos.push(found)
        })
        for (const chunk of chunks) observer.onBytes('out', chunk)
        observer.onBytes('in', Buffer.from('12345'))
        observer.finish()
        expect(told).toMatchObject([
          { type: 'exchange.started', kind: 'connection', protocol: 'tls' },
          { type: 'exchange.completed', bytesIn: hello.length, bytesOut: 5 }
        ])
        expect(hellos).toMatchObject([{ serverName: 'shop.test', alpn: ['h2'] }])
      },
      20
    )
  })
})
