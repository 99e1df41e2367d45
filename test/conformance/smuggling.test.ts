/** Requests that two servers could read differently, sent to our entrypoint by real sockets: the app sees what our server counted and nothing more. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silent } from '../../src/base/log.ts'
import { FAST_LIMITS } from '../../src/server/limits.ts'
import { type RunningServer, startServer } from '../../src/server/run-server.ts'
import { startTestConnector } from './peers.ts'
import { APPS, type AskedApp, http2Answers, outcomeOf, same } from './smuggling.ts'
import { FALSE_BODIES, HOST, SMUGGLING } from './smuggling-corpus.ts'
import { SMUGGLING_HTTP2 } from './smuggling-http2.ts'

for (const [name, start] of Object.entries(APPS)) {
  const app = await start()
  describe.skipIf(app === undefined)(`before ${name}`, () => attack(name, app as AskedApp))
}

function attack(name: string, app: AskedApp): void {
  const tunnelId = randomUUID()
  const stop: (() => Promise<unknown>)[] = []
  let server: RunningServer
  let http = 0
  let tcp = 0

  beforeAll(async () => {
    server = await startServer({
      tunnel: { host: '127.0.0.1', port: 0, carrier: 'ws', path: '/proxy' },
      entrypoints: [
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.1', port: 0, tunnelId }
      ],
      rules: [{ host: HOST, tunnelId }],
      limits: FAST_LIMITS,
      log: silent
    })
    const [httpPort = 0, tcpPort = 0] = server.entrypointPorts
    http = httpPort
    tcp = tcpPort
    const { tunnelPort } = server
    const sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort, tunnelId, appPort: app.port })
    stop.push(
      () => sidecar.stop(),
      () => server.close()
    )
  })
  afterAll(async () => {
    for (const each of stop) await each()
    await app[Symbol.asyncDispose]()
  })

  it.each(Object.entries(SMUGGLING))('%s', async (_title, [bytes, ours, others]) => {
    const expected = name === 'nginx' ? (others?.nginx ?? ours) : ours
    const [asked, counted] = [app.asked().length, server.stats().requests]
    const outcome = await outcomeOf(bytes, { port: http, app, expected })
    expect(same(outcome, expected), `${outcome} instead of ${expected}`).toBe(true)
    expect(app.asked().length - asked).toBeLessThanOrEqual(server.stats().requests - counted)
  })

  it.each(Object.entries(SMUGGLING_HTTP2))('over HTTP/2: %s', async (_title, [bytes, expected]) => {
    const [asked, counted] = [app.asked().length, server.stats().requests]
    const outcome = await outcomeOf(bytes, { port: http, app, expected, read: http2Answers })
    expect(same(outcome, expected), `${outcome} instead of ${expected}`).toBe(true)
    expect(app.asked().length - asked).toBeLessThanOrEqual(server.stats().requests - counted)
  })

  it.each(Object.entries(FALSE_BODIES))('the next on the app’s connection does not pay for %s', async (_title, bytes) => {
    await outcomeOf(bytes, { port: tcp, app, expected: '200' })
  })
}
