import net, { type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Dial } from '../../../src/base/connection.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { logger, silent } from '../../../src/base/log.ts'
import { startServer } from '../../../src/server/run-server.ts'
import { startSidecar } from '../../../src/server/sidecar.ts'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { startApp } from '../../harness/app.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort, releasePorts } from '../../harness/ports.ts'
import { relayPeer } from '../../harness/relay-peer.ts'
import { visit } from '../../harness/visit.ts'
import { HOST, request, startWorld, TUNNEL } from './world.ts'

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
    const said: string[] = []
    const sidecar = startSidecar({
      dial,
      tunnelId: TUNNEL,
      weight: 1,
      target: { host: '', port: app.port },
      log: logger(({ message }) => said.push(message), 'info'),
      connector: { retry: { minMs: 20, maxMs: 50 } }
    })
    const server = await serve(port)
    await sidecar.ready
    expect((await visit(`http://127.0.0.1:${server.entrypointPort}/`, { host: HOST })).text).toBe('app\n')
    await server.close()
    const again = await serve(port)
    await eventually(async () => expect((await visit(`http://127.0.0.1:${again.entrypointPort}/`, { host: HOST })).text).toBe('app\n'))
    expect(said.filter(message => message.startsWith('regist'))).toEqual(['registration lost', 'registered again'])
    await sidecar.close()
    await again.close()
    await app.close()
    releasePorts([port])
  })

  it('is told apart in the log of the server: one that left, one that was lost, one that is refused', async () => {
    const said: [string, unknown][] = []
    const log = logger(({ message, fields }) => void said.push([message, fields['tunnel']]), 'info')
    const server = await startServer({
      tunnel: { host: '127.0.0.1', port: 0, carrier: 'tcp' },
      entrypoints: [{ host: '127.0.0.1', port: 0 }],
      rules: [{ host: HOST, tunnelId: TUNNEL }],
      credentials: [{ user: 'u', password: 'right' }],
      log
    })
    const connections: { destroy: () => unknown }[] = []
    const dial: Dial = async signal => {
      const connection = await dialTcp({ host: '127.0.0.1', port: server.tunnelPort })(signal)
      connections.push(connection)
      return connection
    }
    const start = (password: string): ReturnType<typeof startSidecar> =>
      startSidecar({ dial, tunnelId: TUNNEL, weight: 1, target: { host: '', port: 1 }, auth: { user: 'u', password } })
    const leaving = start('right')
    await leaving.ready
    await leaving.stop(AbortSignal.timeout(5_000))
    await eventually(() => expect(said).toContainEqual(['connector left', '10bc451e…']))
    const broken = start('right')
    await broken.ready
    connections.at(-1)?.destroy()
    await eventually(() => expect(said).toContainEqual(['connector lost', '10bc451e…']))
    const stranger = start('wrong')
    await eventually(() => expect(said).toContainEqual(['connector refused', '10bc451e…']))
    await Promise.all([broken.close(), stranger.close()])
    await server.close()
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

/** A bare app: answers the requests of a connection as `answers` says, and closes where it says nothing. */
async function bareApp(answers: (connection: number, request: number) => string | undefined): Promise<{
  port: number
  seen: string[][]
  drop: () => void
  close: () => Promise<void>
}> {
  const seen: string[][] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer(socket => {
    const requests: string[] = []
    const at = seen.push(requests) - 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      requests.push(chunk.toString('latin1'))
      const answer = answers(at, requests.length - 1)
      if (answer === undefined) socket.destroy()
      else socket.write(answer)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const drop = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    drop,
    close: () =>
      new Promise(resolve => {
        drop()
        server.close(() => resolve())
      })
  }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('connections that the app keeps', () => {
  it('carry request after request, bodies and logins for a connection excepted', async () => {
    await using world = await startWorld({ weights: [] })
    const app = await bareApp(() => OK)
    await world.addSidecar(app.port)
    for (let n = 0; n < 5; n += 1) expect((await world.visit('/')).text).toBe('ok')
    expect(app.seen.map(requests => requests.length)).toEqual([5])
    expect((await world.visit('/', { method: 'POST', body: 'x' })).text).toBe('ok')
    expect((await world.visit('/', { headers: { authorization: 'Negotiate x' } })).text).toBe('ok')
    expect(app.seen.map(requests => requests.length)).toEqual([5, 1, 1])
    await app.close()
  })

  it('end the stream with the answer behind a stock server, which asks for that', async () => {
    const app = await bareApp(() => OK)
    const peer = relayPeer(systemClock)
    const sidecar = startSidecar({ dial: peer.dial, tunnelId: TUNNEL, weight: 1, target: { host: '127.0.0.1', port: app.port } })
    await sidecar.ready
    for (let n = 0; n < 3; n += 1) {
      const stream = peer.bound[0]?.open()
      stream?.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      let text = ''
      for await (const chunk of stream ?? []) text += String(chunk)
      expect(text).toBe(OK)
    }
    expect(app.seen.map(requests => requests.length)).toEqual([3])
    expect(app.seen.flat().join('')).not.toContain('Connection')
    await sidecar.close()
    await app.close()
  })

  it.each([
    ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['sends more than its answer', `${OK}HTTP/1.1 200 OK\r\nX-Hidden: 1\r\nContent-Length: 2\r\n\r\nno`]
  ])('are not used where the app %s', async (_name, text) => {
    await using world = await startWorld({ weights: [] })
    const app = await bareApp(() => text)
    await world.addSidecar(app.port)
    for (let n = 0; n < 3; n += 1) {
      const answer = await world.visit('/')
      expect([answer.text, answer.headers['x-hidden']]).toEqual(['ok', undefined])
    }
    expect(app.seen.map(requests => requests.length)).toEqual([1, 1, 1])
    await app.close()
  })

  it('may be closed by the app at any time, and nobody notices', async () => {
    await using world = await startWorld({ weights: [] })
    const app = await bareApp((_connection, request) => (request === 0 ? OK : undefined))
    await world.addSidecar(app.port)
    for (let n = 0; n < 3; n += 1) expect((await world.visit('/')).text).toBe('ok')
    // Each second request on a connection found it closed, and went on a new one.
    expect(app.seen.map(requests => requests.length)).toEqual([2, 2, 1])
    app.drop()
    expect((await world.visit('/')).text).toBe('ok')
    await app.close()
  })

  it('lose an answer that had begun, and repeat nothing', async () => {
    await using world = await startWorld({ weights: [] })
    const app = await bareApp((_connection, request) => (request === 0 ? OK : 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'))
    await world.addSidecar(app.port)
    expect((await world.visit('/')).text).toBe('ok')
    const visitor = await world.raw(request('/'))
    await eventually(() => expect(visitor.text).toMatch(/x$/))
    app.drop()
    await eventually(() => expect(visitor.closed).toBe(true))
    expect(app.seen.flat()).toHaveLength(2)
    await app.close()
  })

  it('are not used when told so', async () => {
    await using world = await startWorld({ weights: [] })
    const app = await bareApp(() => OK)
    await world.addSidecar(app.port, { keepsApp: false })
    for (let n = 0; n < 3; n += 1) expect((await world.visit('/')).text).toBe('ok')
    expect(app.seen.map(requests => requests.length)).toEqual([1, 1, 1])
    await app.close()
  })
})
