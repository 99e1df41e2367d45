import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { FRAME } from '../../../src/smux/frame.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { SmuxSession, SmuxStream } from '../../../src/smux/types.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { rawFrame, rawPeer } from '../../harness/raw-smux.ts'

const numRuns = 200
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

interface Attacked {
  session: SmuxSession
  held: () => number
}

/** Feeds a session these bytes; its streams are left alone, echo or are destroyed, in turn. */
async function attack(chunks: readonly Uint8Array[]): Promise<Attacked> {
  const [ours, wire] = memoryPair({ highWaterMark: 1_048_576 })
  wire.resume()
  wire.once('end', () => wire.end())
  const streams: SmuxStream[] = []
  const session = openSession(ours, {
    role: 'server',
    clock: fakeClock(),
    maxStreams: 64,
    onStream: stream => {
      streams.push(stream)
      if (streams.length % 3 === 1) stream.pipe(stream)
      if (streams.length % 3 === 2) stream.destroy()
    }
  })
  for (const chunk of chunks) if (!wire.destroyed) wire.write(chunk)
  await turns(6)
  return { session, held: () => streams.reduce((sum, stream) => sum + stream.readableLength, 0) }
}

async function over(session: SmuxSession): Promise<Error | undefined> {
  void session.close()
  return session.closed
}

const id = fc.constantFrom(0, 2, 3, 5, 7, 0xffff_ffff)
const frame = fc
  .tuple(fc.constantFrom(...(Object.keys(FRAME) as (keyof typeof FRAME)[])), id, fc.uint8Array({ maxLength: 400 }))
  .map(([command, stream, payload]) => rawFrame(command, stream, command === 'PSH' || command === 'UPD' ? Buffer.from(payload) : undefined))

describe('smux fuzz', () => {
  it('garbage ends the session with a ProtocolError or does nothing, and no neighbour notices', async () => {
    const [near, far] = memoryPair()
    const neighbour = openSession(near, { role: 'client', clock: fakeClock() })
    const peer = rawPeer(far)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), async chunks => {
        const { session } = await attack(chunks)
        const error = await over(session)
        if (error !== undefined) expect(error).toBeInstanceOf(ProtocolError)
      }),
      { numRuns }
    )
    neighbour.open().write('healthy')
    await turns(5)
    expect(peer.log).toEqual(['SYN 3', 'PSH 3 7'])
  })

  it('frames in any order never do worse than end the session, and what they leave behind is bounded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 60 }), async frames => {
        const { session, held } = await attack([Buffer.concat(frames)])
        expect(held()).toBeLessThanOrEqual(64 * 65_536)
        expect(session.streamCount).toBeLessThanOrEqual(64)
        const error = await over(session)
        if (error !== undefined) expect((error as ProtocolError).code).toMatch(/^SMUX_/)
        expect(session.streamCount).toBe(0)
      }),
      { numRuns }
    )
  })
})
