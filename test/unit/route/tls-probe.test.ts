import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseClientHello } from '../../../src/capture/tls-hello.ts'
import { encodeHello, sendHello } from '../../../src/route/tls-probe.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'

const file = (name: string): Buffer => readFileSync(new URL(`../../fixtures/certs/${name}`, import.meta.url))
const signal = new AbortController().signal
const sessionId = randomBytes(32)

describe('TLS probe', () => {
  it('is a hello with the server name and the session id', () => {
    expect(parseClientHello(encodeHello({ serverName: 'shop.local', sessionId }))).toEqual({
      serverName: 'shop.local',
      alpn: [],
      sessionId: sessionId.toString('hex')
    })
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is a hello that a real server of %s answers by a handshake, not by an alert', async version => {
    const server = tls.createServer({ cert: file('server.pem'), key: file('server.key'), minVersion: version, maxVersion: version })
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const port = (server.address() as net.AddressInfo).port
    const raw = net.connect(port, '127.0.0.1')
    raw.write(encodeHello({ serverName: 'shop.local', sessionId }))
    const [first] = (await once(raw, 'data')) as [Buffer]
    expect(first[0]).toBe(0x16)
    raw.destroy()
    expect(await sendHello(dialTcp({ host: '127.0.0.1', port }), { serverName: 'shop.local', sessionId }, signal)).toBe('answered')
    server.close()
  })

  it('tells when the stream just ends', async () => {
    const server = net.createServer(socket => socket.once('data', () => socket.end())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const port = (server.address() as net.AddressInfo).port
    expect(await sendHello(dialTcp({ host: '127.0.0.1', port }), { serverName: 'shop.local', sessionId }, signal)).toBe('ended')
    server.close()
  })
})
