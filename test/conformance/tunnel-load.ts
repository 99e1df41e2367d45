/** Tunnel cases: many at once, and visitors that do not read or apps that do not. */
import type net from 'node:net'
import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { seeded } from '../harness/feed.ts'
import { blocks, digestOf, startOrigin } from './origin.ts'
import type { Tunnel, TunnelWorld } from './tunnel-world.ts'

const BIG = 64 * 1024 * 1024
const QUICK = 20
const PIECE = Buffer.alloc(65_536)

export function loadCases(world: TunnelWorld): void {
  it('echoes 200 bodies of 1 byte to 1 MB at once', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    const random = seeded(7)
    const sizes = Array.from({ length: 200 }, () => Math.ceil(1_000_000 ** random()))
    const answers = await Promise.all(
      sizes.map(size => world.visit(tunnel, '/digest', { method: 'POST', body: Buffer.concat([...blocks(size)]), timeoutMs: 60_000 }))
    )
    expect(answers.map(({ text }) => text)).toEqual(sizes.map(size => `${size} ${digestOf(size)}`))
  })

  if (world.pairing.cases === 'carrier') return

  /** Quick requests while something else stands still; none may fail or wait for it. */
  async function expectQuick(tunnel: Tunnel): Promise<void> {
    const answers = []
    for (let at = 0; at < QUICK; at += 1) answers.push(await world.visit(tunnel, '/quick', { timeoutMs: 5_000 }))
    expect(answers.map(({ status }) => status)).toEqual(Array(QUICK).fill(200))
    const times = answers.map(({ ms }) => ms).toSorted((a, b) => a - b)
    expect(times[QUICK / 2]).toBeLessThan(1_000)
  }

  /** Waits until the bytes of what stalls have filled every buffer on their way. */
  async function expectStandstill(moved: () => number): Promise<void> {
    let last = -1
    let since = performance.now()
    await eventually(
      () => {
        if (moved() !== last) since = performance.now()
        last = moved()
        expect(performance.now() - since).toBeGreaterThan(400)
      },
      { timeoutMs: 30_000, intervalMs: 20 }
    )
    expect(last).toBeGreaterThan(0)
  }

  it.each([5, 20])('keeps serving quick requests beside %i stalled big downloads', async count => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    const stalled = await Promise.all(
      Array.from({ length: count }, () => world.raw(`GET /blocks/${BIG} HTTP/1.1\r\nHost: ${tunnel.host}\r\n\r\n`))
    )
    for (const visitor of stalled) visitor.socket.pause()
    await expectStandstill(() => origin.written)
    expect(origin.written).toBeLessThan(count * BIG)
    await expectQuick(tunnel)
    // They go on where they stood.
    const [first] = stalled
    const before = first?.received.length ?? 0
    first?.socket.resume()
    await eventually(() => expect(first?.received.length).toBeGreaterThan(before + 1_000_000))
    for (const visitor of stalled) visitor.socket.destroy()
    await expectQuick(tunnel)
  })

  it('keeps serving quick requests beside uploads that the app does not read', async () => {
    const tunnel = world.tunnel()
    await using origin = await startOrigin()
    await using _connector = await world.connect(tunnel, origin.port)
    const uploads = await Promise.all(
      Array.from({ length: 12 }, () => world.raw(`POST /hold HTTP/1.1\r\nHost: ${tunnel.host}\r\nContent-Length: ${BIG}\r\n\r\n`))
    )
    let sent = 0
    const feed = ({ socket }: { socket: net.Socket }): void => {
      socket.write(PIECE, error => {
        if (error !== undefined && error !== null) return
        sent += PIECE.length
        feed({ socket })
      })
    }
    for (const visitor of uploads) feed(visitor)
    await eventually(() => expect(origin.held).toHaveLength(12))
    await expectStandstill(() => sent)
    await expectQuick(tunnel)
    for (const visitor of uploads) visitor.socket.destroy()
    await expectQuick(tunnel)
  })
}
