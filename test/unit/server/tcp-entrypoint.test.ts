/** Raw TCP through our server and sidecars: server-first, half-close, PROXY header, nobody there. */
import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { RawVisitor, startWorld, TUNNEL, type World } from './world.ts'

const servers: net.Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function tcpApp(onConnection: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {}) // visitors leave as they like
    onConnection(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  return (server.address() as AddressInfo).port
}

const tcpWorld = (more: { proxyProtocol?: boolean } = {}, limits = {}): Promise<World> =>
  startWorld({ weights: [], limits, server: { entrypoints: [{ host: '127.0.0.1', port: 0, tunnelId: TUNNEL, ...more }] } })

const visitor = (world: World): Promise<RawVisitor> => RawVisitor.connect(world.server.entrypointPort)

describe('TCP entrypoint', () => {
  it('lets the app speak first, and each connection has a stream of its own', async () => {
    await using world = await tcpWorld()
    let greeted = 0
    const port = await tcpApp(socket => {
      greeted += 1
      socket.write(`220 hello ${greeted}\r\n`)
      socket.on('end', () => socket.end()).resume()
    })
    await world.addSidecar(port)
    const visitors = [await visitor(world), await visitor(world)]
    await eventually(() => expect(visitors.map(({ text }) => text).sort()).toEqual(['220 hello 1\r\n', '220 hello 2\r\n']))
    for (const { socket } of visitors) socket.destroy()
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, visitorsOpen: 0 }))
  })

  it('passes on any bytes, an end as an end, and what the app says after it', async () => {
    await using world = await tcpWorld()
    const port = await tcpApp(socket => {
      let count = 0
      socket.on('data', (chunk: Buffer) => {
        count += chunk.length
      })
      socket.on('end', () => socket.end(`got ${count}`))
    })
    await world.addSidecar(port)
    const one = await visitor(world)
    one.socket.end(Buffer.alloc(300_000, 1))
    await eventually(() => expect([one.text, one.ended]).toEqual(['got 300000', true]))
  })

  it('closes a visitor for whom nobody is there, and serves the next one when somebody is', async () => {
    await using world = await tcpWorld()
    const early = await visitor(world)
    await eventually(() => expect(early.ended).toBe(true))
    expect(world.server.stats().refused).toBe(1)
    await world.addSidecar(await tcpApp(socket => socket.end('hello')))
    const late = await visitor(world)
    await eventually(() => expect(late.text).toBe('hello'))
  })

  it('goes to another connector while the first can take no stream', async () => {
    await using world = await tcpWorld({}, { streamsPerConnector: 1 })
    for (const name of ['a', 'b']) await world.addSidecar(await tcpApp(socket => socket.write(name)))
    const visitors = [await visitor(world), await visitor(world)]
    await eventually(() => expect(visitors.map(({ text }) => text).sort()).toEqual(['a', 'b']))
    const third = await visitor(world)
    await eventually(() => expect(third.ended).toBe(true))
  })

  it('closes the visitor of an app that refuses', async () => {
    await using world = await tcpWorld()
    await world.addSidecar(1)
    const one = await visitor(world)
    await eventually(() => expect([one.closed || one.ended, one.text]).toEqual([true, '']))
  })

  it('takes the PROXY header off', async () => {
    // Without the short time-out of tests: a busy machine may be late with the header.
    await using world = await tcpWorld({ proxyProtocol: true }, { headTimeoutMs: 10_000 })
    await world.addSidecar(await tcpApp(socket => socket.pipe(socket)))
    const one = await visitor(world)
    one.send('PROXY TCP4 203.0.113.9 10.0.0.1 50123 3306\r\nping')
    await eventually(() => expect(one.text).toBe('ping'))
    one.socket.destroy()
  })
})
