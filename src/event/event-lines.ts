/**
 * Events as JSON lines into a stream that may be slow: what it cannot take waits here, up to a bound, then is dropped and counted. Writing
 * never waits, so that no reader can slow traffic. The last words of a session are never dropped. A line after a quiet moment goes out at
 * once, those that follow closely go together: a write per line costs more than the request that it tells of.
 */
import type { Writable } from 'node:stream'
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import type { SessionEvent } from './types.ts'

export interface EventLinesOptions {
  maxEvents?: number
  maxBytes?: number
  clock?: Clock
}

export interface EventLines {
  push(event: SessionEvent): void
  /** Resolves when all that was pushed so far has been handed to the stream, or when the stream is gone. */
  flushed(): Promise<void>
  readonly waiting: number
}

interface Gap {
  count: number
  from: number
  last: SessionEvent
}

const LAST_WORDS: readonly string[] = ['session.ended', 'error', 'command.result']
/** How long lines wait for others to go with. */
const TOGETHER_MS = 25
const WRITE_CHARS = 65_536

export function eventLines(out: Writable, options: EventLinesOptions = {}): EventLines {
  const { maxEvents = 10_000, maxBytes = 16_777_216, clock = systemClock } = options
  const queue: string[] = []
  let head = 0
  let bytes = 0
  let gap: Gap | undefined
  const idle = new Set<() => void>()
  let gone = false
  let together: Timer | undefined

  const waiting = (): number => queue.length - head
  const settle = (): void => {
    for (const done of idle) done()
    idle.clear()
  }
  const enqueue = (event: SessionEvent): void => {
    const line = `${JSON.stringify(event)}\n`
    queue.push(line)
    bytes += line.length
  }
  const endGap = (): void => {
    if (gap === undefined) return
    const { v, at, session, seq } = gap.last
    const { count, from } = gap
    gap = undefined
    enqueue({ v, seq, at, session, type: 'dropped', count, fromSeq: from, toSeq: seq })
  }
  const pump = (): void => {
    while (waiting() > 0 && !out.writableNeedDrain) {
      let text = ''
      for (; head < queue.length && text.length < WRITE_CHARS; head += 1) text += queue[head] ?? ''
      bytes -= text.length
      out.write(text)
      if (head >= 4_096) {
        queue.splice(0, head)
        head = 0
      }
    }
    if (waiting() > 0) return
    queue.length = 0
    head = 0
    settle()
  }
  const pumpSoon = (): void => {
    if (together !== undefined) return
    pump()
    together = clock.after(
      TOGETHER_MS,
      () => {
        together = undefined
        if (waiting() > 0) pumpSoon()
      },
      { unref: true }
    )
  }
  const leave = (): void => {
    gone = true
    together?.cancel()
    queue.length = 0
    head = 0
    bytes = 0
    gap = undefined
    settle()
  }
  out.on('drain', pump)
  out.once('close', leave)
  out.once('error', leave)

  return {
    push(event) {
      if (gone || out.destroyed) return
      const last = LAST_WORDS.includes(event.type)
      const full = waiting() >= maxEvents || bytes >= maxBytes
      // Half empty before taking up again: one `dropped` for many events, not one each.
      const stillFull = gap !== undefined && (waiting() > maxEvents / 2 || bytes > maxBytes / 2)
      if ((full || stillFull) && !last) {
        gap = { count: (gap?.count ?? 0) + 1, from: gap?.from ?? event.seq, last: event }
        return
      }
      endGap()
      enqueue(event)
      if (last) pump()
      else pumpSoon()
    },
    flushed() {
      endGap()
      pump()
      if (waiting() === 0 || gone || out.destroyed) return Promise.resolve()
      return new Promise(resolve => {
        idle.add(resolve)
      })
    },
    get waiting() {
      return waiting()
    }
  }
}
