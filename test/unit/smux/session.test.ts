import { afterEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/base/connection.ts'
import { openSession } from '../../../src/smux/session.ts'
import type { SmuxOptions, SmuxSession, SmuxStream } from '../../../src/smux/types.ts'
import { memoryPair } from '../../../src/transport/memory.ts'
import { eventually } from '../../harness/eventually.ts'
import { type FakeClock, fakeClock } from '../../harness/fake-clock.ts'
import { type RawPeer, rawFrame, rawPeer } from '../../harness/raw-smux.ts'

interface World {
  session: SmuxSession
  peer: RawPeer
  /** The peer's end of the connection. */
  wire: Connection
  clock: FakeClock
  streams: SmuxStream[]
}

const open: SmuxSession[] = []
afterEach(() => {
  for (const session of open.splice(0)) void session.close()
})

function world(options: Partial<SmuxOptions> = {}): World {
  const [ours, wire] = memoryPair({ highWaterMark: 4_194_304 })
  const clock = fakeClock()
  const streams: SmuxStream[] = []
  const session = openSession(ours, { role: 'server', clock, onStream: stream => streams.push(stream), ...options })
  open.push(session)
  return { session, peer: rawPeer(wire), wire, clock, streams }
}

/** Resolves with the error a session ended with. */
const endOf = (session: SmuxSession): Promise<Error | undefined> => session.closed

async function accepted(at: World): Promise<SmuxStream> {
  at.peer.send('SYN', 3)
  return eventually(() => {
    const [stream] = at.streams
    if (stream === undefined) throw new Error('no stream yet')
    return stream
  })
}

const settled = async (at: World): Promise<void> => {
  await eventually(() => expect(at.session.queuedBytes).toBe(0))
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
}

describe('opening', () => {
  it('sends SYN, the opening bytes and the first write as one message, odd ids from 3 as client', async () => {
    const at = world({ role: 'client' })
    at.session.open({ preface: Buffer.from('open') }).write('head')
    at.session.open()
    await eventually(() => expect(at.peer.log).toEqual(['SYN 3', 'PSH 3 8', 'SYN 5']))
    expect(at.peer.chunks).toHaveLength(1)
  })

  it('lets the first of a crowd go before the end of the tick, each whole', async () => {
    const at = world({ role: 'client' })
    for (let count = 0; count < 80; count += 1) at.session.open({ preface: Buffer.from('open') }).write('head')
    await eventually(() => expect(at.peer.log).toHaveLength(160))
    const first = at.peer.chunks[0]
    expect(first?.length).toBe(32 * (rawFrame('SYN', 3).length + rawFrame('PSH', 3, Buffer.from('openhead')).length))
    expect(at.peer.log.slice(0, 2)).toEqual(['SYN 3', 'PSH 3 8'])
  })

  it('uses even ids as server', async () => {
    const at = world()
    at.session.open()
    at.session.open()
    await eventually(() => expect(at.peer.log).toEqual(['SYN 2', 'SYN 4']))
  })

  it('says nothing of a stream that is destroyed before its SYN went out', async () => {
    const at = world({ role: 'client' })
    at.session.open({ preface: Buffer.from('open') }).destroy()
    at.session.open().write('x')
    await eventually(() => expect(at.peer.log).toEqual(['SYN 5', 'PSH 5 1']))
    expect(at.session.streamCount).toBe(1)
  })

  it('hands over a stream of the peer in the tick of its SYN, with what follows it', async () => {
    const at = world()
    at.wire.write(Buffer.concat([rawFrame('SYN', 3), rawFrame('PSH', 3, Buffer.from('hello'))]))
    await eventually(() => expect(at.streams[0]?.read()?.toString()).toBe('hello'))
  })

  it('ignores a second SYN of the same stream', async () => {
    const at = world()
    const stream = await accepted(at)
    at.peer.send('SYN', 3)
    at.peer.send('PSH', 3, Buffer.from('still here'))
    await eventually(() => expect(stream.read()?.toString()).toBe('still here'))
    expect(at.streams).toHaveLength(1)
  })

  it('closes streams that nobody takes, and those over the limit', async () => {
    const nobody = world({ onStream: undefined })
    nobody.peer.send('SYN', 3)
    await eventually(() => expect(nobody.peer.log).toEqual(['FIN 3']))
    const few = world({ maxStreams: 1 })
    for (const id of [3, 5]) few.peer.send('SYN', id)
    await eventually(() => expect(few.peer.log).toEqual(['FIN 5']))
    expect(few.session.streamCount).toBe(1)
    expect(() => few.session.open()).toThrow(expect.objectContaining({ code: 'SMUX_STREAMS' }))
  })

  it('starts on a paused connection with bytes waiting in it', async () => {
    const [ours, wire] = memoryPair()
    wire.write(rawFrame('SYN', 3))
    await eventually(() => expect(ours.readableLength).toBeGreaterThan(0))
    ours.pause()
    const streams: SmuxStream[] = []
    open.push(openSession(ours, { role: 'server', clock: fakeClock(), onStream: stream => streams.push(stream) }))
    await eventually(() => expect(streams).toHaveLength(1))
  })
})

describe('ending', () => {
  it('as a connector sends FIN behind the last byte: the app has answered', async () => {
    const at = world()
    const stream = await accepted(at)
    stream.end('answer')
    await eventually(() => expect(at.peer.log).toEqual(['PSH 3 6', 'FIN 3']))
  })

  it('as a tunnel server keeps FIN back until the connector has ended: a stock one drops its answer otherwise', async () => {
    const at = world({ role: 'client' })
    const stream = at.session.open()
    stream.end('request')
    await settled(at)
    expect(at.peer.log).toEqual(['SYN 3', 'PSH 3 7'])
    at.peer.send('PSH', 3, Buffer.from('answer'))
    at.peer.send('FIN', 3)
    await eventually(() => expect(at.peer.log.at(-1)).toBe('FIN 3'))
    expect(stream.read()?.toString()).toBe('answer')
    expect(at.session.streamCount).toBe(0)
  })

  it('delivers what came before the peer’s FIN, then the end', async () => {
    const at = world()
    const stream = await accepted(at)
    for (let sent = 0; sent < 4; sent += 1) at.peer.send('PSH', 3, Buffer.alloc(50_000, 7))
    at.peer.send('FIN', 3)
    await eventually(() => expect(stream.peerEnded).toBe(true))
    let bytes = 0
    for await (const chunk of stream) bytes += (chunk as Buffer).length
    expect(bytes).toBe(200_000)
  })

  it('drops what is written after the peer’s FIN, without an error and without blocking', async () => {
    const at = world()
    const stream = await accepted(at)
    at.peer.send('FIN', 3)
    await eventually(() => expect(stream.peerEnded).toBe(true))
    await new Promise<void>((resolve, reject) => {
      stream.write(Buffer.alloc(1_000_000), error => (error ? reject(error) : resolve()))
    })
    stream.end()
    await eventually(() => expect(at.peer.log).toEqual(['FIN 3']))
    expect(stream.errored).toBeNull()
  })

  it('releases a writer that waits for a window when the peer ends', async () => {
    const at = world()
    const stream = await accepted(at)
    const written = new Promise(resolve => stream.write(Buffer.alloc(1_000_000), resolve))
    await eventually(() => expect(at.peer.received(3)).toHaveLength(262_144))
    at.peer.send('FIN', 3)
    expect(await written).toBeFalsy()
  })

  it('destroy sends FIN at once, once, and drops what is unread', async () => {
    const at = world()
    const stream = await accepted(at)
    at.peer.send('PSH', 3, Buffer.from('unread'))
    stream.destroy()
    stream.destroy()
    await eventually(() => expect(at.peer.log).toEqual(['FIN 3']))
    at.peer.send('PSH', 3, Buffer.from('late'))
    at.peer.send('FIN', 3)
    at.peer.send('SYN', 5)
    await eventually(() => expect(at.streams).toHaveLength(2))
    expect(at.peer.log).toEqual(['FIN 3'])
  })

  it('forgets a stream that both sides ended', async () => {
    const at = world()
    const stream = await accepted(at)
    stream.resume()
    stream.end()
    at.peer.send('FIN', 3)
    await eventually(() => expect([stream.closed, at.session.streamCount]).toEqual([true, 0]))
    expect(at.peer.log).toEqual(['FIN 3'])
  })
})

describe('sending', () => {
  it('stops at 256 KiB until the peer’s first update, then goes on', async () => {
    const at = world()
    const stream = await accepted(at)
    const written = new Promise<void>(resolve => stream.write(Buffer.alloc(600_000, 1), () => resolve()))
    await eventually(() => expect(at.peer.received(3)).toHaveLength(262_144))
    await settled(at)
    expect([stream.sentBytes, stream.consumedBytes]).toEqual([262_144, 0])
    at.peer.update(3, 4, 1_048_576)
    await written
    await eventually(() => expect(at.peer.received(3)).toHaveLength(600_000))
    expect(stream.consumedBytes).toBe(4)
  })

  it('cuts frames at the points where a stock peer reports what it read', async () => {
    const at = world()
    const stream = await accepted(at)
    stream.write(Buffer.alloc(100_000))
    await eventually(() => expect(at.peer.received(3)).toHaveLength(100_000))
    at.peer.update(3, 1_000, 1_048_576)
    await settled(at)
    stream.write(Buffer.alloc(900_000))
    await eventually(() => expect(at.peer.received(3)).toHaveLength(1_000_000))
    let sent = 0
    const ends = at.peer.frames.flatMap(({ bytes }) => (bytes ? [(sent += bytes.length)] : []))
    expect(ends).toContain(1_000 + 524_288)
    expect(Math.max(...at.peer.frames.map(({ bytes }) => bytes?.length ?? 0))).toBe(65_535)
  })

  it('makes one message of all that streams write in a tick', async () => {
    const at = world({ role: 'client' })
    const streams = [at.session.open(), at.session.open(), at.session.open()]
    await eventually(() => expect(at.peer.log).toHaveLength(3))
    const before = at.peer.chunks.length
    for (const stream of streams) {
      stream.write('a')
      stream.write('b')
    }
    await eventually(() => expect(at.peer.log.filter(line => line.startsWith('PSH'))).toHaveLength(6))
    expect(at.peer.chunks.length - before).toBeLessThanOrEqual(2)
  })

  it('takes streams in turn, so that a small one passes a bulk one', async () => {
    const [ours, wire] = memoryPair({ highWaterMark: 65_536 })
    const session = openSession(ours, { role: 'client', clock: fakeClock() })
    open.push(session)
    const bulk = session.open()
    bulk.write(Buffer.alloc(262_144))
    const small = session.open()
    await eventually(() => expect(session.queuedBytes).toBeGreaterThan(0))
    small.write('quick')
    const peer = rawPeer(wire)
    peer.update(3, 0, 16_777_216)
    bulk.write(Buffer.alloc(4_000_000))
    await eventually(() => expect(peer.received(small.id).toString()).toBe('quick'))
    const before = peer.frames.slice(
      0,
      peer.frames.findIndex(({ id }) => id === small.id)
    )
    expect(before.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)).toBeLessThanOrEqual(524_288)
  })

  it('queues no more than a batch into a connection that does not take it', async () => {
    const [ours] = memoryPair({ highWaterMark: 1_024 })
    const session = openSession(ours, { role: 'client', clock: fakeClock() })
    open.push(session)
    for (let count = 0; count < 100; count += 1) session.open().write(Buffer.alloc(100_000))
    await eventually(() => expect(session.queuedBytes).toBeGreaterThan(0))
    for (let turn = 0; turn < 10; turn += 1) await new Promise(resolve => setImmediate(resolve))
    expect(session.queuedBytes).toBeLessThan(1_048_576)
  })
})

describe('receiving', () => {
  it('sends no update for a small stream', async () => {
    const at = world()
    const stream = await accepted(at)
    stream.resume()
    at.peer.send('PSH', 3, Buffer.alloc(60_000))
    at.peer.send('PSH', 3, Buffer.alloc(60_000))
    at.peer.send('FIN', 3)
    await eventually(() => expect(stream.readableEnded).toBe(true))
    await settled(at)
    expect(at.peer.log).toEqual([])
  })

  it('counts as consumed what was read, not what lies in the stream’s buffer', async () => {
    const at = world()
    const stream = await accepted(at)
    stream.on('readable', () => {})
    for (let sent = 0; sent < 4; sent += 1) at.peer.send('PSH', 3, Buffer.alloc(65_535))
    await eventually(() => expect(stream.readableLength).toBeGreaterThan(60_000))
    await settled(at)
    expect(at.peer.log).toEqual([])
    while (stream.read() !== null) await settled(at)
    await eventually(() => expect(at.peer.frames.at(-1)).toMatchObject({ command: 'UPD', id: 3 }))
    expect(at.peer.frames.at(-1)?.consumed).toBeGreaterThanOrEqual(131_072)
    expect(at.peer.frames.at(-1)?.windowBytes).toBeGreaterThanOrEqual(1_048_576)
  })

  it('cuts new streams to a small window when many are open', async () => {
    const at = world({ grantedBytes: 4_194_304 })
    for (let id = 3; id < 43; id += 2) at.peer.send('SYN', id)
    await eventually(() => expect(at.streams).toHaveLength(20))
    await settled(at)
    expect(at.peer.frames.at(-1)).toMatchObject({ command: 'UPD', id: 41, consumed: 0 })
    expect(at.peer.frames.at(-1)?.windowBytes).toBeLessThanOrEqual(65_536)
  })

  it('keeps tiny frames of a stalled stream together', async () => {
    const at = world()
    const stream = await accepted(at)
    at.wire.write(Buffer.concat(Array.from({ length: 20_000 }, () => rawFrame('PSH', 3, Buffer.from('x')))))
    await settled(at)
    let chunks = 0
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      chunks += 1
      bytes += chunk.length
    })
    await eventually(() => expect(bytes).toBe(20_000))
    expect(chunks).toBeLessThan(200)
  })

  it('resets a stream that nobody reads when too much lies unread, and no small one', async () => {
    const at = world({ maxUnreadBytes: 300_000 })
    for (const id of [3, 5, 7]) at.peer.send('SYN', id)
    const payload = Buffer.alloc(50_000)
    for (let round = 0; round < 5; round += 1) for (const id of [3, 5]) at.peer.send('PSH', id, payload)
    at.peer.send('PSH', 7, Buffer.alloc(10_000))
    await settled(at)
    expect(at.streams.map(({ errored }) => errored)).toEqual([expect.objectContaining({ code: 'SMUX_UNREAD' }), null, null])
    expect(at.peer.log.filter(line => line.startsWith('FIN'))).toEqual(['FIN 3'])
  })

  it('ignores payload and FIN of streams it does not know', async () => {
    const at = world()
    at.peer.send('PSH', 77, Buffer.alloc(5_000))
    at.peer.send('FIN', 77)
    at.peer.update(77, 1, 1)
    expect(await accepted(at)).toBeDefined()
  })
})

describe('a hostile peer', () => {
  it('ends the session when it sends more than it was granted', async () => {
    const at = world()
    await accepted(at)
    for (let sent = 0; sent < 5; sent += 1) at.peer.send('PSH', 3, Buffer.alloc(65_535))
    expect(await endOf(at.session)).toMatchObject({ name: 'ProtocolError', code: 'SMUX_WINDOW' })
  })

  it('loses only the stream of which it claims to have read too much', async () => {
    const at = world()
    const stream = await accepted(at)
    at.peer.update(3, 10, 1_000)
    await eventually(() => expect(stream.errored).toMatchObject({ code: 'SMUX_CONSUMED' }))
    expect(at.peer.log).toEqual(['FIN 3'])
    at.peer.send('SYN', 5)
    await eventually(() => expect(at.streams).toHaveLength(2))
  })

  it.each([
    ['another version', '0100000003000000', 'SMUX_VERSION'],
    ['an unknown command', '0209000003000000', 'SMUX_COMMAND'],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n').toString('hex'), 'SMUX_VERSION']
  ])('ends the session with %s, and its streams with it', async (_, hex, code) => {
    const at = world()
    const stream = await accepted(at)
    at.wire.write(Buffer.from(hex, 'hex'))
    expect(await endOf(at.session)).toMatchObject({ name: 'ProtocolError', code })
    expect(stream.errored).toMatchObject({ code })
    await eventually(() => expect(at.wire.closed || at.wire.readableEnded || at.wire.destroyed).toBe(true))
  })
})

describe('keepalive', () => {
  it('sends NOP at every interval', async () => {
    const at = world({ keepaliveIntervalMs: 10_000 })
    await at.clock.advance(10_000)
    await eventually(() => expect(at.peer.log).toEqual(['NOP 0']))
    expect(at.peer.chunks[0]?.toString('hex')).toBe('0203000000000000')
  })

  it('ends the session when nothing came for the timeout', async () => {
    const at = world({ keepaliveTimeoutMs: 30_000 })
    await at.clock.advance(20_000)
    at.peer.send('NOP', 0)
    await eventually(() => expect(at.session.lastReceivedAt).toBe(20_000))
    await at.clock.advance(29_999)
    expect(at.session.open()).toBeDefined()
    await at.clock.advance(15_001)
    expect(await endOf(at.session)).toMatchObject({ code: 'SMUX_TIMEOUT' })
  })

  it('leaves no timer behind', async () => {
    const at = world({ peerBudgetBytes: 4_194_304 })
    at.wire.once('end', () => at.wire.end())
    await at.session.close()
    expect(at.clock.pending).toBe(0)
  })
})

describe('closing', () => {
  it('destroys the streams without FIN and ends the connection', async () => {
    const at = world()
    const stream = await accepted(at)
    const ended = new Promise(resolve => at.wire.once('end', resolve))
    at.wire.once('end', () => at.wire.end())
    await at.session.close()
    await ended
    expect(at.peer.log).toEqual([])
    expect(stream.errored).toMatchObject({ code: 'SMUX_CLOSED' })
    expect(await endOf(at.session)).toBeUndefined()
    expect(() => at.session.open()).toThrow(expect.objectContaining({ code: 'SMUX_CLOSED' }))
  })

  it('closing twice returns the same promise', () => {
    const at = world()
    expect(at.session.close()).toBe(at.session.close())
  })

  it('destroys a connection that does not end within the grace', async () => {
    const at = world({ closeGraceMs: 500 })
    const closing = at.session.close()
    await at.clock.advance(500)
    await closing
    expect(at.clock.pending).toBe(0)
  })

  it('tells why the connection was lost', async () => {
    const at = world()
    const stream = await accepted(at)
    at.wire.destroy(new Error('cut'))
    const error = await endOf(at.session)
    expect(error).toMatchObject({ code: 'SMUX_CLOSED' })
    expect(error?.cause).toMatchObject({ code: 'ECONNRESET' })
    expect(stream.errored).toBe(error)
  })

  it('ends when the peer ends the connection', async () => {
    const at = world()
    at.wire.end()
    expect(await endOf(at.session)).toMatchObject({ code: 'SMUX_CLOSED' })
  })

  it('does not end the process when a lost stream has no listener', async () => {
    const at = world()
    await accepted(at)
    at.session.open()
    at.wire.destroy(new Error('cut'))
    expect(await endOf(at.session)).toBeInstanceOf(Error)
  })
})

describe('reading first', () => {
  /** Takes five bytes, then is done. */
  function fiveBytes(stream: SmuxStream): { got: () => string; told: string[] } {
    let got = ''
    const told: string[] = []
    stream.readFirst({
      take(chunk) {
        const left = 5 - got.length
        got += chunk.toString('latin1', 0, left)
        return got.length === 5 ? chunk.subarray(left) : undefined
      },
      done: () => told.push('done'),
      failed: error => told.push(error?.message ?? 'ended')
    })
    return { got: () => got, told }
  }

  it('gets its bytes in any pieces, and leaves the rest to the reader that follows', async () => {
    const at = world()
    const stream = await accepted(at)
    const first = fiveBytes(stream)
    for (const piece of ['he', 'l', 'lo, wor', 'ld']) at.peer.send('PSH', 3, Buffer.from(piece))
    await eventually(() => expect(first.told).toEqual(['done']))
    expect(first.got()).toBe('hello')
    let rest = ''
    stream.on('data', (chunk: Buffer) => (rest += chunk.toString()))
    await eventually(() => expect(rest).toBe(', world'))
  })

  it('hears of an end that comes too early, once', async () => {
    const at = world()
    const stream = await accepted(at)
    const first = fiveBytes(stream)
    at.peer.send('PSH', 3, Buffer.from('he'))
    at.peer.send('FIN', 3)
    await eventually(() => expect(first.told).toEqual(['ended']))
    expect(stream.destroyed).toBe(true)
  })

  it('hears why the session was lost', async () => {
    const at = world()
    const first = fiveBytes(await accepted(at))
    at.wire.destroy()
    await eventually(() => expect(first.told).toHaveLength(1))
    expect(first.told[0]).toMatch(/session was lost/)
  })
})
