/** What no library would send over HTTP/2: the visitor is refused or closed, and a neighbour with a connection of its own notices nothing. */
import { describe, expect, it } from 'vitest'
import { eventually } from '../../harness/eventually.ts'
import { seeded } from '../../harness/feed.ts'
import { FLAG, FRAME, frame, framesIn, get, headerBlock, PREFACE, settings } from '../../harness/http2-frames.ts'
import { HOST, type RawVisitor, startWorld, type World } from './world.ts'

const START = Buffer.concat([Buffer.from(PREFACE), settings()])

/** The codes of the GOAWAY frames that came. */
const goaways = ({ received }: RawVisitor): number[] =>
  framesIn(received)
    .filter(({ type }) => type === FRAME.GOAWAY)
    .map(({ payload }) => payload.readUInt32BE(4))

const statusesOf = ({ received }: RawVisitor): number => framesIn(received).filter(({ type }) => type === FRAME.HEADERS).length

/** Waits until it is closed; then what a neighbour gets, and how the connectors are. */
async function afterClosing(visitor: RawVisitor, world: World): Promise<[number, ...string[]]> {
  await eventually(() => expect(visitor.ended || visitor.closed).toBe(true))
  const { status } = await world.visit('/size/3')
  await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0 }))
  return [status, ...world.server.stats().connectors.map(({ condition }) => condition)]
}

const UNDISTURBED = [200, 'live']

const ENHANCE_YOUR_CALM = 11

describe('a stranger over HTTP/2', () => {
  it('is served when its bytes come one by one', async () => {
    await using world = await startWorld()
    const visitor = await world.raw('')
    for (const byte of Buffer.concat([START, get(1, '/size/3', HOST)])) visitor.send(Buffer.of(byte))
    await eventually(() => expect(framesIn(visitor.received).some(({ type, stream }) => type === FRAME.DATA && stream === 1)).toBe(true))
  })

  it.each([
    ['a preface that goes wrong', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
    ['noise behind the preface', Buffer.concat([Buffer.from(PREFACE), Buffer.alloc(4_000, 0xa5)])],
    ['a frame larger than allowed', Buffer.concat([START, frame({ type: FRAME.DATA, stream: 1, payload: Buffer.alloc(20_000) })])],
    ['DATA on a stream that nobody opened', Buffer.concat([START, frame({ type: FRAME.DATA, stream: 5, payload: Buffer.alloc(3) })])],
    ['an even stream id', Buffer.concat([START, get(2, '/', HOST)])],
    [
      'a header block that is none',
      Buffer.concat([START, frame({ type: FRAME.HEADERS, flags: 5, stream: 1, payload: Buffer.alloc(40, 0xff) })])
    ],
    ['a window of zero', Buffer.concat([START, frame({ type: FRAME.WINDOW_UPDATE, payload: Buffer.alloc(4) })])]
  ])('is closed after %s', async (_name, bytes) => {
    await using world = await startWorld()
    const visitor = await world.raw(bytes)
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
  })

  it.each([
    ['half a preface', Buffer.from('PRI * HT')],
    ['a preface and nothing else', Buffer.from(PREFACE)],
    [
      'half a header block',
      Buffer.concat([START, frame({ type: FRAME.HEADERS, flags: FLAG.END_STREAM, stream: 1, payload: headerBlock({ ':method': 'GET' }) })])
    ]
  ])('is closed in time after %s', async (_name, bytes) => {
    await using world = await startWorld()
    const visitor = await world.raw(bytes)
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
  })

  it.each([
    ['PING', frame({ type: FRAME.PING, payload: Buffer.alloc(8) })],
    ['SETTINGS', settings()]
  ])('is closed when it floods with %s', async (_name, flood) => {
    await using world = await startWorld()
    const visitor = await world.raw(Buffer.concat([START, ...Array.from({ length: 3_000 }, () => flood)]))
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
    expect(goaways(visitor)).toContain(ENHANCE_YOUR_CALM)
  })

  it('ends nothing but its own connection with frames at random', async () => {
    await using world = await startWorld()
    const visitors: RawVisitor[] = []
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seeded(seed)
      const below = (limit: number): number => Math.floor(random() * limit)
      const noise = Array.from({ length: 12 }, () =>
        frame({
          type: below(11),
          flags: below(256),
          stream: below(6),
          payload: Buffer.from(Array.from({ length: below(40) }, () => below(256)))
        })
      )
      visitors.push(await world.raw(Buffer.concat([START, ...(seed % 2 === 0 ? [get(1, '/slow/60000', HOST)] : []), ...noise])))
    }
    expect((await world.visit('/size/3')).status).toBe(200)
    for (const { socket } of visitors) socket.destroy()
    await eventually(() => expect(world.server.stats()).toMatchObject({ active: 0, visitorsOpen: 0 }))
    expect(world.server.stats().connectors.map(({ condition }) => condition)).toEqual(['live'])
  })

  it('is closed when it opens and resets without end (CVE-2023-44487)', async () => {
    await using world = await startWorld({ limits: { http2ResetBurst: 50, http2ResetsPerSecond: 10 } })
    const cancel = Buffer.from([0, 0, 0, 8])
    const flood = Array.from({ length: 500 }, (_, at) => [
      get(2 * at + 1, '/slow/60000', HOST),
      frame({ type: FRAME.RST_STREAM, stream: 2 * at + 1, payload: cancel })
    ])
    const visitor = await world.raw(Buffer.concat([START, ...flood.flat()]))
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
    await eventually(() => expect(world.apps[0]?.counts.open).toBe(0))
  })

  it('is closed when its header block goes on without end (CVE-2024-27316)', async () => {
    await using world = await startWorld()
    const more = headerBlock({ x: 'y'.repeat(100) })
    const flood = Array.from({ length: 5_000 }, () => frame({ type: FRAME.CONTINUATION, stream: 1, payload: more }))
    const visitor = await world.raw(Buffer.concat([START, frame({ type: FRAME.HEADERS, stream: 1, payload: more }), ...flood]))
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
  })

  it('has no more requests in progress than allowed', async () => {
    await using world = await startWorld({ limits: { http2Streams: 5, firstByteTimeoutMs: 60_000 } })
    const opened = Array.from({ length: 20 }, (_, at) => get(2 * at + 1, '/freeze', HOST))
    const visitor = await world.raw(START)
    await eventually(() => expect(framesIn(visitor.received).length).toBeGreaterThan(0))
    visitor.send(Buffer.concat([frame({ type: FRAME.SETTINGS, flags: FLAG.ACK }), ...opened]))
    expect(await afterClosing(visitor, world)).toEqual(UNDISTURBED)
    expect(world.apps[0]?.counts.requests).toBeLessThanOrEqual(6) // the neighbour's is one
  })

  it('hears on drain which request was the last, and is closed after its answer', async () => {
    await using world = await startWorld()
    const visitor = await world.raw(Buffer.concat([START, get(1, '/slow/200', HOST)]))
    await eventually(() => expect(world.apps[0]?.counts.open).toBe(1))
    const drained = world.server.drain()
    await eventually(() => expect(goaways(visitor)).toEqual([0]))
    const last = framesIn(visitor.received)
      .find(({ type }) => type === FRAME.GOAWAY)
      ?.payload.readUInt32BE(0)
    visitor.send(get(3, '/size/3', HOST))
    await eventually(() => expect(visitor.ended).toBe(true))
    expect([last, statusesOf(visitor), world.apps[0]?.counts.requests]).toEqual([1, 1, 1])
    await drained
  })
})
