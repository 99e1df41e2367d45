import { describe, expect, it } from 'vitest'
import { silent } from '../../../src/base/log.ts'
import { startServer } from '../../../src/server/run-server.ts'
import { startSidecar } from '../../../src/server/sidecar.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort, releasePorts } from '../../harness/ports.ts'
import { visit } from '../../harness/visit.ts'
import { HOST, TUNNEL } from './world.ts'

const serve = (port: number, password?: string): ReturnType<typeof startServer> =>
  startServer({
    tunnel: { host: '127.0.0.1', port, carrier: 'tcp' },
    entrypoints: [{ host: '127.0.0.1', port: 0 }],
    rules: [{ host: HOST, tunnelId: TUNNEL }],
    ...(password === undefined ? {} : { credentials: [{ user: 'u', password }] })
  })

describe('sidecar', () => {
  it('waits for a server that comes later, and for one that comes back', async () => {
    const port = await freePort()
    const app = await startApp()
    const dial = dialTcp({ host: '127.0.0.1', port })
    const sidecar = startSidecar({
      dial,
      tunnelId: TUNNEL,
      weight: 1,
      target: { host: '', port: app.port },
      connector: { retry: { minMs: 20, maxMs: 50 } }
    })
    const server = await serve(port)
    await sidecar.ready
    expect((await visit(`http://127.0.0.1:${server.entrypointPort}/`, { host: HOST })).text).toBe('app\n')
    await server.close()
    const again = await serve(port)
    await eventually(async () => expect((await visit(`http://127.0.0.1:${again.entrypointPort}/`, { host: HOST })).text).toBe('app\n'))
    await sidecar.close()
    await again.close()
    await app.close()
    releasePorts([port])
  })

  it('says why it is not registered, without the tunnel id, and stops asking when it is closed', async () => {
    const server = await serve(0, 'right')
    const said: string[] = []
    const log = {
      ...silent,
      warn: (message: string, fields: unknown) => said.push(`${message} ${JSON.stringify(fields)}`),
      child: () => log
    }
    const sidecar = startSidecar({
      dial: dialTcp({ host: '127.0.0.1', port: server.tunnelPort }),
      tunnelId: TUNNEL,
      weight: 1,
      target: { host: '', port: 1 },
      auth: { user: 'u', password: 'wrong' },
      log
    })
    await eventually(() => expect(said[0]).toContain('not registered yet'))
    expect(said.join()).not.toContain(TUNNEL)
    await sidecar.close()
    await expect(sidecar.ready).rejects.toThrow('closed')
    expect(server.stats().connectors).toEqual([])
    await server.close()
  })

  it('ends a stream whose app does not listen, and no other', async () => {
    const app = await startApp()
    const server = await serve(0)
    const dial = dialTcp({ host: '127.0.0.1', port: server.tunnelPort })
    const sidecar = startSidecar({ dial, tunnelId: TUNNEL, weight: 1, target: { host: '', port: app.port } })
    await sidecar.ready
    await app.close()
    const url = `http://127.0.0.1:${server.entrypointPort}/`
    expect((await visit(url, { host: HOST })).headers['x-intercept-error']).toBe('app-closed')
    const again = await startApp({ port: app.port })
    expect((await visit(url, { host: HOST })).status).toBe(200)
    expect(server.stats().binds).toBe(1)
    await sidecar.close()
    await server.close()
    await again.close()
  })
})
