import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { describeDialError } from '../../../src/transport/errors.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import { dialTls } from '../../../src/transport/tls.ts'
import type { Listener, TlsOptions } from '../../../src/transport/types.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const signal = new AbortController().signal
const file = (name: string): string => readFileSync(new URL(`../../fixtures/certs/${name}`, import.meta.url), 'utf8')
const ca = file('ca.pem')

let listener: Listener | undefined
const connections: Connection[] = []
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy()
  await listener?.close()
})

interface Seen {
  names: (string | false)[]
}

/** A TLS server that answers with `hi`. */
async function serve(name: string, options: tls.TLSSocketOptions = {}): Promise<Seen> {
  const seen: Seen = { names: [] }
  const secureContext = tls.createSecureContext({ cert: file(`${name}.pem`), key: file(`${name}.key`), ca })
  listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => {
    const socket = new tls.TLSSocket(raw, { isServer: true, secureContext, ...options })
    socket.on('error', () => {})
    socket.once('secure', () => {
      seen.names.push((socket as tls.TLSSocket & { servername?: string | false | null }).servername ?? false)
      socket.end('hi')
    })
  })
  return seen
}

async function connect(options: TlsOptions): Promise<Connection> {
  const { host, port } = listener ?? { host: '127.0.0.1', port: 1 }
  const connection = await dialTls(dialTcp({ host, port }), options)(signal)
  connections.push(connection)
  return connection
}

async function text(connection: Connection): Promise<string> {
  let all = ''
  for await (const chunk of connection) all += String(chunk)
  return all
}

const failure = async (options: TlsOptions): Promise<string> => {
  const error: unknown = await connect(options).catch((thrown: unknown) => thrown)
  return `${describeDialError(error).code}: ${describeDialError(error).reason}`
}

describe('dialTls', () => {
  it('verifies with a CA and sends the name', async () => {
    const seen = await serve('server')
    const connection = await connect({ verify: true, ca, serverName: 'tunnel.test' })
    expect(await text(connection)).toBe('hi')
    expect(seen.names).toEqual(['tunnel.test'])
    expect(connection.opaque).toBe(true)
    expect(connection.remote).toEqual({ host: '127.0.0.1', port: listener?.port })
    expect(connection.alpn).toBeUndefined()
  })

  it('checks an IP address without sending it as a name', async () => {
    const seen = await serve('server')
    expect(await text(await connect({ verify: true, ca }))).toBe('hi')
    expect(seen.names).toEqual([false])
  })

  it('accepts any certificate without verify, as gost does', async () => {
    await serve('expired')
    expect(await text(await connect({ verify: false, serverName: 'other.test' }))).toBe('hi')
  })

  it('checks the chain but not the name with a CA and without verify, as gost does', async () => {
    await serve('server')
    expect(await text(await connect({ verify: false, ca, serverName: 'other.test' }))).toBe('hi')
    await listener?.close()
    await serve('expired')
    expect(await failure({ verify: false, ca, serverName: 'tunnel.test' })).toBe('CERT_EXPIRED: certificate has expired')
  })

  it('agrees on a protocol', async () => {
    await serve('server', { ALPNProtocols: ['h2', 'http/1.1'] })
    expect((await connect({ verify: false, alpn: ['http/1.1'] })).alpn).toBe('http/1.1')
  })

  it('tells in words why a server is not trusted', async () => {
    await serve('server')
    expect(await failure({ verify: true, serverName: 'tunnel.test' })).toMatch(/^CERT_UNTRUSTED: certificate not trusted/)
    expect(await failure({ verify: true, ca, serverName: 'other.test' })).toBe('CERT_WRONG_NAME: certificate is for another name')
  })

  it('tells that the other side does not speak TLS', async () => {
    listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => void raw.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await failure({ verify: false })).toBe('NOT_TLS: the other side does not speak TLS')
  })

  it('tells when the server hangs up during the handshake', async () => {
    listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => void raw.destroy())
    expect(await failure({ verify: false })).toBe('RESET: connection closed by the other side')
  })

  it('stops when the signal aborts during the handshake, and takes the connection down', async () => {
    const accepted = Promise.withResolvers<Connection>()
    listener = await listenTcp({ host: '127.0.0.1', port: 0 }, raw => accepted.resolve(raw))
    const controller = new AbortController()
    const reason = new Error('stop')
    const dialling = dialTls(dialTcp(listener), { verify: false })(controller.signal)
    const raw = await accepted.promise
    controller.abort(reason)
    await expect(dialling).rejects.toBe(reason)
    raw.resume()
    await new Promise(resolve => raw.once('end', resolve).once('close', resolve))
  })

  it('shows its certificate to a server that wants one, and says so when it has none', async () => {
    await serve('server', { requestCert: true, rejectUnauthorized: true })
    expect(await text(await connect({ verify: false, cert: file('server.pem'), key: file('server.key') }))).toBe('hi')
    const bare = await connect({ verify: false })
    bare.resume()
    const error = await new Promise<Error>(resolve => bare.once('error', resolve))
    expect(describeDialError(error).code).toBe('CERT_WANTED')
  })
})
