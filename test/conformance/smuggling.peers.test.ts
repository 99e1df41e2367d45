/** The same bytes at the entrypoint of a stock server: where it reads them otherwise than ours. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { startTestConnector, startTestServer, type TestServer } from './peers.ts'
import { type AskedApp, outcomeOf, same, startNodeApp, visitInnocently } from './smuggling.ts'
import { HOST, type Outcome, SMUGGLING } from './smuggling-corpus.ts'

const stop: (() => Promise<unknown>)[] = []
let server: TestServer
let app: AskedApp

beforeAll(async () => {
  const tunnelId = randomUUID()
  app = await startNodeApp()
  server = await startTestServer('ga', { carrier: 'ws', hosts: [[HOST, tunnelId]] })
  const { tunnelPort } = server
  const connector = await startTestConnector('ga', { carrier: 'ws', tunnelPort, tunnelId, appPort: app.port })
  stop.push(
    () => connector.stop(),
    () => server.stop(),
    async () => app[Symbol.asyncDispose]()
  )
  await eventually(() => visitInnocently(server.entrypointPort), { timeoutMs: 20_000 })
})
afterAll(async () => {
  for (const each of stop) await each()
})

/**
 * The app answers and closes before a body has come. Whether a stock server has written the body by then, or found it broken, is chance; what is hidden
 * in it is seen by nobody either way.
 */
const isChance = (outcome: Outcome, expected: Outcome): boolean =>
  expected === '503 | POST /p' ? outcome === '200 | POST /p' : expected.startsWith('200') && outcome === '503 | POST /p'

it.each(Object.entries(SMUGGLING))('a stock server: %s', async (_title, [bytes, ours, others]) => {
  const expected = others?.stock ?? ours
  const outcome = await outcomeOf(bytes, { port: server.entrypointPort, app, expected })
  expect(same(outcome, expected) || isChance(outcome, expected), `${outcome} instead of ${expected}`).toBe(true)
})
