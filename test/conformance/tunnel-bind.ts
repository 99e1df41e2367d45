/** Tunnel cases: registering, and being refused. */
import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { dialTcp } from '../../src/transport/tcp.ts'
import { startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { relayConnect } from './relay-visitor.ts'
import { startTestConnector, startTestServer } from './peers.ts'
import type { TunnelWorld } from './tunnel-world.ts'

const auth = { user: 'dev', password: 'secret' }

export function bindCases(world: TunnelWorld): void {
  const { server: serverKind, connector: kind, carrier } = world.pairing

  it('binds and answers, and answers 503 again once it is gone', async () => {
    const tunnel = world.tunnel()
    await using app = await startApp({ name: 'bound' })
    expect((await world.visit(tunnel, '/')).status).toBe(503)
    const connector = await world.connect(tunnel, app.port)
    expect(await world.visit(tunnel, '/')).toMatchObject({ status: 200, text: 'bound\n' })
    await connector.stop()
    await eventually(async () => expect((await world.visit(tunnel, '/')).status).toBe(503))
  })

  it('binds a tunnel id that no rule knows, reachable by a relay CONNECT with that id', async () => {
    const tunnel = { host: 'nowhere.local', tunnelId: randomUUID() }
    await using app = await startApp({ name: 'unlisted' })
    await using connector = await world.connect(tunnel, app.port)
    expect(connector.losses()).toBe(0)
    expect((await world.visit(tunnel, '/')).status).toBe(502)
    const connection = await relayConnect(dialTcp({ host: '127.0.0.1', port: world.server.entrypointPort }), tunnel.tunnelId)
    connection.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const chunks: Buffer[] = []
    for await (const chunk of connection) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 200[^]*unlisted\n/)
  })

  it('binds with the right credentials and is refused with wrong ones and with none', async () => {
    const tunnelId = randomUUID()
    await using app = await startApp({ name: 'guarded' })
    await using server = await startTestServer(serverKind, { carrier, hosts: [['guarded.local', tunnelId]], auth })
    const setup = { carrier, tunnelPort: server.tunnelPort, tunnelId, appPort: app.port }
    const refused = kind === 'sidecar' || kind === 'session' ? /refused the bind/ : /create tunnel .* failed/
    await expect(startTestConnector(kind, setup)).rejects.toThrow(refused)
    await expect(startTestConnector(kind, { ...setup, auth: { ...auth, password: 'wrong' } })).rejects.toThrow(refused)
    await using connector = await startTestConnector(kind, { ...setup, auth })
    expect(connector.losses()).toBe(0)
    expect(server.trouble()).toBeUndefined()
  })

  if (carrier === 'ws' || carrier === 'wss') {
    it('is told when the WebSocket path is a wrong one', async () => {
      await using app = await startApp()
      const { tunnelPort } = world.server
      const setup = { carrier, tunnelPort, tunnelId: world.tunnel().tunnelId, appPort: app.port, path: '/elsewhere' }
      await expect(startTestConnector(kind, setup)).rejects.toThrow(kind === 'sidecar' || kind === 'session' ? /404/ : /bad handshake/)
    })
  }
}
