/** Streams without a Duplex: the same promises as in `session.test.ts`, kept to whoever takes and writes chunks. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { BareStream, SmuxOptions, SmuxSession } from '../../../src/smux/types.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'
import { fakeClock } from '../../harness/fake-clock.ts'
import { type RawPeer, rawFrame, rawPeer } from '../../harness/raw-smux.ts'

interface World {
  session: SmuxSession
  peer: RawPeer
  wire: Connection
  /** What happened, in this order. */
  told: string[]
  accepted(): Promise<BareStream>
}

const open: SmuxSession[] = []
afterEach(() => {
  for (const session of open.splice(0)) void session.close()
})

function world(options: Partial<SmuxOptions> = {}): World {
  const [ours, wire] = memoryPair({ highWaterMark: 4_194_304 })
  const told: string[] = []
  const first = Promise.withResolvers<BareStream>()
  const onBare = (stream: BareStream): void => {
    stream.attach({
      onReadable: () => told.push(`${stream.id}: ${stream.take()?.toString() ?? ''}${stream.finished ? ' ended' : ''}`),
      onClose: error => told.push(`${stream.id} closed${error === undefined ? '' : `: ${error.message}`}`)
    })
    stream.onClosed = () => told.push(`${stream.id} counted out`)
    first.resolve(stream)
  }
  const session = openSession(ours, { role: 'server', clock: fakeClock(), onBare, ...options })
  open.push(session)
  const peer = rawPeer(wire)
  return {
    session,
    peer,
    wire,
    told,
    accepted: () => {
      peer.send('SYN', 3)
      return first.promise
    }
  }
}

describe('reading', () => {
  it('tells of bytes and of the end in the order in which they came, also over several streams', async () => {
    const at = world()
    at.wire.write(
      Buffer.concat([
        rawFrame('SYN', 3),
        rawFrame('SYN', 5),
        rawFrame('PSH', 5, Buffer.from('why 3 ends')),
        rawFrame('FIN', 3),
        rawFrame('PSH', 5, Buffer.from('!'))
      ])
    )
    await eventually(() => expect(at.told).toEqual(['5: why 3 ends', '3:  ended', '5: !']))
  })

  it('counts as read what is taken, and nothing before', async () => {
    const at = world()
    const stream = await at.accepted()
    const held: BareStream = stream
    stream.attach({ onReadable: () => {}, onClose: () => {} })
    for (let count = 0; count < 8; count += 1) at.peer.send('PSH', 3, Buffer.alloc(32_768, 'x'))
    await eventually(() => expect(held.available).toBe(262_144))
    expect(at.peer.log).not.toContain('UPD 3')
    while (held.take() !== undefined);
    await eventually(() => expect(at.peer.frames.filter(({ command }) => command === 'UPD').at(-1)?.consumed).toBe(262_144))
  })

  it('leaves what nobody took to a Duplex that is asked for later', async () => {
    const at = world()
    const stream = await at.accepted()
    stream.attach({ onReadable: () => {}, onClose: () => {} })
    at.peer.send('PSH', 3, Buffer.from('hello, '))
    at.peer.send('PSH', 3, Buffer.from('world'))
    at.peer.send('FIN', 3)
    await eventually(() => expect(stream.peerEnded).toBe(true))
    let text = ''
    for await (const chunk of stream.connection) text += String(chunk)
    expect(text).toBe('hello, world')
  })

  it('tells once that it was destroyed, and counts it out after that', async () => {
    const at = world()
    const stream = await at.accepted()
    stream.destroy(new Error('enough'))
    stream.destroy()
    expect(at.told).toEqual(['3 closed: enough', '3 counted out'])
    expect(at.session.streamCount).toBe(0)
    await eventually(() => expect(at.peer.log).toEqual(['FIN 3']))
  })

  it('tells every stream why the session was lost', async () => {
    const at = world()
    await at.accepted()
    at.wire.destroy()
    await eventually(() => expect(at.told).toEqual(['3 closed: the tunnel session was lost', '3 counted out']))
  })
})

describe('closing behind what was written', () => {
  it('sends FIN with the last bytes, in one message', async () => {
    const at = world()
    const stream = await at.accepted()
    stream.write(Buffer.from('answer'))
    stream.close()
    await eventually(() => expect(at.peer.log).toEqual(['PSH 3 6', 'FIN 3']))
    expect(at.peer.chunks).toHaveLength(1)
    expect(at.told).toEqual(['3 closed', '3 counted out'])
  })

  it('waits for the room that the peer has to give first', async () => {
    const at = world()
    const stream = await at.accepted()
    stream.write(Buffer.alloc(300_000, 'x'))
    stream.close()
    await eventually(() => expect(at.peer.received(3)).toHaveLength(262_144))
    expect([at.session.streamCount, at.peer.log.includes('FIN 3')]).toEqual([1, false])
    at.peer.update(3, 262_144, 262_144)
    await eventually(() => expect(at.peer.log.at(-1)).toBe('FIN 3'))
    expect(at.peer.received(3)).toHaveLength(300_000)
    expect(at.session.streamCount).toBe(0)
  })

  it('gives up what is unsent when the peer leaves meanwhile', async () => {
    const at = world()
    const stream = await at.accepted()
    const written: unknown[] = []
    stream.write(Buffer.alloc(300_000, 'x'), error => written.push(error))
    stream.close()
    await eventually(() => expect(at.peer.received(3)).toHaveLength(262_144))
    at.peer.send('FIN', 3)
    await eventually(() => expect(at.session.streamCount).toBe(0))
    expect(written).toHaveLength(1)
  })
})
