import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Account, SendBudget } from '../../../src/smux/send-budget.ts'

const KiB = 1_024
const MiB = 1_048_576
const SLOT = 524_288
const FRAME = 32_768
const WINDOW = MiB

/**
 * A peer as stock gost: reads what its visitors take, reports after the first read and then every 512 KiB, and stops everything once 4 MiB
 * are unread. `send` offers data of a stream as long as window and budget allow.
 */
class Peer {
  readonly budget = new SendBudget({ budgetBytes: 4 * MiB })
  now = 0
  readonly streams: Stream[] = []

  open(): Stream {
    const stream = new Stream(this, this.budget.open(this.now))
    this.streams.push(stream)
    return stream
  }

  get unread(): number {
    return this.streams.reduce((sum, stream) => sum + (stream.gone ? 0 : stream.sent - stream.read), 0)
  }

  /** Lets time pass in steps in which every stream sends what it may and every reading visitor takes what there is. */
  pass(ms: number, stepMs = 10): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += stepMs
      if (this.now % 500 === 0) this.budget.tick(this.now)
      for (const stream of this.streams) stream.send()
      expect(this.unread).toBeLessThan(4 * MiB)
      for (const stream of this.streams) stream.take()
    }
  }
}

class Stream {
  readonly #peer: Peer
  readonly account: Account
  pending = 0
  sent = 0
  read = 0
  #reported = 0
  reading = true
  gone = false

  constructor(peer: Peer, account: Account) {
    this.#peer = peer
    this.account = account
  }

  write(bytes: number): this {
    this.pending += bytes
    return this
  }

  stall(): this {
    this.reading = false
    return this
  }

  send(): void {
    while (this.pending > 0 && !this.gone) {
      const unreported = this.sent - this.#reported
      const wanted = Math.min(FRAME, this.pending, WINDOW - unreported, SLOT - (unreported % SLOT))
      const permitted = wanted > 0 ? this.#peer.budget.permit(this.account, wanted, this.#peer.now) : 0
      if (permitted === 0) return
      this.#peer.budget.sent(this.account, permitted)
      this.sent += permitted
      this.pending -= permitted
    }
  }

  take(): void {
    if (!this.reading || this.gone || this.read === this.sent) return
    const first = this.read === 0
    // The first read of gost is a small one, and reported.
    this.read = first ? Math.min(this.sent, 4 * KiB) : this.sent
    if (!first && this.read - this.#reported < SLOT) return
    this.#reported = this.read
    this.#peer.budget.reported(this.account, this.sent - this.read, this.#peer.now)
  }

  leave(): void {
    this.gone = true
    this.#peer.budget.close(this.account)
  }
}

/** Downloads of which nobody takes anything. */
const stallAll = (peer: Peer, count: number): Stream[] =>
  Array.from({ length: count }, () => {
    const download = peer.open()
    return download.write(60 * MiB).stall()
  })

describe('without pressure', () => {
  it('limits a stream by nothing but its window', () => {
    const peer = new Peer()
    const download = peer.open().write(10 * MiB)
    download.send()
    expect(download.sent).toBe(WINDOW)
  })

  it('carries four downloads at their own pace', () => {
    const peer = new Peer()
    const downloads = Array.from({ length: 4 }, () => peer.open().write(20 * MiB))
    peer.pass(1_000)
    expect(downloads.map(({ read }) => read)).toEqual([20, 20, 20, 20].map(size => size * MiB))
  })

  it('counts nothing once all is closed', () => {
    const peer = new Peer()
    const streams = Array.from({ length: 50 }, (_, index) => peer.open().write(index * 10 * KiB))
    peer.pass(3_000)
    for (const stream of streams) stream.leave()
    expect(peer.budget.chargedBytes).toBe(0)
  })
})

describe('stalled visitors', () => {
  it.each([5, 20, 50])('%i stalled downloads leave small requests alone', stalled => {
    const peer = new Peer()
    stallAll(peer, stalled)
    peer.pass(2_000)
    for (let request = 0; request < 50; request += 1) {
      const small = peer.open().write(1_000)
      peer.pass(10)
      expect(small.read).toBe(1_000)
      small.leave()
    }
  })

  it('five stalled downloads leave a download alone, running or new', () => {
    const peer = new Peer()
    const running = peer.open().write(500 * MiB)
    peer.pass(100)
    stallAll(peer, 5)
    peer.pass(3_000)
    const before = running.read
    const fresh = peer.open().write(10 * MiB)
    peer.pass(2_000)
    expect(fresh.read).toBe(10 * MiB)
    expect(running.read - before).toBeGreaterThan(20 * MiB)
  })

  it('twenty stalled downloads leave a running download alone', () => {
    const peer = new Peer()
    const running = peer.open().write(500 * MiB)
    peer.pass(100)
    stallAll(peer, 20)
    peer.pass(3_000)
    const before = running.read
    peer.pass(2_000)
    expect(running.read - before).toBeGreaterThan(20 * MiB)
  })

  it('five downloads that stall together after some MiB freeze nothing', () => {
    const peer = new Peer()
    const five = Array.from({ length: 5 }, () => peer.open().write(60 * MiB))
    peer.pass(100)
    for (const download of five) download.stall()
    peer.pass(3_000)
    const fresh = peer.open().write(10 * MiB)
    peer.pass(2_000)
    expect(fresh.read).toBe(10 * MiB)
  })

  it('a stream that we ended stays charged until the peer ends it', () => {
    const peer = new Peer()
    const stalled = peer
      .open()
      .write(60 * MiB)
      .stall()
    peer.pass(100)
    const charged = peer.budget.chargedBytes
    peer.budget.ended(stalled.account)
    peer.pass(5_000)
    expect(peer.budget.chargedBytes).toBe(charged)
    stalled.leave()
    expect(peer.budget.chargedBytes).toBe(0)
  })

  it('gives everything to others when stalled visitors leave', () => {
    const peer = new Peer()
    const stalled = stallAll(peer, 20)
    peer.pass(2_000)
    const waiting = peer.open().write(10 * MiB)
    peer.pass(1_000)
    for (const stream of stalled) stream.leave()
    peer.pass(1_000)
    expect(waiting.read).toBe(10 * MiB)
  })
})

describe('many downloads at once', () => {
  it.each([8, 20, 100])('%i downloads all complete: none waits for a report that cannot come', count => {
    const peer = new Peer()
    const downloads = Array.from({ length: count }, () => peer.open().write(2 * MiB))
    for (let round = 0; round < 100 && downloads.some(({ gone }) => !gone); round += 1) {
      peer.pass(100)
      for (const download of downloads) if (!download.gone && download.read === 2 * MiB) download.leave()
    }
    expect(downloads.filter(({ gone }) => !gone)).toEqual([])
  })

  it.each([0, 1, 3])('200 that all stay below a report complete one after another, beside %i stalled ones', stalled => {
    const peer = new Peer()
    stallAll(peer, stalled)
    // Sizes of which none ever comes to a report, and ends that the peer tells a while after ours.
    const downloads = Array.from({ length: 200 }, (_, index) => peer.open().write(1 + index * 2_000))
    for (let round = 0; round < 400 && downloads.some(({ gone }) => !gone); round += 1) {
      for (const download of downloads) {
        if (download.gone || download.pending > 0 || download.read < download.sent) continue
        if (download.account.ended || download.account.closed) download.leave()
        else peer.budget.ended(download.account)
      }
      peer.pass(30)
    }
    expect(downloads.filter(({ gone }) => !gone)).toEqual([])
  })
})

describe('long-lived trickling streams', () => {
  it('never block each other though none of them ever reaches a report', () => {
    const peer = new Peer()
    const events = Array.from({ length: 100 }, () => peer.open())
    for (let second = 0; second < 60; second += 1) {
      for (const stream of events) stream.write(2_000)
      peer.pass(1_000, 100)
    }
    expect(events.map(({ read }) => read)).toEqual(events.map(() => 120_000))
  })

  it('keep going beside stalled downloads', () => {
    const peer = new Peer()
    const events = peer.open()
    stallAll(peer, 20)
    for (let second = 0; second < 600; second += 1) {
      events.write(2_000)
      peer.pass(1_000, 250)
    }
    expect(events.read).toBe(1_200_000)
  })
})

it('never lets a peer’s unread bytes reach its budget, whatever visitors do', () => {
  const act = fc.record({
    kind: fc.constantFrom('open', 'stall', 'resume', 'leave', 'pass'),
    pick: fc.nat(),
    size: fc.nat({ max: 3 * MiB })
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), acts => {
      const peer = new Peer()
      for (const { kind, pick, size } of acts) {
        const open = peer.streams.filter(({ gone }) => !gone)
        const stream = open[pick % Math.max(1, open.length)]
        if (kind === 'open' && open.length < 30) peer.open().write(size)
        else if (kind === 'stall') stream?.stall()
        else if (kind === 'resume' && stream !== undefined) stream.reading = true
        else if (kind === 'leave') stream?.leave()
        peer.pass(50)
      }
      for (const stream of peer.streams) stream.leave()
      expect(peer.budget.chargedBytes).toBe(0)
    }),
    { numRuns: 200 }
  )
})
