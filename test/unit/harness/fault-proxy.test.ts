import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { dialTcp, listenTcp } from '../../../src/transport/tcp.ts'
import type { Listener } from '../../../src/transport/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../harness/fault-proxy.ts'
import { checkLeaks } from '../../harness/leaks.ts'

checkLeaks()

const signal = new AbortController().signal
let listener: Listener
let proxy: FaultProxy
let served: Connection[]
let clients: Connection[]

beforeEach(async () => {
  served = []
  clients = []
  listener = await listenTcp({ host: '127.0.0.1', port: 0 }, connection => served.push(connection))
  proxy = await startFaultProxy({ to: listener })
})
afterEach(async () => {
  for (const client of clients) client.destroy()
  await proxy.close()
  await listener.close()
})

interface Watched {
  connection: Connection
  chunks: Buffer[]
  text: () => string
}

function watch(connection: Connection): Watched {
  const chunks: Buffer[] = []
  connection.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { connection, chunks, text: () => Buffer.concat(chunks).toString('latin1') }
}

/** A connection through the proxy and the server's end of it. */
async function connectPair(): Promise<{ client: Watched; server: Watched }> {
  const before = served.length
  const client = await dialTcp(proxy)(signal)
  clients.push(client)
  await eventually(() => expect(served.length).toBe(before + 1))
  const server = served[before]
  if (server === undefined) throw new Error('not served')
  return { client: watch(client), server: watch(server) }
}

describe('startFaultProxy', () => {
  it('passes bytes and half-closes both ways', async () => {
    const { client, server } = await connectPair()
    client.connection.end('ask')
    await eventually(() => expect(server.connection.readableEnded).toBe(true))
    server.connection.end('answer')
    await eventually(() => expect(client.connection.readableEnded).toBe(true))
    expect([server.text(), client.text()]).toEqual(['ask', 'answer'])
    await eventually(() => expect(proxy.connections).toBe(0))
    expect(proxy.accepted).toBe(1)
  })

  it('slices one direction only', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.slice(3)
    client.connection.write('0123456789')
    server.connection.write('0123456789')
    await eventually(() => expect([server.text(), client.text()]).toEqual(['0123456789', '0123456789']))
    expect(client.chunks).toHaveLength(1)
    expect(Math.max(...server.chunks.map(chunk => chunk.length))).toBeLessThanOrEqual(6) // two pieces may share a read
    expect(server.chunks.length).toBeGreaterThanOrEqual(2)
  })

  it('delays bytes without changing their order or holding back the next', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.delay(60)
    const startedAt = performance.now()
    for (const text of ['a', 'b', 'c']) client.connection.write(text)
    client.connection.end()
    await eventually(() => expect(server.connection.readableEnded).toBe(true))
    const tookMs = performance.now() - startedAt
    expect(server.text()).toBe('abc')
    expect(tookMs).toBeGreaterThanOrEqual(55)
    expect(tookMs).toBeLessThan(170) // three in a row would take 180
  })

  it('moves a bulk through a delayed line at full rate', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.delay(25)
    const startedAt = performance.now()
    client.connection.end(Buffer.alloc(16 * 1024 * 1024, 1))
    await eventually(() => expect(server.connection.readableEnded).toBe(true))
    expect(server.chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(16 * 1024 * 1024)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })

  it('throttles', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.throttle(20_000)
    const startedAt = performance.now()
    client.connection.end(Buffer.alloc(4_000))
    await eventually(() => expect(server.connection.readableEnded).toBe(true))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150)
  })

  it('stalls: nothing passes, the sender meets back-pressure; resumes: everything arrives', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.stall()
    const bulk = Buffer.alloc(32 * 1024 * 1024, 7)
    let written = false
    client.connection.write(bulk, () => {
      written = true
    })
    server.connection.write('other way')
    await eventually(() => expect(client.text()).toBe('other way'))
    expect([server.chunks.length, written]).toEqual([0, false])
    proxy.toServer.resume()
    await eventually(() => expect(server.chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(bulk.length))
    expect(written).toBe(true)
  })

  it('cuts after so many bytes, exactly, with a reset', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.cutAfter(5)
    client.connection.write('0123456789')
    await eventually(() => expect(server.connection.destroyed).toBe(true))
    expect(server.text()).toBe('01234')
    await eventually(() => expect(client.connection.destroyed || client.connection.readableEnded).toBe(true))
  })

  it('resets one side and both sides', async () => {
    const { client, server } = await connectPair()
    proxy.toClient.reset()
    await eventually(() => expect(client.connection.errored).toMatchObject({ code: 'ECONNRESET' }))
    const second = await connectPair()
    proxy.reset()
    await eventually(() => expect(second.client.connection.errored).toMatchObject({ code: 'ECONNRESET' }))
    await eventually(() => expect(second.server.connection.errored).toMatchObject({ code: 'ECONNRESET' }))
    server.connection.destroy()
  })

  it('half-closes one direction and keeps the other', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.halfClose()
    await eventually(() => expect(server.connection.readableEnded).toBe(true))
    client.connection.write('lost')
    server.connection.write('still here')
    await eventually(() => expect(client.text()).toBe('still here'))
    expect(server.text()).toBe('')
  })

  it('swallows what enters a black hole, and works again when cleared', async () => {
    const { client, server } = await connectPair()
    proxy.toServer.blackhole()
    client.connection.write('lost')
    server.connection.write('seen')
    await eventually(() => expect(client.text()).toBe('seen'))
    proxy.toServer.clear()
    client.connection.write('found')
    await eventually(() => expect(server.text()).toBe('found'))
  })

  it('refuses new connections, keeps old ones, and accepts again on the same port', async () => {
    const { client, server } = await connectPair()
    await proxy.refuse(true)
    await expect(dialTcp(proxy)(signal)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    client.connection.write('still')
    await eventually(() => expect(server.text()).toBe('still'))
    await proxy.refuse(false)
    const again = await connectPair()
    again.client.connection.write('again')
    await eventually(() => expect(again.server.text()).toBe('again'))
  })

  it('passes on that the server refuses, as a reset', async () => {
    await listener.close()
    const client = await dialTcp(proxy)(signal)
    await eventually(() => expect(client.destroyed).toBe(true))
    expect(client).toBeInstanceOf(net.Socket)
  })
})
