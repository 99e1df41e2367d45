/**
 * What any two ends of a smux session must do, whoever they are and whatever connects them. A setup gives an opener of streams and what the
 * other side does with each: `echo` sends back what it gets and ends when the opener does, `stall` never reads, `count` reads everything and
 * answers with the number of bytes once `total` of them came.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'

export type Behaviour = 'echo' | 'stall' | 'count'

export interface SmuxWorld {
  /** Opens a stream to a peer that behaves so; the first line says how. */
  open(behaviour: Behaviour, total?: number): Duplex
  /** Bytes the opener's session holds for the connection. */
  queuedBytes(): number
  close(): Promise<void>
}

export type SmuxSetup = () => Promise<SmuxWorld>

/** Writes everything with back-pressure, reads `expected` bytes back. */
export async function exchange(stream: Duplex, data: Buffer, expected: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  const all = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= expected) resolve()
    })
    stream.once('error', reject)
    stream.once('close', () => (bytes >= expected ? resolve() : reject(new Error(`closed after ${bytes} of ${expected} bytes`))))
  })
  for (let at = 0; at < data.length; at += 50_000) {
    if (!stream.write(data.subarray(at, at + 50_000))) await drained(stream)
  }
  await all
  return Buffer.concat(chunks)
}

const drained = (stream: Duplex): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })

const sha = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

/** Whether so many bytes came back as they were. */
async function echoes(world: SmuxWorld, bytes: number): Promise<boolean> {
  const stream = world.open('echo')
  const data = randomBytes(bytes)
  const answer = await exchange(stream, data, bytes)
  stream.destroy()
  return sha(answer) === sha(data)
}

export function smuxSuite(name: string, setup: SmuxSetup): void {
  const using = async (run: (world: SmuxWorld) => Promise<void>): Promise<void> => {
    const world = await setup()
    try {
      await run(world)
    } finally {
      await world.close()
    }
  }

  describe(`smux between ${name}`, () => {
    it(
      'carries 200 echoes of 1 B to 1 MB at once, byte for byte',
      () =>
        using(async world => {
          const sizes = Array.from({ length: 200 }, (_, index) => Math.max(1, Math.round(1_000_000 * (index / 199) ** 4)))
          const same = await Promise.all(sizes.map(size => echoes(world, size)))
          expect(same).not.toContain(false)
        }),
      30_000
    )

    it('carries 32 MiB up and down on one stream', () => using(async world => expect(await echoes(world, 33_554_432)).toBe(true)), 30_000)

    it(
      'carries an upload of 64 MiB',
      () =>
        using(async world => {
          const total = 67_108_864
          const answer = await exchange(world.open('count', total), Buffer.alloc(total, 'u'), String(total).length)
          expect(answer.toString()).toBe(String(total))
        }),
      30_000
    )

    it('lets a quick stream pass a stalled one', () =>
      using(async world => {
        const stalled = world.open('stall')
        stalled.write(Buffer.alloc(8_000_000))
        for (let round = 0; round < 20; round += 1) expect(await echoes(world, 1_000)).toBe(true)
        expect(stalled.writableLength).toBeGreaterThan(0)
      }))

    it(
      'keeps 1,000 streams open at once',
      () =>
        using(async world => {
          const streams = Array.from({ length: 1_000 }, () => world.open('echo'))
          const answers = await Promise.all(streams.map((stream, index) => exchange(stream, Buffer.from(`n${index}`), `n${index}`.length)))
          expect(answers.map(String)).toEqual(streams.map((_, index) => `n${index}`))
          for (const stream of streams) stream.destroy()
          expect(await echoes(world, 10)).toBe(true)
        }),
      30_000
    )

    it('makes a writer wait for a stalled reader, with bounded memory', () =>
      using(async world => {
        const stalled = world.open('stall')
        let taken = 0
        const chunk = Buffer.alloc(65_536)
        const write = (): void => {
          if (taken < 67_108_864 && !stalled.destroyed) {
            stalled.write(chunk, error => {
              if (error) return
              taken += chunk.length
              write()
            })
          }
        }
        write()
        let last = -1
        await eventually(
          () => {
            const still = taken === last
            last = taken
            return still && taken > 0
          },
          { intervalMs: 100 }
        )
        expect(taken).toBeLessThanOrEqual(2_097_152)
        expect(world.queuedBytes()).toBeLessThan(1_048_576)
      }))

    it('survives streams that are destroyed in the middle', () =>
      using(async world => {
        for (let round = 0; round < 50; round += 1) {
          const stream = world.open(round % 2 === 0 ? 'echo' : 'stall')
          stream.write(Buffer.alloc(round * 4_000))
          if (round % 3 === 0) await new Promise(resolve => setImmediate(resolve))
          stream.destroy()
        }
        expect(await echoes(world, 100_000)).toBe(true)
      }))
  })
}
