/** Filters see requests of HTTP/2 and gRPC as they see those of HTTP/1. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { silent } from '../../../src/base/log.ts'
import { splice } from '../../../src/transport/splice.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import { type Connector, startConnector } from '../../../src/tunnel/connector.ts'
import { startApp } from '../../harness/app.ts'
import { GrpcVisitor, startGrpcApp } from '../../harness/grpc.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { HOST, startWorld, TUNNEL, type World } from './world.ts'

/** A connector of ours with a filter, bound. */
async function filtered(world: World, filter: string, port: number): Promise<Connector & AsyncDisposable & { streams: () => number }> {
  let streams = 0
  const app = dialTcp({ host: '127.0.0.1', port })
  const connector = startConnector({
    dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' }),
    bind: { tunnelId: TUNNEL, weight: 255 },
    hello: { kind: 'agent', session: randomUUID(), who: 'ada', filter },
    clock: systemClock,
    log: silent,
    onStream: ({ connection }) => {
      streams += 1
      void app().then(local => splice(connection, local))
    }
  })
  await connector.ready
  return Object.assign(connector, { streams: () => streams, [Symbol.asyncDispose]: () => connector.close() })
}

describe('a filter', () => {
  it('gets its requests of one HTTP/2 connection, and no other', async () => {
    await using world = await startWorld()
    await using ada = await startApp({ name: 'ada' })
    await using _ = await filtered(world, 'header.x-user:a', ada.port)
    using session = await openHttp2(world.url)
    const answers = await Promise.all(
      ['a', 'b', 'a'].map(user => visitHttp2(session, { ':path': '/', ':authority': HOST, 'x-user': user }))
    )
    expect(answers.map(({ headers }) => headers['x-app'])).toEqual(['ada', 'app0', 'ada'])
  })

  it('gets its gRPC calls, each in a stream of its own, and no other', async () => {
    await using pods = await startGrpcApp()
    await using ada = await startGrpcApp()
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(pods.port)
    await using laptop = await filtered(world, 'header.x-ask:mine and path:/test.Echo/*', ada.port)
    using client = new GrpcVisitor(world.server.entrypointPort, HOST)
    for (const ask of ['mine', 'yours', 'mine', 'yours']) await client.say('x', { ask })
    expect([ada.counts.calls, pods.counts.calls]).toEqual([2, 2])
    // A laptop decides on each call by itself, so none is behind another one.
    expect(laptop.streams()).toBe(2)
  })
})
