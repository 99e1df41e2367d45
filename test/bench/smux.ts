/**
 * What smux alone costs, ours with ours over loopback TCP in one process: µs of CPU per small stream (both ends), MiB/s and CPU per GiB of a
 * bulk stream. For finding hot spots (`node --cpu-prof test/bench/smux.ts`), not for comparison with a peer. `--smoke` runs one short round.
 */
import net from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import { openSession } from '../../src/smux/session.ts'
import type { SmuxSession, SmuxStream } from '../../src/smux/types.ts'

const ANSWER = Buffer.alloc(250, 'a')
const REQUEST = Buffer.alloc(200, 'r')
const BLOCK = Buffer.alloc(65_536, 'b')

async function pair(onStream: (stream: SmuxStream) => void): Promise<{ client: SmuxSession; server: SmuxSession }> {
  const listener = net.createServer({ noDelay: true })
  await new Promise<void>(resolve => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const accepted = new Promise<net.Socket>(resolve => {
    listener.once('connection', resolve)
  })
  const { port } = listener.address() as net.AddressInfo
  const near = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const far = await accepted
  listener.close()
  const open = (socket: net.Socket, role: 'client' | 'server'): SmuxSession => openSession(socket, { role, clock: systemClock, onStream })
  return { client: open(near, 'client'), server: open(far, 'server') }
}

const small = (client: SmuxSession): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = client.open({ preface: REQUEST })
    stream.on('data', () => {})
    stream.once('end', () => stream.end())
    stream.once('error', reject)
    stream.once('close', resolve)
  })

const bulk = (client: SmuxSession, bytes: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const stream = client.open({ preface: Buffer.from('b') })
    let left = bytes
    const write = (): void => {
      while (left > 0) {
        left -= BLOCK.length
        if (!stream.write(BLOCK)) return void stream.once('drain', write)
      }
      stream.destroy()
    }
    stream.once('close', resolve)
    stream.once('error', reject)
    write()
  })

function answer(stream: SmuxStream): void {
  stream.once('data', (chunk: Buffer) => {
    if (chunk.length === REQUEST.length) stream.end(ANSWER)
  })
  stream.on('data', () => {})
}

async function measure(run: () => Promise<void>): Promise<{ cpuMs: number; ms: number }> {
  const started = performance.now()
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1_000, ms: performance.now() - started }
}

const smoke = process.argv.includes('--smoke')
const { client, server } = await pair(answer)
const rounds = smoke ? 1 : 5
const streams = smoke ? 500 : 20_000
for (let round = 0; round < rounds; round += 1) {
  for (const together of [1, 64]) {
    const { cpuMs, ms } = await measure(async () => {
      const one = async (): Promise<void> => {
        for (let done = 0; done < streams / together; done += 1) await small(client)
      }
      await Promise.all(Array.from({ length: together }, one))
    })
    console.log(`small ×${together}: ${((cpuMs / streams) * 1_000).toFixed(1)} µs CPU, ${((streams / ms) * 1_000).toFixed(0)}/s`)
  }
  const mib = smoke ? 16 : 512
  const { cpuMs, ms } = await measure(() => bulk(client, mib * 1_048_576))
  console.log(`bulk: ${((mib / ms) * 1_000).toFixed(0)} MiB/s, ${((cpuMs / mib) * 1.024).toFixed(2)} CPU s/GiB`)
}
await Promise.all([client.close(), server.close()])
