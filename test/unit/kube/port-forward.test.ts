import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import type { PodForwarder } from '../../../src/kube/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { connectToFake } from '../../harness/fake-kubernetes/connect.ts'
import { type FakeKubernetes, type FakeKubernetesOptions, startFakeKubernetes } from '../../harness/fake-kubernetes.ts'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close()
})

const never = new AbortController().signal

interface Setup {
  fake: FakeKubernetes
  forwarder: PodForwarder
}

async function setup(options: FakeKubernetesOptions = {}, connect: Parameters<typeof connectToFake>[1] = {}): Promise<Setup> {
  const fake = await startFakeKubernetes({ objects: { pods: [{ metadata: { name: 'web' } }] }, ...options })
  const cluster = await connectToFake(fake, connect)
  open.push(fake, cluster)
  return { fake, forwarder: cluster.forwarder('default', 'web') }
}

/** A TCP app on a local port, reachable as `port` of the pod. */
async function app(fake: FakeKubernetes, port: number, serve: (socket: net.Socket) => void): Promise<net.Server> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  fake.forwardPort('web', port, (server.address() as AddressInfo).port)
  open.push({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise(resolve => server.close(resolve))
    }
  })
  return server
}

const echo = (socket: net.Socket): void => void socket.pipe(socket)

/** Sends a question and reads an answer of the same length. */
async function ask(connection: Connection, question: string): Promise<string> {
  connection.write(question)
  let answer = ''
  for await (const chunk of connection) {
    answer += String(chunk)
    if (answer.length >= question.length) break
  }
  return answer
}

const errorOf = (connection: Connection): Promise<Error> =>
  new Promise(resolve => {
    connection.once('error', resolve)
    connection.resume()
  })

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function bytesOf(connection: Connection): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of connection) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** What both ways of port-forwarding have to do. */
describe.each([
  ['SPDY', true],
  ['v4', false]
])('a port-forward (%s)', (_name, spdy) => {
  test('carries bytes both ways', async () => {
    const { fake, forwarder } = await setup({ spdy })
    await app(fake, 80, socket => socket.once('data', data => socket.end(`got ${data.toString()}`)))
    const connection = await forwarder.dial(80, never)
    expect(connection.opaque).toBe(true)
    expect(connection.remote).toEqual({ host: 'web', port: 80 })
    connection.write('hello')
    expect(await text(connection)).toBe('got hello')
  })

  test('delivers the last byte of a long answer', async () => {
    const { fake, forwarder } = await setup({ spdy })
    const answer = randomBytes(5_000_000)
    await app(fake, 80, socket => socket.once('data', () => socket.end(answer)))
    const connection = await forwarder.dial(80, never)
    connection.write('go')
    expect(sha(await bytesOf(connection))).toBe(sha(answer))
  })

  test('still gets an answer that comes long after our end', async () => {
    const { fake, forwarder } = await setup({ spdy })
    await app(fake, 80, socket => socket.once('data', data => setTimeout(() => socket.end(`got ${data.toString()}`), 300)))
    const connection = await forwarder.dial(80, never)
    connection.end('question')
    expect(await text(connection)).toBe('got question')
  })

  test('delivers a long upload whole', async () => {
    const { fake, forwarder } = await setup({ spdy })
    const upload = randomBytes(5_000_000)
    let left = upload.length
    const hash = createHash('sha256')
    await app(fake, 80, socket =>
      socket.on('data', data => {
        hash.update(data)
        left -= data.length
        if (left === 0) socket.end(hash.digest('hex'))
      })
    )
    const connection = await forwarder.dial(80, never)
    connection.write(upload)
    expect(await text(connection)).toBe(sha(upload))
  })

  test('does not buffer what nobody reads', async () => {
    const { fake, forwarder } = await setup({ spdy })
    let written = 0
    await app(fake, 80, socket => {
      const chunk = Buffer.alloc(65_536)
      const pump = (): void => {
        while (written < 200_000_000 && socket.write(chunk)) written += chunk.length
      }
      socket.on('drain', pump)
      pump()
    })
    const connection = await forwarder.dial(80, never)
    connection.read(0)
    let before = -1
    await eventually(
      () => {
        const still = written === before && written > 0
        before = written
        return still
      },
      { intervalMs: 200, timeoutMs: 8_000 }
    )
    expect(connection.readableLength).toBeLessThan(3_000_000)
    expect(written).toBeLessThan(60_000_000)
  })

  test('tells that nobody listens with ECONNREFUSED before any byte', async () => {
    const { fake, forwarder } = await setup({ spdy })
    fake.forwardPort('web', 81, undefined)
    const refused = async (): Promise<Error> => {
      const connection = await forwarder.dial(81, never).catch((error: Error) => error)
      if (connection instanceof Error) return connection
      expect(spdy).toBe(false) // SPDY rejects the dial itself
      return errorOf(connection)
    }
    for (let round = 0; round < 3; round += 1) {
      expect(await refused()).toMatchObject({ code: 'ECONNREFUSED', message: 'pod web, port 81: connection refused' })
    }
  })

  test('names pods/portforward when it is forbidden', async () => {
    const { fake, forwarder } = await setup({ spdy })
    fake.forbid('get', 'pods/portforward')
    await expect(forwarder.dial(80, never)).rejects.toMatchObject({
      code: 'CLUSTER_FORBIDDEN',
      message: 'developer@fake may not get pods/portforward web in namespace default',
      hint: 'kubectl auth can-i get pods --subresource=portforward -n default'
    })
  })

  test('tells that the pod is gone', async () => {
    const { fake, forwarder } = await setup({ spdy })
    fake.delete('pods', 'web')
    await expect(forwarder.dial(80, never)).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' })
  })

  test('an aborted dial rejects with the reason', async () => {
    const { fake, forwarder } = await setup({ spdy })
    fake.freeze(true)
    const controller = new AbortController()
    const dialling = forwarder.dial(80, controller.signal)
    controller.abort(new Error('enough'))
    await expect(dialling).rejects.toThrow('enough')
    await expect(forwarder.dial(80, controller.signal)).rejects.toThrow('enough')
  })

  test('a cut link ends its connections with an error; the next dial makes a new one', async () => {
    const { fake, forwarder } = await setup({ spdy })
    await app(fake, 80, echo)
    const connection = await forwarder.dial(80, never)
    const failed = errorOf(connection)
    fake.resetConnections()
    expect(await failed).toMatchObject({ code: 'ECONNRESET' })
    const next = await forwarder.dial(80, never)
    next.write('again')
    expect(String((await once(next, 'data'))[0])).toBe('again')
  })

  test('destroying a connection ends the one in the pod', async () => {
    const { fake, forwarder } = await setup({ spdy })
    const ended: boolean[] = []
    await app(fake, 80, socket => socket.on('close', () => ended.push(true)).pipe(socket))
    const connection = await forwarder.dial(80, never)
    connection.write('x')
    await once(connection, 'data')
    expect(ended).toEqual([])
    connection.destroy()
    await eventually(() => expect(ended).toEqual([true]))
  })
})

describe('a SPDY port-forward', () => {
  test('carries many connections in one WebSocket', async () => {
    const { fake, forwarder } = await setup()
    await app(fake, 80, echo)
    await app(fake, 81, socket => socket.end('81'))
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) =>
        ask(await forwarder.dial(80 + (index % 2), never), index % 2 === 1 ? 'q1' : `question ${index}`)
      )
    )
    expect(answers[0]).toBe('question 0')
    expect(answers[198]).toBe('question 198')
    expect(answers.filter(answer => answer === '81')).toHaveLength(100)
    expect(fake.portForwards).toBe(1)
  })

  test('lets a silent pod go after our end', async () => {
    const { fake, forwarder } = await setup({}, { forwardSettings: { limits: { lingerMs: 50 } } })
    const ended: boolean[] = []
    await app(fake, 80, socket => socket.on('end', () => ended.push(true)).resume())
    const connection = await forwarder.dial(80, never)
    connection.end('question without an answer')
    expect(await text(connection)).toBe('')
    await eventually(() => expect(ended).toEqual([true]))
    expect(fake.portForwards).toBe(1)
  })

  test('tells an app that closes at once from one that refuses', async () => {
    const { fake, forwarder } = await setup()
    await app(fake, 80, socket => socket.end())
    expect(await text(await forwarder.dial(80, never))).toBe('')
  })

  test('a port that worked and then refuses is told by the connection or the dial, then by the dial', async () => {
    const { fake, forwarder } = await setup()
    await app(fake, 80, echo)
    expect(await ask(await forwarder.dial(80, never), 'x')).toBe('x')
    fake.forwardPort('web', 80, undefined)
    // Whether the refusal overtakes the dial is a matter of packets.
    const refusal = await forwarder.dial(80, never).then(errorOf, (error: Error) => error)
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' })
    await expect(forwarder.dial(80, never)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('a reader that stalls does not hold up later connections, and loses nothing', async () => {
    const { fake, forwarder } = await setup()
    const big = randomBytes(20_000_000)
    await app(fake, 80, socket => socket.once('data', () => socket.end(big)))
    await app(fake, 81, echo)
    const slow = await forwarder.dial(80, never)
    slow.write('go')
    slow.read(0)
    await eventually(() => expect(slow.readableLength).toBeGreaterThan(500_000))
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => ask(await forwarder.dial(81, never), `q${index}`)))
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `q${index}`))
    expect(fake.portForwards).toBe(2)
    expect(sha(await bytesOf(slow))).toBe(sha(big))
    slow.destroy()
    await eventually(() => expect(fake.portForwards).toBe(1))
  })

  test('a reader that takes nothing while others wait on the same WebSocket is reset', async () => {
    const limits = { busyBytes: 1e9, sharedBytes: 1_000_000, aloneBytes: 500_000, stallMs: 100 }
    const { fake, forwarder } = await setup({}, { forwardSettings: { limits } })
    await app(fake, 80, socket => socket.once('data', () => socket.end(Buffer.alloc(20_000_000))))
    await app(fake, 81, echo)
    const waiting = await forwarder.dial(81, never)
    const stuck = await forwarder.dial(80, never)
    const failed = new Promise<Error>(resolve => {
      stuck.once('error', resolve)
    })
    stuck.write('go')
    stuck.read(0)
    await eventually(() => expect(stuck.readableLength).toBeGreaterThan(900_000))
    const answer = ask(waiting, 'still alive?')
    expect(await failed).toMatchObject({ code: 'ECONNRESET', message: expect.stringContaining('stalled') })
    expect(await answer).toBe('still alive?')
  })

  test('a reader that stalls alone is waited for', async () => {
    const { fake, forwarder } = await setup({}, { forwardSettings: { limits: { stallMs: 20 } } })
    const big = randomBytes(8_000_000)
    let sent = false
    await app(fake, 80, socket =>
      socket.once('data', () => {
        sent = true
        socket.end(big)
      })
    )
    const slow = await forwarder.dial(80, never)
    slow.write('go')
    slow.read(0)
    await eventually(() => expect(sent && slow.readableLength).toBeGreaterThan(1_000_000))
    await eventually(() => true, { intervalMs: 100 })
    expect(sha(await bytesOf(slow))).toBe(sha(big))
  })

  test('notices a link without any sign of life', async () => {
    const { fake, forwarder } = await setup({}, { forwardSettings: { limits: { pingMs: 20, deadMs: 100 } } })
    await app(fake, 80, echo)
    const connection = await forwarder.dial(80, never)
    const failed = errorOf(connection)
    fake.muteForwards()
    expect(await failed).toMatchObject({
      code: 'ECONNRESET',
      cause: expect.objectContaining({ message: expect.stringContaining('sign of life') })
    })
  })

  test('stays up without traffic as long as pings are answered', async () => {
    const { fake, forwarder } = await setup({}, { forwardSettings: { limits: { pingMs: 10, deadMs: 60 } } })
    await app(fake, 80, echo)
    const connection = await forwarder.dial(80, never)
    const pings = new Promise<void>(resolve => {
      let count = 0
      for (const ws of fake.forwardSockets()) ws.on('ping', () => (count += 1) === 20 && resolve())
    })
    await pings
    connection.write('x')
    expect(String((await once(connection, 'data'))[0])).toBe('x')
  })

  test('answers pings of the server and takes a goodbye for new connections only', async () => {
    const { fake, forwarder } = await setup()
    await app(fake, 80, echo)
    const old = await forwarder.dial(80, never)
    const [server] = fake.spdyServers
    server?.ping(4)
    await eventually(() => expect(server?.pings).toEqual([4]))
    server?.goaway()
    await eventually(async () => {
      ;(await forwarder.dial(80, never)).destroy()
      expect(fake.spdyServers).toHaveLength(2)
    })
    old.write('old')
    expect(String((await once(old, 'data'))[0])).toBe('old')
    old.destroy()
    await eventually(() => expect(fake.portForwards).toBe(1))
  })

  test('closing it ends everything, and later dials fail', async () => {
    const { fake, forwarder } = await setup()
    await app(fake, 80, echo)
    const connection = await forwarder.dial(80, never)
    const failed = errorOf(connection)
    await forwarder.close()
    expect(await failed).toMatchObject({ code: 'ECONNRESET' })
    await expect(forwarder.dial(80, never)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await eventually(() => expect(fake.portForwards).toBe(0))
  })
})

describe('a v4 port-forward', () => {
  test('asks for SPDY once, then takes one WebSocket per connection', async () => {
    const { fake, forwarder } = await setup({ spdy: false })
    await app(fake, 80, echo)
    const both = [await forwarder.dial(80, never), await forwarder.dial(80, never)]
    expect(fake.portForwards).toBe(2)
    expect(fake.requests.map(({ headers }) => headers['sec-websocket-protocol'])).toEqual([
      'SPDY/3.1+portforward.k8s.io',
      'v4.channel.k8s.io',
      'v4.channel.k8s.io'
    ])
    for (const connection of both) connection.destroy()
    await eventually(() => expect(fake.portForwards).toBe(0))
  })
})
