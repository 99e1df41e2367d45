import { describe, expect, it } from 'vitest'
import { dialTcp } from '../../../src/transport/tcp.ts'
import { dialWebSocket } from '../../../src/transport/websocket.ts'
import type { Sidecar } from '../../../src/server/sidecar.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../harness/fault-proxy.ts'
import { request, startWorld, type World } from './world.ts'

/** A sidecar at this weight behind a line that can break. */
async function behindFaults(world: World, port: number, weight: number): Promise<{ line: FaultProxy; sidecar: Sidecar }> {
  const line = await startFaultProxy({ to: { host: '127.0.0.1', port: world.server.tunnelPort } })
  const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: line.port }), { path: '/proxy' })
  const sidecar = await world.addSidecar(port, { dial, weight, connector: { linkCheckMs: 60_000, deadAfterMs: 120_000 } })
  return { line, sidecar }
}

const portOf = (world: World, at: number): number => world.apps[at]?.port ?? 0
const conditions = (world: World): string[] => world.server.stats().connectors.map(({ condition }) => condition)

describe('a connector that dies', () => {
  it('gives waiting requests that may be repeated to another one, and answers the others at once', async () => {
    await using world = await startWorld({ weights: [1, 1], limits: { firstByteTimeoutMs: 10_000 } })
    await world.sidecars[1]?.close()
    const { line } = await behindFaults(world, portOf(world, 1), 255)
    const get = world.visit('/slow/150')
    const post = world.visit('/slow/5000', { method: 'POST', body: 'x' })
    await eventually(() => expect(world.apps[1]?.counts.requests).toBe(2))
    line.reset()
    const [repeated, refused] = await Promise.all([get, post])
    expect([repeated.status, repeated.headers['x-app']]).toEqual([200, 'app0'])
    expect([refused.status, refused.headers['x-intercept-error']]).toEqual([503, 'app-closed'])
    expect(refused.ms).toBeLessThan(2_000)
    expect(world.server.stats().retried).toBe(1)
    await line.close()
  })

  it('cuts a response that had begun, so that the visitor can tell', async () => {
    await using world = await startWorld({ weights: [1] })
    await world.sidecars[0]?.close()
    const { line } = await behindFaults(world, portOf(world, 0), 1)
    const visitor = await world.raw(request('/drip/1000/10'))
    await eventually(() => expect(visitor.text).toContain('200 OK'))
    line.reset()
    await eventually(() => expect(visitor.closed).toBe(true))
    expect(visitor.error).toMatchObject({ code: 'ECONNRESET' })
    await line.close()
  })
})

describe('a connector that vanishes without a word', () => {
  it('is suspected by its heartbeat, keeps no visitor waiting at 255, and is trusted again when it is back', async () => {
    await using world = await startWorld({ weights: [1, 1], limits: { heartbeatMs: 300, unansweredOpenMs: 5_000 } })
    await world.sidecars[1]?.close()
    const { line } = await behindFaults(world, portOf(world, 1), 255)
    expect((await world.visit('/')).headers['x-app']).toBe('app1')
    line.toServer.stall()
    line.toClient.stall()
    await eventually(() => expect(conditions(world)).toEqual(['live', 'suspect']), { timeoutMs: 2_000 })
    for (let n = 0; n < 5; n += 1) expect((await world.visit('/')).headers['x-app']).toBe('app0')
    line.toServer.resume()
    line.toClient.resume()
    await eventually(() => expect(conditions(world)).toEqual(['live', 'live']))
    expect((await world.visit('/')).headers['x-app']).toBe('app1')
    await line.close()
  })

  it('gives up with its heartbeat whoever waits for it', async () => {
    await using world = await startWorld({ weights: [1, 1], limits: { heartbeatMs: 300, unansweredOpenMs: 5_000 } })
    await world.sidecars[1]?.close()
    const { line } = await behindFaults(world, portOf(world, 1), 255)
    expect((await world.visit('/')).headers['x-app']).toBe('app1')
    line.toServer.stall()
    const waiting = await world.visit('/')
    expect([waiting.status, waiting.headers['x-app']]).toEqual([200, 'app0'])
    expect(waiting.ms).toBeLessThan(2_000)
    await line.close()
  })

  it('is suspected by the first stream it does not answer, whose request goes to another one', async () => {
    await using world = await startWorld({
      weights: [1, 1],
      limits: { heartbeatMs: 60_000, unansweredOpenMs: 150, firstByteTimeoutMs: 3_000 }
    })
    await world.sidecars[1]?.close()
    const { line } = await behindFaults(world, portOf(world, 1), 255)
    await eventually(() => expect(conditions(world)).toEqual(['live', 'live']))
    line.toServer.stall()
    const [get, post] = await Promise.all([world.visit('/'), world.visit('/', { method: 'POST', body: 'x' })])
    expect([get.status, get.headers['x-app']]).toEqual([200, 'app0'])
    expect(get.ms).toBeGreaterThan(140)
    expect(get.ms).toBeLessThan(1_500)
    expect([post.status, post.headers['x-intercept-error']]).toEqual([503, 'no-answer'])
    expect(conditions(world)).toEqual(['live', 'suspect'])
    const next = await world.visit('/')
    expect(next.ms).toBeLessThan(140)
    await line.close()
  })

  it('has the requests it had taken before given to another one too, but not those it had begun to answer', async () => {
    await using world = await startWorld({
      weights: [1, 1],
      limits: { heartbeatMs: 60_000, unansweredOpenMs: 300, firstByteTimeoutMs: 5_000 }
    })
    await world.sidecars[1]?.close()
    const { line } = await behindFaults(world, portOf(world, 1), 255)
    await eventually(() => expect(conditions(world)).toEqual(['live', 'live']))
    const begun = await world.raw(request('/drip/1000/10'))
    await eventually(() => expect(begun.text).toContain('200 OK'))
    const taken = world.visit('/slow/1000')
    await eventually(() => expect(world.apps[1]?.counts.requests).toBe(2))
    line.toServer.stall()
    const first = await taken
    expect([first.status, first.headers['x-app']]).toEqual([200, 'app0'])
    expect(first.ms).toBeLessThan(3_000)
    expect(conditions(world)).toEqual(['live', 'suspect'])
    const before = begun.received.length
    line.toServer.resume()
    await eventually(() => expect(begun.received.length).toBeGreaterThan(before + 20))
    begun.socket.destroy()
    await line.close()
  })

  it('still gets visitors when nobody else is left', async () => {
    await using world = await startWorld({ weights: [], limits: { heartbeatMs: 200, firstByteTimeoutMs: 400 } })
    const app = await (await import('../../harness/app.ts')).startApp()
    const { line } = await behindFaults(world, app.port, 1)
    expect((await world.visit('/')).status).toBe(200)
    line.toServer.stall()
    await eventually(() => expect(conditions(world)).toEqual(['suspect']))
    expect((await world.visit('/')).headers['x-intercept-error']).toBe('no-answer')
    line.toServer.resume()
    await eventually(async () => expect((await world.visit('/')).status).toBe(200))
    await line.close()
    await app.close()
  })

  it('is dropped when the keepalive of its session runs out', async () => {
    await using world = await startWorld({
      weights: [],
      limits: { keepaliveIntervalMs: 100, keepaliveTimeoutMs: 300, heartbeatMs: 60_000 }
    })
    const app = await (await import('../../harness/app.ts')).startApp()
    const { line } = await behindFaults(world, app.port, 1)
    line.toServer.blackhole()
    await eventually(() => expect(world.server.stats().connectors).toEqual([]))
    await line.close()
    await app.close()
  })
})

describe('drain', () => {
  it('sends no more to a connector that asks for none, and lets what runs there finish', async () => {
    await using world = await startWorld({ weights: [1, 255] })
    const running = world.visit('/slow/300')
    await eventually(() => expect(world.apps[1]?.counts.requests).toBe(1))
    const stopped = world.sidecars[1]?.stop(new AbortController().signal)
    await eventually(() => expect(conditions(world)).toEqual(['live', 'draining']))
    expect((await world.visit('/')).headers['x-app']).toBe('app0')
    expect((await running).headers['x-app']).toBe('app1')
    await stopped
    await eventually(() => expect(conditions(world)).toEqual(['live']))
  })

  it('changes a weight in place', async () => {
    await using world = await startWorld({ weights: [1] })
    const { openSession } = await import('../../../src/smux/session.ts')
    const { bindRequest } = await import('../../../src/relay/addresses.ts')
    const { encodeRequest } = await import('../../../src/relay/encode.ts')
    const { ControlDecoder, encodeControl } = await import('../../../src/tunnel/control-channel.ts')
    const { ResponseDecoder } = await import('../../../src/relay/decode.ts')
    const { TUNNEL } = await import('./world.ts')
    const { systemClock } = await import('../../../src/base/clock.ts')
    const dial = dialWebSocket(dialTcp({ host: '127.0.0.1', port: world.server.tunnelPort }), { path: '/proxy' })
    const connection = await dial(new AbortController().signal)
    connection.write(encodeRequest(bindRequest({ tunnelId: TUNNEL, weight: 1, capability: 1 })))
    const first: Buffer = await new Promise(resolve => connection.once('data', resolve))
    connection.pause()
    connection.unshift(new ResponseDecoder().push(first)?.rest ?? Buffer.alloc(0))
    const session = openSession(connection, { role: 'server', clock: systemClock, onStream: stream => stream.destroy() })
    const control = session.open()
    const heard: string[] = []
    const decoder = new ControlDecoder()
    control.on('data', (chunk: Buffer) => heard.push(...decoder.push(chunk).map(({ type }) => type)))
    control.write(encodeControl({ type: 'weight', weight: 77 }))
    await eventually(() => expect(heard).toContain('weighted'))
    expect(world.server.stats().connectors[1]?.weight).toBe(77)
    control.write('nonsense\n')
    await eventually(() => expect(control.destroyed || control.readableEnded).toBe(true))
    expect(world.server.stats().connectors).toHaveLength(2)
    await session.close()
  })
})

describe('drain of the server', () => {
  it('finishes what runs, keeps nothing alive, then closes', async () => {
    const world = await startWorld({ weights: [1] })
    const idle = await world.raw(request('/'))
    await eventually(() => expect(idle.text).toMatch(/app0\n$/))
    const running = await world.raw(request('/slow/200'))
    await eventually(() => expect(world.server.stats().active).toBe(1))
    const drained = world.server.drain()
    await eventually(() => expect(idle.ended).toBe(true))
    await drained
    await eventually(() => expect(running.ended || running.closed).toBe(true))
    expect(running.text).toMatch(/200 OK\r\n[^]*Connection: close\r\n[^]*slow/)
    await world[Symbol.asyncDispose]()
  })
})
