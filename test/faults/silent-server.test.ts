/** Something accepts the connection and never answers the bind; a stock client would wait for ever. */
import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { InterceptError } from '../../src/base/errors.ts'
import { dialTcp } from '../../src/transport/tcp.ts'
import { eventually } from '../harness/eventually.ts'
import { startLine } from './line.ts'

it.each(['ga', 'ours'] as const)('gives up a bind that is not answered, and binds where a %s server answers again', async kind => {
  const sockets = new Set<net.Socket>()
  const mute = net.createServer(socket => void sockets.add(socket.resume()).size)
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const toMute = dialTcp({ host: '127.0.0.1', port: (mute.address() as net.AddressInfo).port })
  let silent = false
  try {
    await using line = await startLine(kind, {
      carrier: 'tcp',
      connector: { bindTimeoutMs: 700 },
      dial: through => signal => (silent ? toMute(signal) : through(signal))
    })
    silent = true
    line.proxy.reset()
    await eventually(() => expect(line.count('lost')).toBeGreaterThanOrEqual(3), { timeoutMs: 10_000 })
    const { error } = line.changes.findLast(({ to }) => to === 'lost') ?? {}
    expect(error).toBeInstanceOf(InterceptError)
    expect(error).toMatchObject({ code: 'TUNNEL_LOST', message: expect.stringMatching(/did not answer the bind within 0\.7 s/) })
    // What was given up is closed: nothing piles up at the server.
    await eventually(() => expect([...sockets].filter(socket => !socket.destroyed).length).toBeLessThanOrEqual(1))
    silent = false
    await eventually(async () => expect((await line.visit()).text).toBe('laptop\n'), { timeoutMs: 6_000, intervalMs: 50 })
  } finally {
    for (const socket of sockets) socket.destroy()
    mute.close()
  }
})
