import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { eventLines } from '../../../src/event/event-lines.ts'
import type { SessionEvent } from '../../../src/event/types.ts'
import { eventually } from '../../harness/eventually.ts'
import { eventOf } from './samples.ts'

/** A reader that takes what was written only when it is told to. */
class SlowReader extends Writable {
  readonly lines: SessionEvent[] = []
  #done: (() => void) | undefined
  stalled = true

  constructor() {
    super({ highWaterMark: 1, decodeStrings: false })
  }

  override _write(chunk: string, _encoding: BufferEncoding, done: () => void): void {
    for (const line of chunk.trimEnd().split('\n')) this.lines.push(JSON.parse(line) as SessionEvent)
    if (this.stalled) this.#done = done
    else done()
  }

  resume(): void {
    this.stalled = false
    this.#done?.()
  }
}

const event = (seq: number) => eventOf('local.state', { address: 'x'.repeat(20), up: true, cause: '' }, { seq })
const seqs = (reader: SlowReader) => reader.lines.map(({ seq }) => seq)

describe('eventLines', () => {
  it('writes one line per event, in order', async () => {
    const reader = new SlowReader()
    reader.resume()
    const lines = eventLines(reader)
    for (let seq = 1; seq <= 50; seq += 1) lines.push(event(seq))
    await lines.flushed()
    await eventually(() => expect(seqs(reader)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1)))
  })

  it('drops what a stalled reader cannot take, says how much, and goes on', async () => {
    const reader = new SlowReader()
    const lines = eventLines(reader, { maxEvents: 10 })
    for (let seq = 1; seq <= 100; seq += 1) lines.push(event(seq))
    expect(lines.waiting).toBe(10)
    reader.resume()
    await eventually(() => expect(lines.waiting).toBe(0))
    lines.push(event(101))
    await lines.flushed()
    expect(reader.lines.at(-2)).toMatchObject({ type: 'dropped', count: 89, fromSeq: 12, toSeq: 100, seq: 100, session: '4242-k3v9' })
    expect(seqs(reader)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101])
  })

  it('bounds the bytes that wait, not only the events', () => {
    const lines = eventLines(new SlowReader(), { maxBytes: 1_000 })
    for (let seq = 1; seq <= 1_000; seq += 1) lines.push(event(seq))
    expect(lines.waiting).toBeLessThan(10)
  })

  it('says of a gap at the very end too', async () => {
    const reader = new SlowReader()
    const lines = eventLines(reader, { maxEvents: 2 })
    for (let seq = 1; seq <= 9; seq += 1) lines.push(event(seq))
    const flushed = lines.flushed()
    reader.resume()
    await flushed
    expect(reader.lines.at(-1)).toMatchObject({ type: 'dropped', fromSeq: 4, toSeq: 9 })
  })

  it('never drops the last words of a session', async () => {
    const reader = new SlowReader()
    const lines = eventLines(reader, { maxEvents: 2 })
    for (let seq = 1; seq <= 9; seq += 1) lines.push(event(seq))
    lines.push(eventOf('error', { code: 'TUNNEL_LOST', message: 'm', fatal: true }, { seq: 10 }))
    reader.resume()
    await lines.flushed()
    expect(reader.lines.map(({ type }) => type).slice(-2)).toEqual(['dropped', 'error'])
  })

  it('gives up its queue when the reader goes away', async () => {
    const reader = new SlowReader()
    const lines = eventLines(reader)
    reader.on('error', () => {})
    for (let seq = 1; seq <= 9; seq += 1) lines.push(event(seq))
    const flushed = lines.flushed()
    reader.destroy(new Error('gone'))
    await flushed
    expect(lines.waiting).toBe(0)
    lines.push(event(10))
    expect(lines.waiting).toBe(0)
  })
})
