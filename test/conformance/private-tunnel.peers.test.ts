/** What guests of a stock server stand on: any tunnel id may be bound, and a relay CONNECT with it is a way to that connector alone. */
import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { connectTunnel } from '../../src/route/connect-tunnel.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { startTestConnector, startTestServer } from './peers.ts'

describe.each(['ours', 'ga', 'nightly'] as const)('a private tunnel on the server %s', kind => {
  it('leads to whoever bound it, byte for byte, and nowhere once that one is gone', async () => {
    const [shared, mine] = [randomUUID(), randomUUID()]
    const server = await startTestServer(kind, { carrier: 'ws', hosts: [['nginx.local', shared]] })
    const app = await startApp({ name: 'bob' })
    const bound = { carrier: 'ws', tunnelPort: server.tunnelPort, appPort: app.port } as const
    const connector = await startTestConnector('sidecar', { ...bound, tunnelId: mine, weight: 255 })
    const dial = dialTcp({ host: '127.0.0.1', port: server.entrypointPort })
    const to = { tunnelId: mine, source: { host: '203.0.113.9', port: 4711 }, destination: { host: 'nginx.local', port: 80 } }
    const connection = await eventually(() => connectTunnel(dial, to, AbortSignal.timeout(5_000)))
    let answer = ''
    connection.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    connection.write('GET /x HTTP/1.1\r\nHost: nginx.local\r\nConnection: close\r\n\r\n')
    await eventually(() => expect(answer).toContain('x-app: bob'))
    connection.destroy()
    await expect(connectTunnel(dial, { ...to, tunnelId: shared }, AbortSignal.timeout(5_000))).rejects.toThrow(/relay status|ended/)
    await connector.stop()
    await eventually(() => expect(connectTunnel(dial, to, AbortSignal.timeout(1_000))).rejects.toThrow(/relay status|ended/))
    await server.stop()
    await app.close()
  })
})
