import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { ExchangeStore } from '../../../src/capture/exchange-store.ts'
import type { KeptExchange } from '../../../src/capture/kept.ts'
import type { ReplayRequest } from '../../../src/replay/replayable.ts'
import { type SendOptions, sendAgain } from '../../../src/replay/send-again.ts'

const servers: Server[] = []
const sockets = new Set<Socket>()
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
})

const GET: ReplayRequest = { method: 'GET', target: '/', headers: [['Host', 'a']], body: Buffer.alloc(0) }

/** What is remembered of `request` when the app behaves so. */
async function sent(app: (socket: Socket) => void, request = GET, more: Partial<SendOptions> = {}): Promise<KeptExchange | undefined> {
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // the replay hangs up on purpose
    app(socket)
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const store = new ExchangeStore({ exchanges: 1, bodyBytes: 100_000 })
  await sendAgain(request, {
    dial: async () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    address: 'the app',
    clock: systemClock,
    signal: new AbortController().signal,
    observe: { emit: () => {}, nextId: () => '2', of: '1', store },
    ...more
  })
  return store.get('2')
}

describe('sendAgain', () => {
  it('remembers the answer as a replay of the first', async () => {
    const exchange = await sent(socket => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    expect(exchange).toMatchObject({ who: 'replay', of: '1', end: { kind: 'completed' }, response: { status: 200 } })
    expect(exchange?.response?.body.bytes.toString()).toBe('ok')
  })

  it('needs no end of the connection to know the end of the answer', async () => {
    const exchange = await sent(socket => socket.write('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'))
    expect(exchange).toMatchObject({ end: { kind: 'completed' }, response: { status: 204 } })
  })

  it('gives up at its limit of bytes, and says who did', async () => {
    const endless = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const more = (): void => {
        while (socket.writable && socket.write(Buffer.alloc(65_536)));
      }
      socket.on('drain', more)
      more()
    }
    const exchange = await sent(endless, GET, { maxBytes: 1_000_000 })
    expect(exchange).toMatchObject({ end: { kind: 'aborted', by: 'agent', code: 'TOO_LARGE' }, response: { body: { truncated: true } } })
    expect(exchange?.response?.body.bytes.length).toBeLessThanOrEqual(100_000)
  })

  it('gives up at its limit of time', async () => {
    const exchange = await sent(() => {}, GET, { timeoutMs: 20 })
    expect(exchange).toMatchObject({ end: { kind: 'aborted', by: 'agent', code: 'TIMEOUT' }, response: undefined })
  })

  it('says that an app hung up without an answer', async () => {
    const exchange = await sent(socket => socket.once('data', () => socket.destroy()))
    expect(exchange).toMatchObject({ end: { kind: 'aborted', by: 'local' }, response: undefined })
  })

  it('gives an edited body the length it has, and a chunked one its chunk and trailers', async () => {
    const seen: string[] = []
    const app = (socket: Socket): void => {
      socket.once('data', chunk => {
        seen.push(chunk.toString('latin1'))
        socket.end('HTTP/1.1 204 No Content\r\n\r\n')
      })
    }
    const post = { ...GET, method: 'POST', body: Buffer.from([0, 255, 13, 10]) }
    await sent(app, { ...post, headers: [...post.headers, ['content-length', '99'], ['Expect', '100-continue']] })
    await sent(app, { ...post, headers: [...post.headers, ['Transfer-Encoding', 'chunked']], trailers: [['X-Sum', '1']] })
    expect(seen).toEqual([
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\0\xff\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n\0\xff\r\n\r\n0\r\nX-Sum: 1\r\n\r\n'
    ])
  })

  it.each([
    ['a header', { headers: [['X-A', 'b\r\nX-Evil: 1']] }],
    ['a target', { target: '/ HTTP/1.1\r\nX-Evil: 1' }]
  ] as const)('refuses %s that would break the head, before anything is sent', async (_what, broken) => {
    let connections = 0
    const counting = (): void => void (connections += 1)
    await expect(sent(counting, { ...GET, ...broken })).rejects.toMatchObject({ code: 'CANNOT_REPLAY' })
    expect(connections).toBe(0)
  })
})
