/** Answers that two recipients could read differently: the visitor gets one answer or a refusal, and the next answer on its connection is its own. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silent } from '../../src/base/log.ts'
import { FAST_LIMITS } from '../../src/server/limits.ts'
import { type RunningServer, startServer } from '../../src/server/run-server.ts'
import { visit } from '../harness/visit.ts'
import { startTestConnector } from './peers.ts'

const HOST = 'splitting.local'
/** Must never be an answer to anybody, but may be part of a body that has no other end than the connection's. */
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nEVIL!'
const answer = (fields: string, rest = EVIL, status = '200 OK'): string => `HTTP/1.1 ${status}\r\n${fields}\r\n${rest}`

interface Split {
  bytes: string
  /** Cut: the answer is broken off. */
  gets: number | 'cut'
  body?: string
  method?: string
  /** The app closes behind it. */
  closes?: boolean
}

const REFUSED = { gets: 503 } as const

const ANSWERS: Readonly<Record<string, Split>> = {
  'one more answer behind it': { bytes: answer('Content-Length: 2\r\n', `ok${EVIL}`), gets: 200, body: 'ok' },
  'one more answer behind chunks': {
    bytes: answer('Transfer-Encoding: chunked\r\n', `2\r\nok\r\n0\r\n\r\n${EVIL}`),
    gets: 200,
    body: 'ok'
  },
  'one more answer behind nothing': { bytes: answer('Content-Length: 0\r\n'), gets: 200, body: '' },
  'two equal lengths': { bytes: answer('Content-Length: 2\r\nContent-Length: 2\r\n', `ok${EVIL}`), gets: 200, body: 'ok' },
  'two lengths': { bytes: answer('Content-Length: 0\r\nContent-Length: 43\r\n'), ...REFUSED },
  'a list of lengths': { bytes: answer('Content-Length: 0, 43\r\n'), ...REFUSED },
  'a length and chunks': { bytes: answer('Content-Length: 43\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${EVIL}`), ...REFUSED },
  'a length with a sign': { bytes: answer('Content-Length: +0\r\n'), ...REFUSED },
  'a length behind a no-break space': { bytes: answer('Content-Length: \xa00\r\n'), ...REFUSED },
  'a length behind a bare LF': { bytes: answer('X: y\nContent-Length: 0\r\n'), ...REFUSED },
  'a length behind a bare CR': { bytes: answer('X: y\rContent-Length: 0\r\n'), ...REFUSED },
  'a length on a folded line': { bytes: answer('Content-Length:\r\n 0\r\n'), ...REFUSED },
  'a blank before the colon': { bytes: answer('Content-Length : 0\r\n'), ...REFUSED },
  'a NUL': { bytes: answer('X: \0\r\nContent-Length: 0\r\n'), ...REFUSED },
  'chunks twice': { bytes: answer('Transfer-Encoding: chunked, chunked\r\n', `0\r\n\r\n${EVIL}`), ...REFUSED },
  'chunks of HTTP/1.0': { bytes: `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`, ...REFUSED },
  'another coding': { bytes: answer('Transfer-Encoding: identity\r\n'), gets: 200, body: EVIL, closes: true },
  'no length': { bytes: answer('X: y\r\n'), gets: 200, body: EVIL, closes: true },
  'a 204 with a body': { bytes: answer('Content-Length: 43\r\n', EVIL, '204 No Content'), gets: 204, body: '' },
  'a 204 with chunks': { bytes: answer('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${EVIL}`, '204 No Content'), gets: 204, body: '' },
  'a 304 with a body': { bytes: answer('Content-Length: 43\r\n', EVIL, '304 Not Modified'), gets: 304, body: '' },
  'a HEAD with a body': { bytes: answer('Content-Length: 43\r\n'), gets: 200, body: '', method: 'HEAD' },
  'a 101 that nobody asked for': { bytes: answer('Upgrade: x\r\n', EVIL, '101 Switching Protocols'), ...REFUSED },
  'a 100 with a length': {
    bytes: answer('Content-Length: 43\r\n', answer('Content-Length: 2\r\n', 'ok'), '100 Continue'),
    gets: 200,
    body: 'ok'
  },
  'interim answers without end': { bytes: answer('', '', '103 Early Hints').repeat(1_000), gets: 503 },
  'a status of two digits': { bytes: 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n', ...REFUSED },
  'a status of four digits': { bytes: 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n', ...REFUSED },
  'HTTP/2.0': { bytes: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', ...REFUSED },
  'no HTTP': { bytes: `SSH-2.0-OpenSSH\r\n\r\n${EVIL}`, ...REFUSED },
  'a head without an end': { bytes: answer(`X: ${'y'.repeat(300_000)}`, ''), ...REFUSED },
  'less than its length': { bytes: answer('Content-Length: 43\r\n', 'ok'), gets: 'cut', closes: true },
  'chunks without an end': { bytes: answer('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n'), gets: 'cut', closes: true },
  'chunks that break': { bytes: answer('Transfer-Encoding: chunked\r\n', `2\r\nokXX0\r\n\r\n${EVIL}`), gets: 'cut' },
  'a trailer that says a length': { bytes: answer('Transfer-Encoding: chunked\r\n', `0\r\nContent-Length: 43\r\n\r\n${EVIL}`), gets: 'cut' }
}

const own = (path: string): string => answer(`Content-Length: ${path.length}\r\n`, path)
const cases = Object.values(ANSWERS)
const app = net.createServer(socket => {
  let text = ''
  socket.on('error', () => {}) // it was dropped, as it should be
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const path = text.split(' ', 2)[1] ?? ''
      text = text.slice(end + 4)
      const split = cases[Number(/^\/case\/(\d+)$/.exec(path)?.[1] ?? Number.NaN)]
      socket.write(Buffer.from(split?.bytes ?? own(path), 'latin1'))
      if (split?.closes === true) socket.end()
    }
  })
})

const tunnelId = randomUUID()
let server: RunningServer
let sidecar: { stop(): Promise<void> }
let innocents = 0

beforeAll(async () => {
  app.listen(0, '127.0.0.1')
  await once(app, 'listening')
  server = await startServer({
    tunnel: { host: '127.0.0.1', port: 0, carrier: 'ws', path: '/proxy' },
    entrypoints: [{ host: '127.0.0.1', port: 0 }],
    rules: [{ host: HOST, tunnelId }],
    limits: FAST_LIMITS,
    log: silent
  })
  const { port } = app.address() as AddressInfo
  sidecar = await startTestConnector('sidecar', { carrier: 'ws', tunnelPort: server.tunnelPort, tunnelId, appPort: port })
})
afterAll(async () => {
  await sidecar.stop()
  await server.close()
  app.close()
})

async function innocent(agent?: http.Agent): Promise<void> {
  innocents += 1
  const path = `/own/${innocents}`
  const { status, text } = await visit(`http://127.0.0.1:${server.entrypointPort}${path}`, {
    host: HOST,
    ...(agent !== undefined && { agent })
  })
  expect([status, text]).toEqual([200, path])
}

it.each(Object.entries(ANSWERS).map(([name, split], at) => [name, at, split] as const))(
  '%s',
  async (_name, at, { gets, body, method = 'GET' }) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const asked = visit(`http://127.0.0.1:${server.entrypointPort}/case/${at}`, { host: HOST, agent, method })
    if (gets === 'cut') await expect(asked).rejects.toThrow(/aborted|ECONNRESET|socket hang up/)
    else {
      const { status, text } = await asked
      expect(status).toBe(gets)
      if (body !== undefined) expect(text).toBe(body)
    }
    // On the visitor's connection, and on those that the app has kept.
    await innocent(agent)
    await innocent()
    agent.destroy()
  }
)
