/** A tunnel of TLS on the stock server: both proofs hold without a word to the app, and foreign hellos reach it. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silent } from '../../src/base/log.ts'
import type { EventBody } from '../../src/event/types.ts'
import { encodeHello } from '../../src/route/tls-probe.ts'
import { answering } from '../../src/session/answering.ts'
import { exchanges } from '../../src/session/exchanges.ts'
import { gate } from '../../src/session/gate.ts'
import { localApp } from '../../src/transport/local-app.ts'
import { probeBoard } from '../../src/session/probe-board.ts'
import { verify } from '../../src/session/verify.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { dialWebSocket } from '../../src/transport/websocket.ts'
import { startConnector } from '../../src/tunnel/connector.ts'
import { eventually } from '../harness/eventually.ts'
import { type GostVersion, startGostClient, startGostServer } from '../harness/gost.ts'
import { tunnelPlan } from '../harness/plans.ts'

const HOST = 'tls.local'
const versions: readonly GostVersion[] = ['ga', 'nightly']

/** An app that takes whatever comes and counts it. */
async function sink(): Promise<{ port: number; seen: Buffer[] } & AsyncDisposable> {
  const seen: Buffer[] = []
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', bytes => {
      seen.push(bytes)
      socket.end('done')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return { port, seen, [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())) }
}

describe.each(versions)('a tunnel of TLS on gost %s', version => {
  it('is proven by a hello of ours, and only by one that reached us', async () => {
    const tunnelId = randomUUID()
    await using app = await sink()
    await using server = await startGostServer({ version, hosts: [[HOST, tunnelId]] })
    const plan = tunnelPlan({ tunnelId, protocol: 'tls', hosts: [HOST] })
    const board = probeBoard()
    const clock = systemClock
    const probes: EventBody<'probe'>[] = []
    const local = localApp({ address: { host: '127.0.0.1', port: app.port }, clock, onChange: () => {} })
    let ids = 0
    const made = gate({
      plan,
      local,
      returnPath: undefined,
      answering: answering(clock),
      board,
      exchanges: exchanges({ clock, emit: () => {}, nextId: () => String((ids += 1)) }),
      clock,
      log: silent,
      decide: () => ({ to: 'local' }),
      looks: () => false,
      toGuest: () => Promise.reject(new Error('no guest')),
      perRequest: () => false,
      who: () => '',
      onGiveUp: () => {}
    })
    const connector = startConnector({
      dial: dialWebSocket(dialTcp({ host: '127.0.0.1', port: server.tunnelPort }), { path: '/proxy' }),
      bind: { tunnelId, weight: 255 },
      clock,
      log: silent,
      onStream: stream => made.serve(stream, 'proxy-1')
    })
    const dial = dialTcp({ host: '127.0.0.1', port: server.entrypointPort })
    const way = { kind: 'url' as const, describe: 'entrypoint', dial, request: () => Promise.reject(new Error('not for TLS')) }
    const options = {
      plan,
      route: {
        key: 'k',
        replica: 'proxy-1',
        kind: 'url' as const,
        describe: 'entrypoint',
        several: false,
        dialTunnel: dial,
        visitor: [way]
      },
      board,
      clock,
      emit: (type: string, body: unknown) => void (type === 'probe' && probes.push(body as EventBody<'probe'>)),
      share: 1,
      exclusive: true,
      random: randomUUID
    }
    const signal = new AbortController().signal
    try {
      await connector.ready
      expect(await verify(options, signal)).toMatchObject({ kind: 'verified' })
      expect(probes.map(({ proof, ok }) => [proof, ok])).toEqual([
        ['arrival', true],
        ['path', true]
      ])
      expect(app.seen).toEqual([])

      // Somebody else's hello goes to the app, also while we look for ours.
      const foreign = encodeHello({ serverName: HOST, sessionId: Buffer.alloc(32, 7) })
      const waiting = board.expectPath('ours')
      const visitor = net.connect(server.entrypointPort, '127.0.0.1').on('error', () => {})
      visitor.write(foreign)
      await eventually(() => expect(Buffer.concat(app.seen)).toEqual(foreign))
      waiting.cancel()
      visitor.destroy()

      // With the sidecar alone the proof fails, and says so.
      await connector.close()
      await using sidecar = await startGostClient({ version, serverPort: server.tunnelPort, tunnelId, target: `127.0.0.1:${app.port}` })
      expect(sidecar.status()).toBeUndefined()
      const other = await verify({ ...options, share: 0.5, exclusive: false }, AbortSignal.timeout(60_000))
      expect(other).toMatchObject({ kind: 'missed' })
    } finally {
      made.close()
      await connector.close()
      await local.close()
    }
  })
})
