import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { dialTcp, dialTcpTo, listenTcp } from '../../../src/transport/tcp.ts'
import type { Listener } from '../../../src/transport/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()
const signal = new AbortController().signal
const open: (Listener | Connection)[] = []
afterEach(async () => {
  for (const thing of open.splice(0)) {
    if ('close' in thing) await thing.close()
    else thing.destroy()
  }
})

async function listen(host = '127.0.0.1', port = 0): Promise<Listener & { served: Connection[] }> {
  const served: Connection[] = []
  const listener = await listenTcp({ host, port }, connection => served.push(connection))
  open.push(listener)
  return Object.assign(listener, { served })
}

async function dial(host: string, port: number): Promise<Connection> {
  const connection = await dialTcp({ host, port })(signal)
  open.push(connection)
  return connection
}

describe('dialTcp', () => {
  it('gives a socket with both endpoints, without wrapping it', async () => {
    const { port, served } = await listen()
    const connection = await dial('127.0.0.1', port)
    await eventually(() => expect(served).toHaveLength(1))
    expect(connection).toBeInstanceOf(net.Socket)
    expect(connection.remote).toEqual({ host: '127.0.0.1', port })
    expect(served[0]?.remote).toEqual(connection.local)
    expect(served[0]?.local).toEqual(connection.remote)
    expect(connection.opaque).toBeUndefined()
  })

  it('keeps the errno of a refused connection', async () => {
    const { port, close } = await listen()
    await close()
    await expect(dialTcp({ host: '127.0.0.1', port })(signal)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('rejects with the reason of the signal, before and while connecting, and leaves nothing behind', async () => {
    const reason = new Error('stop')
    await expect(dialTcp({ host: '127.0.0.1', port: 1 })(AbortSignal.abort(reason))).rejects.toBe(reason)
    const { port, served } = await listen()
    const controller = new AbortController()
    const dialling = dialTcp({ host: '127.0.0.1', port })(controller.signal)
    controller.abort(reason)
    await expect(dialling).rejects.toBe(reason)
    const after = await dial('127.0.0.1', port)
    await eventually(() => expect(served.map(({ remote }) => remote?.port)).toContain(after.local?.port))
    served.forEach(connection => connection.resume())
    // The system may have finished the handshake that was given up; then its end comes at once.
    await eventually(() => expect(served.filter(connection => !connection.readableEnded && !connection.destroyed)).toHaveLength(1))
  })

  it('survives a reset while nobody listens for errors', async () => {
    const { port, served } = await listen()
    const connection = await dial('127.0.0.1', port)
    await eventually(() => expect(served).toHaveLength(1))
    const [peer] = served
    if (peer instanceof net.Socket) peer.resetAndDestroy()
    connection.resume()
    await eventually(() => expect(connection.errored).toMatchObject({ code: 'ECONNRESET' }))
  })

  it('dials the address given at call time', async () => {
    const { port } = await listen()
    const connection = await dialTcpTo()({ host: '127.0.0.1', port }, signal)
    open.push(connection)
    expect(connection.remote?.port).toBe(port)
  })
})

const hasIpv6 = await listenTcp({ host: '::1', port: 0 }, () => {}).then(
  async listener => {
    await listener.close()
    return true
  },
  () => false
)

describe('dialTcp to localhost', () => {
  it('reaches an app that listens on 127.0.0.1 only', async () => {
    const { port } = await listen('127.0.0.1')
    expect((await dial('LocalHost', port)).remote?.host).toBe('127.0.0.1')
  })

  it.skipIf(!hasIpv6)('reaches an app that listens on ::1 only, and goes there first from then on', async () => {
    const first = await listen('::1')
    const dialler = dialTcp({ host: 'localhost', port: first.port })
    const connection = await dialler(signal)
    expect(connection.remote?.host).toBe('::1')
    await listen('127.0.0.1', first.port)
    const second = await dialler(signal)
    open.push(connection, second)
    expect(second.remote?.host).toBe('::1')
  })

  it.skipIf(!hasIpv6)('remembers the address when many find it out at once', async () => {
    const first = await listen('::1')
    const dialler = dialTcp({ host: 'localhost', port: first.port })
    open.push(...(await Promise.all([dialler(signal), dialler(signal)])))
    await listen('127.0.0.1', first.port)
    const next = await dialler(signal)
    open.push(next)
    expect(next.remote?.host).toBe('::1')
  })

  it.skipIf(!hasIpv6)('follows an app that comes back on the other address', async () => {
    const first = await listen('::1')
    const dialler = dialTcp({ host: 'localhost', port: first.port })
    open.push(await dialler(signal))
    await first.close()
    await listen('127.0.0.1', first.port)
    const second = await dialler(signal)
    open.push(second)
    expect(second.remote?.host).toBe('127.0.0.1')
  })

  it('tells the refusal of the first address when nobody listens', async () => {
    const { port, close } = await listen()
    await close()
    await expect(dialTcp({ host: 'localhost', port })(signal)).rejects.toMatchObject({ code: 'ECONNREFUSED', address: '127.0.0.1' })
  })
})

describe('listenTcp', () => {
  it('closes the connections that are open, once, whoever asks how often', async () => {
    const listener = await listen()
    const connection = await dial('127.0.0.1', listener.port)
    await eventually(() => expect(listener.served).toHaveLength(1))
    connection.resume()
    const closing = listener.close()
    expect(listener.close()).toBe(closing)
    await closing
    await eventually(() => expect(connection.readableEnded || connection.destroyed).toBe(true))
    expect(listener.served[0]?.destroyed).toBe(true)
  })

  it('rejects when the port is taken', async () => {
    const { port } = await listen()
    await expect(listenTcp({ host: '127.0.0.1', port }, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})
