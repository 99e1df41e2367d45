/** Apps of HTTP/1 behind a visitor of HTTP/2, which say what HTTP/2 cannot: the request ends, and the next one is served. */
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { openHttp2, visitHttp2 } from '../../harness/http2-visit.ts'
import { HOST, startWorld } from './world.ts'

const servers: net.Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Answers its first request so, and the ones after it as it should. */
async function oddApp(answer: string): Promise<number> {
  let asked = 0
  const server = net.createServer(socket => {
    socket
      .on('error', () => {})
      .on('data', () => {
        asked += 1
        socket.end(asked === 1 ? Buffer.from(answer, 'latin1') : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await eventually(() => server.listening)
  return (server.address() as AddressInfo).port
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const chunkedWith = (trailers: string): string => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${trailers}\r\n`

describe('an app of HTTP/1', () => {
  it.each([
    ['early hints of two types', '200 ok', `HTTP/1.1 103 Early Hints\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n${OK}`],
    ['an interim response of no kind', '200 ok', `HTTP/1.1 199 Who Knows\r\n\r\n${OK}`],
    ['a status of no kind', 'reset 2', 'HTTP/1.1 999 Who Knows\r\nContent-Length: 2\r\n\r\nok'],
    ['two types', '200 ok', 'HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Type: b\r\nContent-Length: 2\r\n\r\nok'],
    [
      'a field of connections',
      '200 ok',
      'HTTP/1.1 200 OK\r\nTE: gzip\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 5\r\nContent-Length: 2\r\n\r\nok'
    ],
    ['trailers of two types', '200 ok', chunkedWith('Content-Type: a\r\nContent-Type: b\r\n')],
    ['trailers of connections', '200 ok', chunkedWith('Proxy-Connection: keep-alive\r\nTE: gzip\r\nKeep-Alive: 5\r\n')],
    ['bytes beyond ASCII', '200 ok', 'HTTP/1.1 200 OK\r\nX-Name: \xe9\xff\r\nContent-Length: 2\r\n\r\nok'],
    ['an empty value', '200 ok', 'HTTP/1.1 200 OK\r\nX-Name:\r\nContent-Length: 2\r\n\r\nok']
  ])('that sends %s ends the request, and the next one is served', async (_, outcome, answer) => {
    await using world = await startWorld({ weights: [] })
    await world.addSidecar(await oddApp(answer))
    using session = await openHttp2(world.url)
    const first = visitHttp2(session, { ':path': '/', ':authority': HOST }).then(
      ({ status, text }) => `${status} ${text}`,
      (error: { rstCode?: number }) => `reset ${error.rstCode}`
    )
    expect(await first).toBe(outcome)
    const next = await visitHttp2(session, { ':path': '/', ':authority': HOST })
    expect([next.status, next.text]).toEqual([200, 'fine'])
    await eventually(() => expect(world.server.stats().active).toBe(0))
  })
})
