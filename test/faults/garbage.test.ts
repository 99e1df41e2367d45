/** Bytes that are no protocol of ours arrive on a bound link, towards either side. */
import { once } from 'node:events'
import net from 'node:net'
import { expect, it } from 'vitest'
import { dialTunnel } from '../conformance/peers.ts'
import { eventually } from '../harness/eventually.ts'
import { seeded } from '../harness/feed.ts'
import { startLine } from './line.ts'

const random = seeded(11)
const noise = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)))
/** `smux`: inside a WebSocket message, where there is one. */
const GARBAGE: readonly (readonly [name: string, bytes: Buffer, layer: 'any' | 'smux'])[] = [
  ['an HTTP answer', Buffer.from('HTTP/1.1 500 Internal Server Error\r\n\r\n'), 'any'],
  ['noise', noise(4_096), 'any'],
  ['a frame of smux version 1', Buffer.from('0103000000000000', 'hex'), 'smux'],
  ['an unknown command', Buffer.from('0209000003000000', 'hex'), 'smux'],
  [
    'a window update of a stream that never was, then noise',
    Buffer.concat([Buffer.from('0204080063000000ffffffffffffffff', 'hex'), noise(64)]),
    'smux'
  ]
]

/** As a server's message: unmasked, short. */
const message = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0x82, bytes.length]), bytes])

/** A relay that can say something of its own. */
async function startInjector(
  port: number
): Promise<{ port: number; inject(to: 'client' | 'server', bytes: Buffer): void } & AsyncDisposable> {
  const pairs = new Set<{ client: net.Socket; server: net.Socket }>()
  const listener = net.createServer(client => {
    const server = net.connect(port, '127.0.0.1')
    const pair = { client, server }
    pairs.add(pair)
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) {
      socket
        .on('error', () => {})
        .once('close', () => {
          client.destroy()
          server.destroy()
          pairs.delete(pair)
        })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    port: (listener.address() as net.AddressInfo).port,
    inject(to, bytes) {
      for (const pair of pairs) pair[to].write(bytes)
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of pairs) for (const socket of [client, server]) socket.destroy()
      listener.close()
      await once(listener, 'close')
    }
  }
}

for (const kind of ['ga', 'ours'] as const) {
  for (const carrier of ['tcp', 'ws'] as const) {
    it.concurrent(`ends the link, binds again and serves on, whatever a ${kind} server says over ${carrier}`, async () => {
      let way: ReturnType<typeof dialTunnel> | undefined
      await using line = await startLine(kind, { carrier, dial: through => signal => (way ?? through)(signal) })
      await using injector = await startInjector(line.server.tunnelPort)
      way = dialTunnel({ carrier, tunnelPort: injector.port })
      line.proxy.reset()
      for (const [name, bytes, layer] of GARBAGE) {
        await eventually(async () => expect((await line.visit()).text, `before ${name}`).toBe('laptop\n'), {
          timeoutMs: 8_000,
          intervalMs: 50
        })
        const losses = line.count('lost')
        injector.inject('client', carrier === 'ws' && layer === 'smux' ? message(bytes) : bytes)
        await eventually(() => expect(line.count('lost'), `after ${name}`).toBeGreaterThan(losses), { timeoutMs: 8_000 })
      }
      await eventually(async () => expect((await line.visit()).text).toBe('laptop\n'), { timeoutMs: 8_000, intervalMs: 50 })
    })
  }
}

it.concurrent('a server of ours drops the connector that talks garbage and serves with the next', async () => {
  let way: ReturnType<typeof dialTunnel> | undefined
  await using line = await startLine('ours', { carrier: 'tcp', dial: through => signal => (way ?? through)(signal) })
  await using injector = await startInjector(line.server.tunnelPort)
  way = dialTunnel({ carrier: 'tcp', tunnelPort: injector.port })
  line.proxy.reset()
  for (const [name, bytes] of GARBAGE) {
    await eventually(async () => expect((await line.visit()).text, `before ${name}`).toBe('laptop\n'), { timeoutMs: 8_000, intervalMs: 50 })
    const losses = line.count('lost')
    injector.inject('server', bytes)
    await eventually(() => expect(line.count('lost'), `after ${name}`).toBeGreaterThan(losses), { timeoutMs: 8_000 })
  }
  await eventually(async () => expect((await line.visit()).text).toBe('laptop\n'), { timeoutMs: 8_000, intervalMs: 50 })
})
