/**
 * Strangers in large numbers against our server as a process of its own: each is told why or closed in time, an innocent visitor and a connector of the same
 * server notice nothing meanwhile, and memory stays within bounds.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bindRequest, connectRequest } from '../../src/relay/addresses.ts'
import { encodeRequest } from '../../src/relay/encode.ts'
import { STATUS } from '../../src/relay/message.ts'
import type { Program } from '../harness/child.ts'
import { type App, startApp } from '../harness/app.ts'
import { eventually } from '../harness/eventually.ts'
import { rawFrame } from '../harness/raw-smux.ts'
import { visit } from '../harness/visit.ts'
import { HOST } from './line.ts'
import { type OurServer, startOurServer, startOurSidecar } from './programs.ts'

const TUNNEL = randomUUID()
/** Of the whole process, at any time. It begins with 110, and comes to 370 where 30 MiB a connection are thrown away. */
const MOST_MIB = 512

let server: OurServer
let app: App
let sidecar: Program

beforeAll(async () => {
  app = await startApp({ name: 'innocent' })
  server = await startOurServer({ hosts: [[HOST, TUNNEL]], carrier: 'tcp' })
  const { tunnelPort } = server
  sidecar = await startOurSidecar({ tunnelPort, tunnelId: TUNNEL, appPort: app.port, weight: 1, carrier: 'tcp' })
  await innocent()
})
afterAll(async () => {
  await sidecar.stop()
  await server.stop()
  await app.close()
})

async function innocent(): Promise<void> {
  const { status, text } = await visit(`http://127.0.0.1:${server.entrypointPort}/`, { host: HOST, timeoutMs: 5_000 })
  expect([status, text]).toEqual([200, 'innocent\n'])
}

function memoryMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
}

interface Stranger {
  socket: net.Socket
  received: Buffer
  closed: boolean
}

let origin = 0

async function stranger(port: number, bytes: Buffer | string = ''): Promise<Stranger> {
  origin = (origin % 50) + 1
  // From many addresses, as one has only so many ports.
  const socket = net.connect({ host: '127.0.0.1', port, localAddress: `127.0.0.${origin}` })
  const self: Stranger = { socket, received: Buffer.alloc(0), closed: false }
  socket.on('data', chunk => {
    if (self.received.length < 4_096) self.received = Buffer.concat([self.received, chunk])
  })
  socket.on('error', () => {}) // `close` follows
  socket.once('close', () => {
    self.closed = true
  })
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  if (bytes.length > 0) socket.write(bytes)
  return self
}

/** In steps of so many at a time, so that the kernel's queue is not what is tested. An innocent visitor comes with every step. */
async function crowd(count: number, each: (at: number) => Promise<Stranger>): Promise<Stranger[]> {
  const all: Stranger[] = []
  while (all.length < count) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(250, count - all.length) }, (_, at) => each(all.length + at)))))
    await innocent()
  }
  return all
}

/** What happens while nobody but the innocent one is served; afterwards everybody goes. */
async function attacked(attack: () => Promise<Stranger[]>, check: (strangers: Stranger[]) => Promise<void> | void): Promise<void> {
  const lost = losses()
  const strangers = await attack()
  await innocent()
  await check(strangers)
  expect(memoryMiB()).toBeLessThan(MOST_MIB)
  for (const { socket } of strangers) socket.resetAndDestroy()
  await innocent()
  expect(losses()).toBe(lost)
}

/** How often the innocent connector was not registered any more. */
const losses = (): number => sidecar.log().match(/registered at/g)?.length ?? 0

const bind = (tunnelId: string, more: Partial<Parameters<typeof bindRequest>[0]> = {}): Buffer =>
  encodeRequest(bindRequest({ tunnelId, weight: 1, ...more }))
const statusOf = ({ received }: Stranger): number | undefined => (received.length < 4 ? undefined : received[1])
const told = (strangers: Stranger[]): Promise<void> =>
  eventually(() => expect(strangers.filter(one => !one.closed && statusOf(one) === undefined)).toHaveLength(0), { timeoutMs: 20_000 })
const tally = (strangers: Stranger[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const one of strangers) {
    const key = String(statusOf(one) ?? 'closed')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

it('lives with 2,000 silent connections at each port', async () => {
  await attacked(
    async () => [
      ...(await crowd(2_000, () => stranger(server.tunnelPort))),
      ...(await crowd(2_000, () => stranger(server.entrypointPort)))
    ],
    async strangers => {
      // More than there may be at the tunnel port, so the oldest have gone.
      await eventually(() => expect(strangers.slice(0, 900).every(({ closed }) => closed)).toBe(true))
      // The last ones in their time: 10 s for a relay request, 15 s for a head.
      await eventually(() => expect(strangers.every(({ closed }) => closed)).toBe(true), { timeoutMs: 25_000, intervalMs: 500 })
    }
  )
})

it('closes heads, hellos, prefaces and relay requests that come byte by byte without an end', async () => {
  const slow = [
    `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: `,
    Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(20)]),
    'PRI * HTTP/2.0\r\n',
    Buffer.from('010107d0', 'hex')
  ]
  await attacked(
    () => crowd(400, at => stranger(server.entrypointPort, slow[at % slow.length])),
    async strangers => {
      await eventually(
        async () => {
          for (const { socket, closed } of strangers) if (!closed) socket.write('a')
          await innocent()
          expect(strangers.every(({ closed }) => closed)).toBe(true)
        },
        { timeoutMs: 30_000, intervalMs: 500 }
      )
      const answers = strangers.filter(({ received }) => received.toString('latin1').startsWith('HTTP/1.1 408 '))
      expect(answers).toHaveLength(100)
    }
  )
})

it('answers bodies that stop coming, and keeps on serving beside those that come byte by byte', async () => {
  const head = `POST /upload HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 100000\r\n\r\n`
  await attacked(
    () => crowd(500, () => stranger(server.entrypointPort, head)),
    async strangers => {
      const [moving, stopped] = [strangers.slice(0, 250), strangers.slice(250)]
      await eventually(
        async () => {
          for (const { socket } of moving) socket.write('a')
          await innocent()
          expect(stopped.every(({ closed }) => closed)).toBe(true)
        },
        { timeoutMs: 30_000, intervalMs: 500 }
      )
      expect(stopped.every(({ received }) => received.toString('latin1').startsWith('HTTP/1.1 503 '))).toBe(true)
      expect(moving.some(({ closed }) => closed)).toBe(false)
    }
  )
})

it('takes 10,000 binds of one tunnel in no more than its places, and tells the others', async () => {
  const tunnelId = randomUUID()
  await attacked(
    () => crowd(10_000, () => stranger(server.tunnelPort, bind(tunnelId))),
    async strangers => {
      await told(strangers)
      const { [STATUS.OK]: taken = 0, [STATUS.SERVICE_UNAVAILABLE]: refused = 0, closed = 0 } = tally(strangers)
      expect(taken).toBeLessThanOrEqual(256)
      expect([refused > 9_000, taken + refused + closed]).toEqual([true, 10_000])
    }
  )
})

it('takes 10,000 binds of as many tunnels at its pace, and the innocent one again meanwhile', async () => {
  await attacked(
    () => crowd(10_000, () => stranger(server.tunnelPort, bind(randomUUID()))),
    async strangers => {
      await told(strangers)
      expect(tally(strangers)[STATUS.SERVICE_UNAVAILABLE]).toBeGreaterThan(5_000)
      const { tunnelPort } = server
      const again = await startOurSidecar({ tunnelPort, tunnelId: TUNNEL, appPort: app.port, weight: 1, carrier: 'tcp' })
      await again.stop()
    }
  )
})

it('tells 3,000 visitors of tunnels that nobody has', async () => {
  await attacked(
    () =>
      crowd(3_000, () =>
        stranger(server.entrypointPort, encodeRequest(connectRequest({ destination: { host: 'x', port: 1 }, tunnelId: randomUUID() })))
      ),
    async strangers => {
      await told(strangers)
      expect(tally(strangers)).toEqual({ [STATUS.SERVICE_UNAVAILABLE]: 3_000 })
    }
  )
})

const features = (bytes: number): Buffer => {
  const list = Buffer.alloc(bytes, 0)
  const request = Buffer.from([1, 2, bytes >> 8, bytes & 255])
  return Buffer.concat([request, list])
}
/** Behind a bind that was taken. */
const BREAKS: Readonly<Record<string, Buffer>> = {
  'another version': Buffer.from('0103000000000000', 'hex'),
  'an unknown command': Buffer.from('0209000003000000', 'hex'),
  HTTP: Buffer.from('GET / HTTP/1.1\r\n\r\n')
}
/** What it does not have to be closed for. */
const ODDITIES: Readonly<Record<string, Buffer>> = {
  '20,000 streams of its own': Buffer.concat(Array.from({ length: 20_000 }, (_, at) => rawFrame('SYN', 2 * at + 2))),
  'the same stream again and again': Buffer.concat(
    Array.from({ length: 20_000 }, () => Buffer.concat([rawFrame('SYN', 4), rawFrame('FIN', 4)]))
  ),
  'payload of streams that never were': Buffer.concat(
    Array.from({ length: 500 }, (_, at) => rawFrame('PSH', 2 * at + 9, Buffer.alloc(60_000)))
  ),
  'window updates of streams that never were': Buffer.concat(
    Array.from({ length: 20_000 }, (_, at) => rawFrame('UPD', at, Buffer.alloc(8, 255)))
  ),
  'a control channel of noise': Buffer.concat([
    rawFrame('SYN', 2),
    ...Array.from({ length: 500 }, () => rawFrame('PSH', 2, Buffer.alloc(60_000, 'x')))
  ])
}

it.each(Object.entries(BREAKS))('drops a connector that sends %s', async (_name, bytes) => {
  await attacked(
    () => crowd(50, () => stranger(server.tunnelPort, Buffer.concat([bind(randomUUID()), bytes]))),
    strangers => eventually(() => expect(strangers.every(({ closed }) => closed)).toBe(true), { timeoutMs: 10_000 })
  )
})

it.each(Object.entries(ODDITIES))('keeps nothing of %s', async (_name, bytes) => {
  await attacked(
    () => crowd(10, () => stranger(server.tunnelPort, Buffer.concat([bind(randomUUID()), bytes]))),
    strangers => eventually(() => expect(strangers.every(({ socket, closed }) => closed || socket.writableLength === 0)).toBe(true))
  )
})

it('closes relay requests with more features than there are', async () => {
  await attacked(
    () => crowd(100, () => stranger(server.tunnelPort, features(65_535))),
    strangers => eventually(() => expect(strangers.every(({ closed }) => closed)).toBe(true), { timeoutMs: 10_000 })
  )
})
