import { describe, expect, it } from 'vitest'
import { SendWindow } from '../../../src/smux/send-window.ts'
import { GrantPool, ReceiveWindow, SMALL_WINDOW_BYTES } from '../../../src/smux/window.ts'

const KiB = 1_024
const MiB = 1_048_576
const INITIAL = 262_144

/** On which everything takes long. */
function slowClock(): { now: () => number } {
  let now = 0
  return { now: () => (now += 1_000) }
}

const pool = (limitBytes = 64 * MiB, roundTripMs = Number.POSITIVE_INFINITY, clock = slowClock()): GrantPool =>
  new GrantPool({ limitBytes, windowBytes: MiB, maxWindowBytes: 16 * MiB, roundTripMs, clock })

/** Receives and reads in chunks; returns the updates that became due, granted at once. */
function run(window: ReceiveWindow, bytes: number, chunkBytes = 32_768): { consumed: number; windowBytes: number }[] {
  const updates = []
  for (let left = bytes; left > 0; left -= chunkBytes) {
    const chunk = Math.min(chunkBytes, left)
    expect(window.receive(chunk)).toBe(true)
    if (window.consume(chunk)) updates.push(window.grant())
  }
  return updates
}

describe('the send window', () => {
  it('starts at 256 KiB and follows absolute updates', () => {
    const window = new SendWindow()
    expect(window.available).toBe(INITIAL)
    window.sent = INITIAL
    expect(window.available).toBe(0)
    expect(window.update(4, MiB)).toBe(true)
    expect([window.available, window.outstanding]).toEqual([786_436, 262_140])
  })

  it('counts across 2^32', () => {
    const window = new SendWindow()
    window.sent = 0x1_0000_0010
    expect(window.update(0xffff_fff0, 65_536)).toBe(true)
    expect([window.outstanding, window.available, window.consumed]).toEqual([32, 65_504, 0xffff_fff0])
  })

  it('refuses a peer that consumed more than was sent', () => {
    const window = new SendWindow()
    window.sent = 100
    expect(window.update(101, MiB)).toBe(false)
  })

  it('takes a window over 2^31 for none, as gost does', () => {
    const window = new SendWindow()
    expect(window.update(0, 0xffff_ffff)).toBe(true)
    expect(window.available).toBe(0)
  })

  it('ignores a report older than the last', () => {
    const window = new SendWindow()
    window.sent = 1_000
    window.update(800, MiB)
    expect(window.update(500, 10)).toBe(true)
    expect([window.consumed, window.available]).toEqual([800, MiB - 200])
  })

  it('knows where a stock peer reports next', () => {
    const window = new SendWindow()
    window.sent = 100_000
    window.update(4, MiB)
    expect(window.sent + window.toReportPoint).toBe(4 + 524_288)
    window.sent = 4 + 524_288
    expect(window.toReportPoint).toBe(524_288)
  })
})

describe('the receive window', () => {
  it('sends no update for a stream that ends below half of it', () => {
    expect(run(new ReceiveWindow(pool()), INITIAL / 2 - 1)).toEqual([])
  })

  it('grants the configured window once half of the initial one was read', () => {
    expect(run(new ReceiveWindow(pool()), INITIAL / 2)).toEqual([{ consumed: INITIAL / 2, windowBytes: MiB }])
  })

  it('updates more often than every half window', () => {
    const updates = run(new ReceiveWindow(pool()), 10 * MiB, 50_000)
    const steps = updates.slice(2).map(({ consumed }, index) => consumed - (updates[index + 1]?.consumed ?? 0))
    expect(Math.max(...steps)).toBeLessThan(MiB / 2)
  })

  it('gets the largest window when the peer stands at an edge and the reader has kept up', () => {
    const window = new ReceiveWindow(pool())
    expect(window.receive(INITIAL)).toBe(true)
    expect(window.consume(INITIAL)).toBe(true)
    const sizes = [window.grant().windowBytes]
    for (let round = 0; round < 4; round += 1) {
      const size = sizes.at(-1) ?? 0
      expect(window.receive(size)).toBe(true)
      expect(window.consume(size)).toBe(true)
      sizes.push(window.grant().windowBytes)
    }
    expect(sizes).toEqual([16, 16, 16, 16, 16].map(size => size * MiB))
  })

  it('stays at the usual one where the peer is near', () => {
    const window = new ReceiveWindow(pool(64 * MiB, 2))
    window.receive(INITIAL)
    window.consume(INITIAL)
    expect(window.grant().windowBytes).toBe(MiB)
  })

  it.each([
    [50, 16],
    [9, 1]
  ])('learns from what follows an update after %i ms that the peer is so far: %i MiB', (answerMs, size) => {
    let now = 0
    const shared = pool(640 * MiB, size === 1 ? 50 : 1, { now: () => now })
    const window = new ReceiveWindow(shared)
    window.receive(INITIAL)
    window.consume(INITIAL)
    window.grant()
    now += answerMs
    window.receive(1)
    const fresh = new ReceiveWindow(shared)
    fresh.receive(INITIAL)
    fresh.consume(INITIAL)
    expect(fresh.grant().windowBytes).toBe(size * MiB)
  })

  it('does not grow while the peer never has to wait', () => {
    const updates = run(new ReceiveWindow(pool()), 20 * MiB + 17, 50_001)
    expect(new Set(updates.map(({ windowBytes }) => windowBytes))).toEqual(new Set([MiB]))
  })

  it('does not grow for a reader that lags', () => {
    const window = new ReceiveWindow(pool())
    window.receive(INITIAL)
    window.consume(INITIAL / 2)
    expect(window.grant().windowBytes).toBe(MiB)
  })

  it('refuses more than was ever granted, and nothing less', () => {
    const window = new ReceiveWindow(pool())
    expect(window.receive(INITIAL)).toBe(true)
    expect(window.receive(1)).toBe(false)
  })

  it('holds the peer to the widest grant when a later one is smaller: it may have sent already', () => {
    const tight = pool(300 * KiB)
    const window = new ReceiveWindow(tight)
    expect(window.grant().windowBytes).toBeLessThan(INITIAL)
    expect(window.receive(INITIAL)).toBe(true)
  })

  it('counts on across 2^32', () => {
    const window = new ReceiveWindow(pool())
    window.received = 0xffff_fff0
    window.consumed = 0xffff_fff0
    window.consume(0x20)
    expect(window.grant().consumed).toBe(0x10)
  })
})

describe('the pool', () => {
  it('bounds what 1,000 stalled streams can hold', () => {
    const shared = pool()
    for (let opened = 0; opened < 1_000; opened += 1) {
      const window = new ReceiveWindow(shared)
      if (shared.tight) window.grant()
    }
    expect(shared.committed).toBeLessThan(64 * MiB)
  })

  it('lets no stream have more than a quarter of what is left', () => {
    const shared = pool()
    const sizes: number[] = []
    for (let stalled = 0; stalled < 20; stalled += 1) {
      const window = new ReceiveWindow(shared)
      let size = INITIAL
      for (let round = 0; round < 3; round += 1) {
        window.receive(size)
        window.consume(size)
        size = window.grant().windowBytes
      }
      sizes.push(size)
    }
    expect([sizes[0], sizes[1]]).toEqual([16 * MiB, 12 * MiB])
    expect(shared.committed).toBeLessThan(64 * MiB)
    expect(sizes.at(-1)).toBeGreaterThanOrEqual(SMALL_WINDOW_BYTES)
  })

  it('gets everything back', () => {
    const shared = pool()
    const windows = Array.from({ length: 50 }, () => new ReceiveWindow(shared))
    for (const window of windows) {
      run(window, 3 * MiB)
      window.receive(1_000)
    }
    windows[0]?.end()
    expect(shared.unreadBytes).toBe(50_000)
    for (const window of windows) {
      window.close()
      window.close()
    }
    expect([shared.committed, shared.unreadBytes]).toEqual([0, 0])
  })
})
