/** What every connection promises, whatever carries it. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { eventually } from '../../harness/eventually.ts'
import { checkLeaks } from '../../harness/leaks.ts'
import { everyKind, type Pair } from '../../harness/pair.ts'

checkLeaks()

const MIB = 1024 * 1024

/** `BYTES SHA1`: what is missing says more than that it differs. */
async function read(connection: Connection): Promise<string> {
  const hash = createHash('sha1')
  let length = 0
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    length += chunk.length
    hash.update(chunk)
  }
  return `${length} ${hash.digest('hex')}`
}

/** Resolves when the layer below has it: as long as that takes. */
const write = (connection: Connection, bytes: Buffer): Promise<void> =>
  new Promise((resolve, reject) => connection.write(bytes, error => (error ? reject(error) : resolve())))

const sha1 = (bytes: Buffer): string => `${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`

describe.each(everyKind)('a $name connection', ({ connect, halfClose }) => {
  let pair: Pair | undefined
  afterEach(async () => {
    await pair?.close()
    pair = undefined
  })
  const open = async (): Promise<Pair> => {
    pair = await connect()
    return pair
  }

  it('carries bytes both ways and ends cleanly', async () => {
    const { client, server } = await open()
    const up = randomBytes(3 * MIB + 17)
    const down = randomBytes(2 * MIB + 5)
    const results = Promise.all([read(client), read(server)])
    client.write(up.subarray(0, 1))
    const sent = Promise.all([write(client, up.subarray(1)), write(server, down)])
    if (halfClose) client.end()
    else await sent
    const ended = once(client, 'end')
    server.end()
    if (!halfClose) await ended
    client.end()
    expect(await results).toEqual([sha1(down), sha1(up)])
    expect([client.errored, server.errored]).toEqual([null, null])
  })

  it('keeps every write when many are made in one tick', async () => {
    const { client, server } = await open()
    const received = read(server)
    const parts = Array.from({ length: 5_000 }, (_, index) => Buffer.from(`${index},`))
    for (const part of parts) client.write(part)
    client.end()
    expect(await received).toBe(sha1(Buffer.concat(parts)))
  })

  it('holds back a writer whose reader does not read', async () => {
    const { client, server } = await open()
    const chunk = Buffer.alloc(65_536, 1)
    let written = 0
    // The system's own buffers on loopback take a few MiB; from then on the writer waits.
    for (;;) {
      const done = new Promise<boolean>(resolve => client.write(chunk, () => resolve(true)))
      const stopped = await Promise.race([done, new Promise<boolean>(resolve => setTimeout(resolve, 300, false))])
      if (!stopped) break
      written += chunk.length
      if (written > 64 * MIB) throw new Error('nobody held the writer back')
    }
    expect(server.readableLength).toBeLessThan(MIB)
    let received = 0
    server.on('data', (bytes: Buffer) => {
      received += bytes.length
    })
    await eventually(() => expect(received).toBe(written + chunk.length), { timeoutMs: 15_000 })
  })

  it('tells the peer when it is destroyed', async () => {
    const { client, server } = await open()
    client.resume()
    server.destroy()
    await eventually(() => expect(client.readableEnded || client.destroyed).toBe(true))
  })

  it('closes after an error without anybody listening for it', async () => {
    const { client } = await open()
    client.destroy(new Error('broken'))
    await eventually(() => expect(client.closed).toBe(true))
    expect(client.errored?.message).toBe('broken')
  })
})
